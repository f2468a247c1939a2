# Export lists: what a shared library offers is what cmake/exports/<component>.txt lists, one name a line, and
# for its sibling libraries the evi_private_* names of cmake/private_exports.txt. test/abi compares the lists
# with the libraries, since the linker says nothing about a listed name that does not exist.

# eventide_exported_symbols(<component> <variable> <variable>): the names, and the files that list them.
function(eventide_exported_symbols component symbols_variable lists_variable)
  set(lists ${PROJECT_SOURCE_DIR}/cmake/exports/${component}.txt)
  if(component STREQUAL "core")
    list(APPEND lists ${PROJECT_SOURCE_DIR}/cmake/private_exports.txt)
  endif()
  set(all "")
  foreach(list IN LISTS lists)
    if(EXISTS ${list})
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${list})
      file(STRINGS ${list} symbols REGEX "^[A-Za-z_]")
      list(APPEND all ${symbols})
    endif()
  endforeach()
  set(${symbols_variable} ${all} PARENT_SCOPE)
  set(${lists_variable} ${lists} PARENT_SCOPE)
endfunction()
