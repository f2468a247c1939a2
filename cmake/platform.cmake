# Which of the files that exist once per platform belong to this build. src/*/CMakeLists.txt name the files.
#
# EVENTIDE_PLATFORM is the family that decides which methods of waiting there are: linux, bsd (macOS too: kqueue)
# or solaris (illumos too). Smaller differences are asked of the C library.

include(CheckSymbolExists)

if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(EVENTIDE_PLATFORM linux)
elseif(APPLE OR CMAKE_SYSTEM_NAME MATCHES "BSD$|^DragonFly$")
  set(EVENTIDE_PLATFORM bsd)
elseif(CMAKE_SYSTEM_NAME STREQUAL "SunOS")
  set(EVENTIDE_PLATFORM solaris)
else()
  message(FATAL_ERROR "There are no files for ${CMAKE_SYSTEM_NAME}: docs/porting.md tells what is needed")
endif()

set(CMAKE_REQUIRED_DEFINITIONS -D_GNU_SOURCE)
check_symbol_exists(ppoll poll.h EVENTIDE_HAVE_PPOLL)
check_symbol_exists(secure_getenv stdlib.h EVENTIDE_HAVE_SECURE_GETENV)
check_symbol_exists(getrandom sys/random.h EVENTIDE_HAVE_GETRANDOM)
unset(CMAKE_REQUIRED_DEFINITIONS)

# eventide_choose(<variable> <condition> <file> <else file>)
macro(eventide_choose variable condition file other)
  if(${condition})
    set(${variable} ${file})
  else()
    set(${variable} ${other})
  endif()
endmacro()
eventide_choose(shared_form APPLE shared_macho shared_elf)
eventide_choose(poll_wait EVENTIDE_HAVE_PPOLL poll_wait_ppoll.cc poll_wait_ms.cc)
eventide_choose(environment EVENTIDE_HAVE_SECURE_GETENV environment_secure.cc environment_issetugid.cc)
eventide_choose(random_source EVENTIDE_HAVE_GETRANDOM random_getrandom.cc random_arc4random.cc)
eventide_choose(clock APPLE clock_darwin.cc clock_posix.cc)
eventide_choose(signal_fd LINUX signal_fd_linux.cc signal_fd_none.cc)
eventide_choose(waker LINUX waker_eventfd.cc waker_pipe.cc)
