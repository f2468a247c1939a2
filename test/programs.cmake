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

# eventide_trust_last_line(<test>): a program that crashes or is ended may still exit with 0 under Wine, so there its last
# line decides whether it passed, and shows that it ran any test at all.
function(eventide_trust_last_line name)
  if(WIN32)
    set_tests_properties(${name} PROPERTIES
      PASS_REGULAR_EXPRESSION "\\[  PASSED  \\] [1-9]|(^|[^0-9])[1-9][0-9]* passed, 0 failed"
      FAIL_REGULAR_EXPRESSION "\\[  FAILED  \\]|[1-9][0-9]* failed")
  endif()
endfunction()

# The same as eventide_test_options() for a program of GoogleTest's.
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
