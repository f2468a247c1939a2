# Export lists: what a shared library offers to programs is what cmake/exports/<component>.txt lists, one name a
# line. What event_core offers to its sibling libraries besides is in cmake/private_exports.txt: see
# private_node.cmake. test/abi compares the lists with the libraries, since the linker says nothing about a listed
# name that does not exist.

# eventide_exported_symbols(<component> <variable>)
function(eventide_exported_symbols component variable)
  set(symbols "")
  set(list ${PROJECT_SOURCE_DIR}/cmake/exports/${component}.txt)
  if(EXISTS ${list})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${list})
    file(STRINGS ${list} symbols REGEX "^[A-Za-z_]")
  endif()
  set(${variable} ${symbols} PARENT_SCOPE)
endfunction()
