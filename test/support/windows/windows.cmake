# The tests on Windows: POSIX' names for what they call, and what of them is left out.

add_library(test_posix OBJECT support/windows/posix.c)
target_include_directories(test_posix PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/support/windows
  ${PROJECT_SOURCE_DIR}/sample/windows)
target_compile_definitions(test_posix PUBLIC _WIN32_WINNT=0x0602 WIN32_LEAN_AND_MEAN NOMINMAX
  _POSIX_C_SOURCE=200809L)
target_compile_options(test_posix PRIVATE -Wall -Wextra $<$<BOOL:${EVENTIDE_WERROR}>:-Werror>
  INTERFACE -include sys/socket.h)
target_link_libraries(test_posix PUBLIC ws2_32 iphlpapi)
set(CMAKE_CXX_EXTENSIONS ON)

# Each line: a source file or a program, the cases of it, a colon, why. The cases are *, for a file that is not built.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/left_out.txt)
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/left_out.txt lines REGEX "^[^#]")
foreach(line IN LISTS lines)
  if(NOT line MATCHES "^([^ ]+) +([^:]+): ")
    message(FATAL_ERROR "left_out.txt: ${line}")
  endif()
  string(REPLACE " " ":" cases ${CMAKE_MATCH_2})
  list(APPEND left_out_of_${CMAKE_MATCH_1} ${cases})
endforeach()
