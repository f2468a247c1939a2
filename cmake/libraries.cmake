# The libraries: one object library per shared object, from which the shared and the static form are made.
#
# Programs find the shared libraries by the names that libevent 2.1 gave them: soname libevent_core-2.1.so.7
# and so on, and libevent_core.so for the linker. The umbrella libevent-2.1.so.7 holds no code: it NEEDs core
# and extra, so that a process which reaches a function under two library names still has one copy of it.

include(${CMAKE_CURRENT_LIST_DIR}/exports.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/private_node.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/${shared_form}.cmake)

# The C driver links the shared libraries. Without this CMake would add libstdc++ and libm to its command line.
set(CMAKE_CXX_IMPLICIT_LINK_LIBRARIES "")

# --- how library code is compiled --------------------------------------------------------------------------

add_library(eventide_flags INTERFACE)
target_compile_options(eventide_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fno-threadsafe-statics -fvisibility-inlines-hidden>
  # Distributions define it; the checks call into libstdc++.
  $<$<COMPILE_LANGUAGE:CXX>:-U_GLIBCXX_ASSERTIONS>
  -fvisibility=hidden
  # A user's callback may throw a C++ exception through our frames.
  -fasynchronous-unwind-tables
  # Any other model makes a shared library call __tls_get_addr, which NEEDs the dynamic linker by name.
  -ftls-model=initial-exec
  -Wall -Wextra
  $<$<BOOL:${EVENTIDE_WERROR}>:-Werror>
  $<$<CXX_COMPILER_ID:Clang,AppleClang>:-Wthread-safety>)
if(WIN32)
  # Windows 8 has the precise system time.
  target_compile_definitions(eventide_flags INTERFACE _WIN32_WINNT=0x0602 WIN32_LEAN_AND_MEAN NOMINMAX)
  set(system_libraries ws2_32 iphlpapi bcrypt)
endif()
if(EVENTIDE_THREADS AND NOT WIN32)
  set(THREADS_PREFER_PTHREAD_FLAG OFF)
  find_package(Threads REQUIRED)
endif()

function(eventide_objects name)
  add_library(${name} OBJECT ${ARGN})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${name} PRIVATE eventide_flags)
  if(NOT EVENTIDE_THREADS)
    target_compile_definitions(${name} PUBLIC EVENT__DISABLE_THREAD_SUPPORT=1)
  endif()
endfunction()

# --- the shared and the static form of one library -----------------------------------------------------------

# eventide_library(<name> <component> [OBJECTS <target>] [NEEDS <shared target>...] [USES <foreign library>...]
#                  [STATIC_OBJECTS <target>...])
# makes <name>, <name>_static and the files lib<name>-2.1.so.7 and lib<name>.a. An archive cannot need another:
# STATIC_OBJECTS are what the umbrella's holds instead.
function(eventide_library name component)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "OBJECTS" "NEEDS;USES;STATIC_OBJECTS")
  set(sources ${PROJECT_SOURCE_DIR}/cmake/empty.c)
  if(arg_OBJECTS)
    set(sources $<TARGET_OBJECTS:${arg_OBJECTS}>)
  endif()
  set(static_sources ${sources})
  foreach(objects IN LISTS arg_STATIC_OBJECTS)
    list(APPEND static_sources $<TARGET_OBJECTS:${objects}>)
  endforeach()

  add_library(${name} SHARED ${sources})
  if(arg_OBJECTS)
    eventide_private_node(${name} ${component})
  endif()
  eventide_shared(${name} ${component} "${arg_NEEDS}")

  add_library(${name}_static STATIC ${static_sources})
  set_target_properties(${name}_static PROPERTIES OUTPUT_NAME ${name})

  foreach(form IN ITEMS "" _static)
    set_target_properties(${name}${form} PROPERTIES EXPORT_NAME ${component} LINKER_LANGUAGE C
      LIBRARY_OUTPUT_DIRECTORY ${EVENTIDE_LIB_DIR} ARCHIVE_OUTPUT_DIRECTORY ${EVENTIDE_LIB_DIR})
    target_include_directories(${name}${form} PUBLIC
      $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_compile_definitions(${name}${form} PUBLIC
      $<BUILD_INTERFACE:$<$<NOT:$<BOOL:${EVENTIDE_THREADS}>>:EVENT__DISABLE_THREAD_SUPPORT=1>>)
    if(arg_OBJECTS AND WIN32)
      target_link_libraries(${name}${form} PRIVATE ${system_libraries})
    elseif(arg_OBJECTS AND EVENTIDE_THREADS)
      target_link_libraries(${name}${form} PRIVATE Threads::Threads)
    endif()
    foreach(needed IN LISTS arg_NEEDS)
      target_link_libraries(${name}${form} PUBLIC ${needed}${form})
    endforeach()
    target_link_libraries(${name}${form} PRIVATE ${arg_USES})
  endforeach()
endfunction()

eventide_objects(event_core_objects)
target_compile_definitions(event_core_objects PRIVATE EVI_CORE=1)
if(WIN32)
  target_link_libraries(event_core_objects PUBLIC ${system_libraries})
endif()
eventide_library(event_core core OBJECTS event_core_objects)
eventide_objects(event_extra_objects)
eventide_library(event_extra extra OBJECTS event_extra_objects NEEDS event_core)
eventide_library(event event NEEDS event_core event_extra STATIC_OBJECTS event_core_objects event_extra_objects)
set(EVENTIDE_LIBRARIES event_core event_extra event)
if(EVENTIDE_THREADS AND NOT WIN32)
  eventide_objects(event_pthreads_objects)
  eventide_library(event_pthreads pthreads OBJECTS event_pthreads_objects NEEDS event_core)
  list(APPEND EVENTIDE_LIBRARIES event_pthreads)
endif()

# One small library for each TLS library that is installed, on top of the machine in event_core.
find_package(OpenSSL 1.1.1 COMPONENTS SSL Crypto)
if(OPENSSL_FOUND)
  eventide_objects(event_openssl_objects)
  target_link_libraries(event_openssl_objects PRIVATE OpenSSL::SSL)
  eventide_library(event_openssl openssl OBJECTS event_openssl_objects NEEDS event_core
    USES OpenSSL::SSL OpenSSL::Crypto)
  list(APPEND EVENTIDE_LIBRARIES event_openssl)
else()
  message(STATUS "OpenSSL is not installed: libevent_openssl is left out")
endif()

find_path(MBEDTLS_INCLUDE_DIR mbedtls/ssl.h)
find_library(MBEDTLS_LIBRARY mbedtls)
mark_as_advanced(MBEDTLS_INCLUDE_DIR MBEDTLS_LIBRARY)
if(MBEDTLS_INCLUDE_DIR AND MBEDTLS_LIBRARY)
  eventide_objects(event_mbedtls_objects)
  target_include_directories(event_mbedtls_objects SYSTEM PRIVATE ${MBEDTLS_INCLUDE_DIR})
  eventide_library(event_mbedtls mbedtls OBJECTS event_mbedtls_objects NEEDS event_core
    USES $<BUILD_INTERFACE:${MBEDTLS_LIBRARY}> $<INSTALL_INTERFACE:mbedtls>)
  # An archive does not say what it needs itself.
  target_link_libraries(event_mbedtls_static PRIVATE $<INSTALL_INTERFACE:mbedx509> $<INSTALL_INTERFACE:mbedcrypto>)
  list(APPEND EVENTIDE_LIBRARIES event_mbedtls)
else()
  message(STATUS "mbedTLS is not installed: libevent_mbedtls is left out")
endif()

eventide_umbrella(event)

add_custom_target(eventide_libraries)
foreach(library IN LISTS EVENTIDE_LIBRARIES)
  add_dependencies(eventide_libraries ${library} ${library}_static)
endforeach()
