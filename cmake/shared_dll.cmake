# Shared libraries of Windows: libevent_core-2-1-7.dll with the import library libevent_core.dll.a and so on, as
# libtool names what MinGW builds. What they offer is listed in a module definition file.

# A program finds its DLLs beside itself.
set(EVENTIDE_BIN_DIR ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${EVENTIDE_BIN_DIR})

# The definitions of one library: its own names, or `forward`, those of another as forwarded to that one.
function(eventide_definitions component prefix variable)
  eventide_exported_symbols(${component} symbols lists)
  if(component STREQUAL "core")
    file(STRINGS ${PROJECT_SOURCE_DIR}/cmake/exports/core-windows.txt more REGEX "^[A-Za-z_]")
    list(APPEND symbols ${more})
  endif()
  set(text "")
  foreach(symbol IN LISTS symbols)
    if(NOT prefix)
      string(APPEND text "  ${symbol}\n")
    elseif(NOT symbol MATCHES "^evi_private_")
      string(APPEND text "  ${symbol} = \"${prefix}\".${symbol}\n")
    endif()
  endforeach()
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()

# The umbrella forwards, since a program asks for each function in the one DLL that it was linked to.
function(eventide_shared name component needs)
  if(component STREQUAL "event")
    eventide_definitions(core libevent_core-2-1-7 core)
    eventide_definitions(extra libevent_extra-2-1-7 extra)
    set(definitions "${core}${extra}")
  else()
    eventide_definitions(${component} "" definitions)
  endif()
  set(file ${PROJECT_BINARY_DIR}/cmake/${component}.def)
  file(CONFIGURE OUTPUT ${file} CONTENT "EXPORTS\n@definitions@" @ONLY)
  target_sources(${name} PRIVATE ${file})
  target_link_options(${name} PRIVATE -static-libgcc)
  set_target_properties(${name} PROPERTIES PREFIX lib OUTPUT_NAME ${name}-2-1-7 ARCHIVE_OUTPUT_NAME ${name}
    RUNTIME_OUTPUT_DIRECTORY ${EVENTIDE_BIN_DIR})
endfunction()

function(eventide_umbrella name)
endfunction()
