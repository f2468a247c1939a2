# Internal functions of event_core that its sibling libraries use (extra, pthreads, openssl, mbedtls), and how libraries
# of different builds are kept apart.
#
# The node is a name with a hash over core's headers and the list of the functions: write_private_node.cmake
# computes it at build time. In ELF it is the version of the listed functions, which the dynamic linker looks for
# before anything runs. On every system core also defines a function named after the node, and each sibling has a
# pointer to it: it binds where the loader knows no versions (Windows, macOS, musl, OpenBSD). Public functions have no
# version. Archives hold nothing of this.

set(EVENTIDE_NODE_DIR ${PROJECT_BINARY_DIR}/cmake/node)
set(EVENTIDE_PRIVATE_SYMBOLS ${PROJECT_SOURCE_DIR}/cmake/private_exports.txt)
set(EVENTIDE_CORE_LAYERS util thread core backends buffer bufferevent tls)

list(TRANSFORM EVENTIDE_CORE_LAYERS PREPEND ${PROJECT_SOURCE_DIR}/src/ OUTPUT_VARIABLE node_headers)
list(TRANSFORM node_headers APPEND /*.h)
list(APPEND node_headers ${PROJECT_SOURCE_DIR}/include/event2/*.h)
file(GLOB node_headers CONFIGURE_DEPENDS ${node_headers})
list(JOIN EVENTIDE_CORE_LAYERS "," node_layers)
set(node_writer ${PROJECT_SOURCE_DIR}/cmake/write_private_node.cmake)
add_custom_command(OUTPUT ${EVENTIDE_NODE_DIR}/private_node.h ${EVENTIDE_NODE_DIR}/core.map
  COMMAND ${CMAKE_COMMAND} -D SOURCE=${PROJECT_SOURCE_DIR} -D OUTPUT=${EVENTIDE_NODE_DIR}
    -D LAYERS=${node_layers} -D "BUILD=$<CONFIG> ${EVENTIDE_THREADS} ${EVENTIDE_SANITIZE}" -P ${node_writer}
  DEPENDS ${node_headers} ${EVENTIDE_PRIVATE_SYMBOLS} ${node_writer}
  COMMENT "Naming the private symbols of event_core"
  VERBATIM)
add_custom_target(eventide_private_node DEPENDS ${EVENTIDE_NODE_DIR}/private_node.h ${EVENTIDE_NODE_DIR}/core.map)

# eventide_private_node(<shared target> <component>): makes it define the node's function, or need it.
function(eventide_private_node name component)
  if(component STREQUAL "core")
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/private_node_core.c)
  else()
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/private_node_sibling.c)
  endif()
  target_include_directories(${name} PRIVATE ${EVENTIDE_NODE_DIR})
  add_dependencies(${name} eventide_private_node)
endfunction()
