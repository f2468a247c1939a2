# Run at build time: writes the module definition file of event_core's DLL. It must name what C++ functions are called
# in object files, which the archive of the same objects shows.
#
#   cmake -D NM=<nm> -D ARCHIVE=<archive> -D NODE=<private_node.h> -D PUBLIC=<file of names> -D PRIVATE=<list>
#     -D OUTPUT=<file> -P <this>
cmake_minimum_required(VERSION 3.25)

# Both in the order of the archive: a line for each external symbol.
execute_process(COMMAND ${NM} -g --defined-only --no-sort ${ARCHIVE}
  OUTPUT_VARIABLE plain COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${NM} -g --defined-only --no-sort --demangle ${ARCHIVE}
  OUTPUT_VARIABLE readable COMMAND_ERROR_IS_FATAL ANY)
# Neither may split a CMake list in other places than at the ends of lines.
foreach(listing IN ITEMS plain readable)
  string(REGEX REPLACE "[][;]" "_" ${listing} "${${listing}}")
  string(REPLACE "\n" ";" ${listing} "${${listing}}")
endforeach()

file(STRINGS ${PRIVATE} names REGEX "^[A-Za-z_]")
list(TRANSFORM names REPLACE " .*" "")
set(private "")
foreach(line name IN ZIP_LISTS plain readable)
  if(name MATCHES "^[0-9a-f]+ T ([A-Za-z0-9_:]+)" AND CMAKE_MATCH_1 IN_LIST names)
    string(REGEX REPLACE "^[0-9a-f]+ T " "" symbol "${line}")
    list(APPEND private ${symbol})
  endif()
endforeach()

file(STRINGS ${NODE} node REGEX "EVENTIDE_PRIVATE_NODE")
string(REGEX REPLACE ".* " "" node "${node}")
file(STRINGS ${PUBLIC} public)
list(JOIN public "\n  " public)
list(JOIN private "\n  " private)
file(WRITE ${OUTPUT} "EXPORTS\n  ${public}\n  ${node}\n  ${private}\n")
