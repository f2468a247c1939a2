# Shared libraries in ELF: the names that libevent gave them, symbols by a version script, and siblings found
# beside each other.

set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)

# The version script of a library whose symbols have no version.
function(eventide_anonymous_map component map)
  eventide_exported_symbols(${component} symbols)
  set(global "")
  foreach(symbol IN LISTS symbols)
    string(APPEND global "    ${symbol};\n")
  endforeach()
  if(global)
    string(PREPEND global "  global:\n")
  endif()
  file(CONFIGURE OUTPUT ${map} CONTENT "{\n@global@  local:\n    *;\n};\n" @ONLY)
endfunction()

function(eventide_shared name component needs)
  if(component STREQUAL "core")
    # An anonymous version cannot be beside the node.
    set(map ${EVENTIDE_NODE_DIR}/core.map)
  else()
    set(map ${PROJECT_BINARY_DIR}/cmake/${component}.map)
    eventide_anonymous_map(${component} ${map})
  endif()
  target_link_options(${name} PRIVATE LINKER:--version-script=${map})
  set_target_properties(${name} PROPERTIES LINK_DEPENDS ${map})

  set_target_properties(${name} PROPERTIES
    OUTPUT_NAME ${name}-2.1 VERSION 7.0.1 SOVERSION 7)
  if(needs)
    # The libraries are replaced together: each finds its siblings beside itself.
    set_target_properties(${name} PROPERTIES INSTALL_RPATH "$ORIGIN" BUILD_WITH_INSTALL_RPATH ON)
  endif()
  # An umbrella uses nothing of what it NEEDs.
  target_link_options(${name} PRIVATE LINKER:-z,relro LINKER:-z,now LINKER:--no-as-needed)
  if(NOT EVENTIDE_SANITIZE)
    # Something of the C++ runtime that crept in shall be an error here and not at the user's.
    target_link_options(${name} PRIVATE LINKER:-z,defs)
  endif()
  add_custom_command(TARGET ${name} POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E create_symlink $<TARGET_SONAME_FILE_NAME:${name}> lib${name}.so
    WORKING_DIRECTORY ${EVENTIDE_LIB_DIR})
endfunction()

# -levent names a linker script: what a program uses is then taken from the library that defines it.
function(eventide_umbrella name)
  add_custom_command(TARGET ${name} POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E rm -f lib${name}.so
    COMMAND ${CMAKE_COMMAND} -E copy ${PROJECT_SOURCE_DIR}/cmake/libevent.so.ld lib${name}.so
    WORKING_DIRECTORY ${EVENTIDE_LIB_DIR})
endfunction()
