# How the programs of the tests are compiled.

# The tests' own C++ is compiled without optimisation: it is most of what a build costs, and takes half the time so.
set(EVENTIDE_TEST_CXX_OPTIONS "-O0" CACHE STRING "Compiler options for the tests' C++ alone, a list")

# eventide_test_options(<target>): warnings, what is shared under test/, the options above, and GoogleTest's
# header compiled once for all where no ccache does better.
function(eventide_test_options target)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/test)
  target_compile_options(${target} PRIVATE -Wall -Wextra $<$<BOOL:${EVENTIDE_WERROR}>:-Werror>
    "$<$<COMPILE_LANGUAGE:CXX>:${EVENTIDE_TEST_CXX_OPTIONS}>")
endfunction()

# The same for a program of GoogleTest's.
function(eventide_unit_test_options target)
  eventide_test_options(${target})
  if(CMAKE_CXX_COMPILER_LAUNCHER)
    return()
  endif()
  get_property(owner GLOBAL PROPERTY eventide_precompiled)
  if(owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
  else()
    target_precompile_headers(${target} PRIVATE <gtest/gtest.h> <functional> <memory> <string> <vector>)
    set_property(GLOBAL PROPERTY eventide_precompiled ${target})
  endif()
endfunction()
