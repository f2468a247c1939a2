# Shared libraries of macOS: libevent_core-2.1.7.dylib and so on, found by rpath beside each other. What they
# offer is what the public headers declare visible, and what src/ declares EVI_VISIBLE: all else is compiled hidden.

if(CMAKE_CROSSCOMPILING)
  # CMake would ask the machine that it runs on.
  set(CMAKE_SHARED_LIBRARY_RUNTIME_C_FLAG "-Wl,-rpath,")
endif()

function(eventide_shared name component needs)
  set_target_properties(${name} PROPERTIES
    OUTPUT_NAME ${name}-2.1.7 MACOSX_RPATH ON INSTALL_NAME_DIR "@rpath" BUILD_WITH_INSTALL_NAME_DIR ON INSTALL_RPATH "@loader_path" BUILD_WITH_INSTALL_RPATH ON)
  add_custom_command(TARGET ${name} POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E create_symlink $<TARGET_FILE_NAME:${name}> lib${name}.dylib
    WORKING_DIRECTORY ${EVENTIDE_LIB_DIR})
endfunction()

option(EVENTIDE_REEXPORT "Let the umbrella library offer what those below it offer" ON)
mark_as_advanced(EVENTIDE_REEXPORT)

function(eventide_umbrella name)
  if(EVENTIDE_REEXPORT)
    foreach(part IN ITEMS event_core event_extra)
      target_link_options(${name} PRIVATE LINKER:-reexport_library,$<TARGET_FILE:${part}>)
    endforeach()
  endif()
endfunction()
