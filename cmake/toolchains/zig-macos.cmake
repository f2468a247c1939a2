# Cross-compiling for macOS with zig, whose package holds Apple's headers and the names its libraries offer:
#
#   cmake -DCMAKE_TOOLCHAIN_FILE=cmake/toolchains/zig-macos.cmake -DZIG=.../zig [-DZIG_TARGET=x86_64-macos.13.0]
#
# `./dev test macos-build` does so. Nothing that is built this way can be run here.

set(CMAKE_SYSTEM_NAME Darwin)
set(ZIG "" CACHE FILEPATH "The program zig")
set(ZIG_TARGET aarch64-macos.13.0 CACHE STRING "What to build for, as zig names it")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ZIG ZIG_TARGET)
if(NOT EXISTS "${ZIG}")
  message(FATAL_ERROR "Set ZIG to the program zig")
endif()
string(REGEX MATCH "^[^-]+" CMAKE_SYSTEM_PROCESSOR ${ZIG_TARGET})

# CMake requires one program for each tool.
set(tools ${CMAKE_BINARY_DIR}/zig-${ZIG_TARGET})
foreach(tool IN ITEMS cc c++)
  file(WRITE ${tools}/${tool} "#!/bin/sh\nexec '${ZIG}' ${tool} -target ${ZIG_TARGET} \"$@\"\n")
endforeach()
foreach(tool IN ITEMS ar ranlib)
  file(WRITE ${tools}/${tool} "#!/bin/sh\nexec '${ZIG}' ${tool} \"$@\"\n")
endforeach()
foreach(tool IN ITEMS cc c++ ar ranlib)
  file(CHMOD ${tools}/${tool} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE)
endforeach()
set(CMAKE_C_COMPILER ${tools}/cc)
set(CMAKE_CXX_COMPILER ${tools}/c++)
set(CMAKE_AR ${tools}/ar)
set(CMAKE_RANLIB ${tools}/ranlib)
set(CMAKE_INSTALL_NAME_TOOL /bin/true)

# zig enables a sanitizer in builds without optimisation.
set(CMAKE_C_FLAGS_INIT -fno-sanitize=all)
set(CMAKE_CXX_FLAGS_INIT -fno-sanitize=all)
# Testing the C++ compiler would first build a C++ library, which takes minutes and is not linked.
set(CMAKE_CXX_COMPILER_FORCED TRUE)
set(CMAKE_CXX_COMPILER_ID Clang)
set(CMAKE_CXX_COMPILER_VERSION 16.0.1)
set(CMAKE_CXX_STANDARD_COMPUTED_DEFAULT 17)
set(CMAKE_CXX20_STANDARD_COMPILE_OPTION -std=c++20)
set(CMAKE_CXX20_EXTENSION_COMPILE_OPTION -std=gnu++20)
set(CMAKE_C_COMPILE_FEATURES c_std_99 c_std_11)
set(CMAKE_CXX_COMPILE_FEATURES cxx_std_20)

# Its linker cannot re-export symbols either.
set(EVENTIDE_REEXPORT OFF CACHE BOOL "")
set(CMAKE_C_SIZEOF_DATA_PTR 8)
set(CMAKE_CXX_SIZEOF_DATA_PTR 8)

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH ${tools})
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
