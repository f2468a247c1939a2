# Export maps: what a shared library offers is what cmake/exports/<component>.txt lists, one name a line, and
# for its sibling libraries the evi_private_* names of cmake/private_exports.txt. test/abi compares the lists
# with the libraries, since the linker says nothing about a listed name that does not exist.

function(eventide_export_map name component)
  set(lists ${PROJECT_SOURCE_DIR}/cmake/exports/${component}.txt)
  if(component STREQUAL "core")
    list(APPEND lists ${PROJECT_SOURCE_DIR}/cmake/private_exports.txt)
  endif()
  set(global "")
  foreach(list IN LISTS lists)
    if(EXISTS ${list})
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${list})
      file(STRINGS ${list} symbols REGEX "^[A-Za-z_]")
      foreach(symbol IN LISTS symbols)
        string(APPEND global "    ${symbol};\n")
      endforeach()
    endif()
  endforeach()
  if(global)
    string(PREPEND global "  global:\n")
  endif()
  # Anonymous, as libevent has it: programs ask for these symbols without a version.
  set(map ${PROJECT_BINARY_DIR}/cmake/${component}.map)
  file(CONFIGURE OUTPUT ${map} CONTENT "{\n@global@  local:\n    *;\n};\n" @ONLY)
  target_link_options(${name} PRIVATE LINKER:--version-script=${map})
  set_target_properties(${name} PROPERTIES LINK_DEPENDS ${map})
endfunction()
