# The files that `cmake --install` installs: headers, both forms of the libraries, pkg-config files and the CMake package
# Libevent, under the names that programs already look for. The prefix may be moved afterwards.

include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/libevent)

# --- headers -------------------------------------------------------------------------------------------------

install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
if(NOT EVENTIDE_THREADS)
  # Programs must see the same configuration as the library.
  file(READ include/event2/event-config.h config)
  string(REGEX REPLACE "(#define EVENT2_EVENT_CONFIG_H_INCLUDED_\n)" "\\1\n#define EVENT__DISABLE_THREAD_SUPPORT 1\n"
    config "${config}")
  file(WRITE ${PROJECT_BINARY_DIR}/cmake/event-config.h "${config}")
  install(FILES ${PROJECT_BINARY_DIR}/cmake/event-config.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/event2)
endif()

# --- libraries -----------------------------------------------------------------------------------------------

foreach(library IN LISTS EVENTIDE_LIBRARIES)
  install(TARGETS ${library} EXPORT libevent-shared
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} NAMELINK_SKIP
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(TARGETS ${library}_static EXPORT libevent-static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  if(NOT WIN32)
    # A symbolic link, or in ELF for the umbrella the linker script.
    install(FILES ${EVENTIDE_LIB_DIR}/lib${library}${CMAKE_SHARED_LIBRARY_SUFFIX} DESTINATION ${CMAKE_INSTALL_LIBDIR})
  endif()
endforeach()

# --- the CMake package ---------------------------------------------------------------------------------------

foreach(form IN ITEMS shared static)
  install(EXPORT libevent-${form} NAMESPACE libevent:: FILE LibeventTargets-${form}.cmake DESTINATION ${package_dir})
endforeach()
set(EVENTIDE_HAS_OPENSSL OFF)
if(TARGET event_openssl)
  set(EVENTIDE_HAS_OPENSSL ON)
endif()
configure_package_config_file(cmake/LibeventConfig.cmake.in ${PROJECT_BINARY_DIR}/cmake/LibeventConfig.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/LibeventConfigVersion.cmake
  COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cmake/LibeventConfig.cmake ${PROJECT_BINARY_DIR}/cmake/LibeventConfigVersion.cmake
  DESTINATION ${package_dir})

# --- pkg-config ----------------------------------------------------------------------------------------------

# From the directory of the .pc files back to the prefix, so that no absolute path is written.
file(RELATIVE_PATH pc_to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  message(FATAL_ERROR "Give CMAKE_INSTALL_LIBDIR and CMAKE_INSTALL_INCLUDEDIR relative to the prefix")
endif()
function(eventide_pkg_config library description requires)
  set(libs_private "")
  if(ARGN)
    list(JOIN ARGN " " libs_private)
    string(APPEND libs_private " ")
  endif()
  configure_file(cmake/library.pc.in ${PROJECT_BINARY_DIR}/cmake/lib${library}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/cmake/lib${library}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
eventide_pkg_config(event "event notification: all of the libraries but the thread support" "")
eventide_pkg_config(event_core "event notification: events, buffers, bufferevents, listeners" "")
eventide_pkg_config(event_extra "event notification: protocols on top of libevent_core" "libevent_core")
if(EVENTIDE_THREADS)
  eventide_pkg_config(event_pthreads "event notification: locking by POSIX threads" "libevent")
endif()
if(TARGET event_openssl)
  eventide_pkg_config(event_openssl "event notification: TLS bufferevents over OpenSSL" "libevent" -lssl -lcrypto)
endif()
if(TARGET event_mbedtls)
  eventide_pkg_config(event_mbedtls "event notification: TLS bufferevents over mbedTLS" "libevent"
    -lmbedtls -lmbedx509 -lmbedcrypto)
endif()
