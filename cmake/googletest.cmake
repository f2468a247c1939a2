# GoogleTest: the installed library, or, where there is none for what is being built for, Debian's package of its sources.
#
# Leaves GTest_FOUND, and the targets GTest::gtest and GTest::gtest_main.

if(TARGET GTest::gtest_main)
  set(GTest_FOUND TRUE)
  return()
endif()
find_package(GTest QUIET)
set(EVENTIDE_GOOGLETEST_SOURCES /usr/src/googletest CACHE PATH "GoogleTest's sources, for want of an installed library")
mark_as_advanced(EVENTIDE_GOOGLETEST_SOURCES)
if(NOT GTest_FOUND AND EXISTS ${EVENTIDE_GOOGLETEST_SOURCES}/CMakeLists.txt)
  set(BUILD_GMOCK OFF CACHE BOOL "" FORCE)
  set(INSTALL_GTEST OFF CACHE BOOL "" FORCE)
  # It needs extensions of the C library that some C libraries hide in strict C++.
  set(CMAKE_CXX_EXTENSIONS ON)
  add_subdirectory(${EVENTIDE_GOOGLETEST_SOURCES} ${PROJECT_BINARY_DIR}/googletest EXCLUDE_FROM_ALL SYSTEM)
  set(CMAKE_CXX_EXTENSIONS OFF)
  set(GTest_FOUND TRUE)
endif()
