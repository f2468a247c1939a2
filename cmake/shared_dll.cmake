# Shared libraries of Windows: libevent_core-2-1-7.dll with the import library libevent_core.dll.a and so on, as
# libtool names what MinGW builds. What they offer is listed in a module definition file.

# A program finds its DLLs beside itself.
set(EVENTIDE_BIN_DIR ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${EVENTIDE_BIN_DIR})

# What programs find in one library.
function(eventide_public_symbols component variable)
  eventide_exported_symbols(${component} symbols)
  if(component STREQUAL "core")
    eventide_exported_symbols(core-windows more)
    list(APPEND symbols ${more})
  endif()
  set(${variable} ${symbols} PARENT_SCOPE)
endfunction()

# The definitions of one library: its own names, or if there is a prefix, those of another as forwarded to that one.
function(eventide_definitions component prefix variable)
  eventide_public_symbols(${component} symbols)
  set(text "")
  foreach(symbol IN LISTS symbols)
    if(NOT prefix)
      string(APPEND text "  ${symbol}\n")
    else()
      string(APPEND text "  ${symbol} = \"${prefix}\".${symbol}\n")
    endif()
  endforeach()
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()

# event_core's are known when its objects are there: the names of C++ functions are the compiler's.
function(eventide_core_definitions name file)
  eventide_public_symbols(core symbols)
  list(JOIN symbols "\n" symbols)
  set(public ${PROJECT_BINARY_DIR}/cmake/core.public)
  file(CONFIGURE OUTPUT ${public} CONTENT "@symbols@\n" @ONLY)
  set(writer ${PROJECT_SOURCE_DIR}/cmake/write_definitions.cmake)
  set(node ${EVENTIDE_NODE_DIR}/private_node.h)
  add_custom_command(OUTPUT ${file}
    COMMAND ${CMAKE_COMMAND} -D NM=${CMAKE_NM} -D ARCHIVE=$<TARGET_FILE:${name}_static> -D NODE=${node}
      -D PUBLIC=${public} -D PRIVATE=${EVENTIDE_PRIVATE_SYMBOLS} -D OUTPUT=${file} -P ${writer}
    DEPENDS ${name}_static ${node} ${public} ${EVENTIDE_PRIVATE_SYMBOLS} ${writer}
    COMMENT "Listing what event_core's DLL offers"
    VERBATIM)
endfunction()

# The umbrella forwards, since a program asks for each function in the one DLL that it was linked to.
function(eventide_shared name component needs)
  set(file ${PROJECT_BINARY_DIR}/cmake/${component}.def)
  if(component STREQUAL "core")
    eventide_core_definitions(${name} ${file})
  else()
    if(component STREQUAL "event")
      eventide_definitions(core libevent_core-2-1-7 core)
      eventide_definitions(extra libevent_extra-2-1-7 extra)
      set(definitions "${core}${extra}")
    else()
      eventide_definitions(${component} "" definitions)
    endif()
    file(CONFIGURE OUTPUT ${file} CONTENT "EXPORTS\n@definitions@" @ONLY)
  endif()
  target_sources(${name} PRIVATE ${file})
  target_link_options(${name} PRIVATE -static-libgcc)
  set_target_properties(${name} PROPERTIES PREFIX lib OUTPUT_NAME ${name}-2-1-7 ARCHIVE_OUTPUT_NAME ${name}
    RUNTIME_OUTPUT_DIRECTORY ${EVENTIDE_BIN_DIR})
endfunction()

function(eventide_umbrella name)
endfunction()
