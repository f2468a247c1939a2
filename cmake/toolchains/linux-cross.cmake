# Linux on another processor, by Debian's cross compilers: cmake --preset i686, aarch64 or s390x
#
# i686 runs natively if the kernel supports 32-bit programs, the others under qemu's user-mode emulation.
set(LINUX_PROCESSOR "" CACHE STRING "i686, aarch64 or s390x")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES LINUX_PROCESSOR)
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${LINUX_PROCESSOR})
set(root /usr/${LINUX_PROCESSOR}-linux-gnu)
set(CMAKE_C_COMPILER ${LINUX_PROCESSOR}-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER ${LINUX_PROCESSOR}-linux-gnu-g++)
set(CMAKE_FIND_ROOT_PATH ${root})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

set(emulator qemu-${LINUX_PROCESSOR})
if(LINUX_PROCESSOR STREQUAL "i686")
  # The loader and the C library are not where a 32-bit system has them.
  set(CMAKE_EXE_LINKER_FLAGS_INIT
    "-Wl,--dynamic-linker=${root}/lib/ld-linux.so.2 -Wl,--disable-new-dtags -Wl,-rpath,${root}/lib")
  set(emulator qemu-i386)
  execute_process(COMMAND ${root}/lib/ld-linux.so.2 --version RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
  if(status EQUAL 0)
    set(emulator "")
  endif()
endif()
if(emulator)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/../../test/emulator/run.sh ${emulator} ${root})
endif()
