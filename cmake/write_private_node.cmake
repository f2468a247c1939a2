# Run at build time: computes the node of the private symbols, and writes private_node.h and, for ELF, core.map, the
# version script of event_core.
#
#   cmake -D SOURCE=<root of the source> -D LAYERS=<folders of src/, by commas> -D BUILD=<text> -D OUTPUT=<folder> -P <this>
#
# BUILD is what else a layout may depend on. The same files and BUILD give the same node wherever they lie.
cmake_minimum_required(VERSION 3.25)

string(REPLACE "," ";" LAYERS "${LAYERS}")
# Core's classes hold structs of the public headers.
file(GLOB headers RELATIVE ${SOURCE} ${SOURCE}/include/event2/*.h)
foreach(layer IN LISTS LAYERS)
  file(GLOB some RELATIVE ${SOURCE} ${SOURCE}/src/${layer}/*.h)
  list(APPEND headers ${some})
endforeach()
list(SORT headers)
set(contents "${BUILD}\n")
foreach(header IN LISTS headers)
  file(SHA256 ${SOURCE}/${header} hash)
  string(APPEND contents "${header} ${hash}\n")
endforeach()

file(STRINGS ${SOURCE}/cmake/private_exports.txt symbols REGEX "^[A-Za-z_]")
list(TRANSFORM symbols REPLACE " .*" "")
list(JOIN symbols "\n" names)
string(SHA256 hash "${contents}${names}")
string(SUBSTRING ${hash} 0 16 hash)

file(WRITE ${OUTPUT}/private_node.h "#define EVENTIDE_PRIVATE_NODE eventide_private_${hash}\n")

# Only functions that are declared visible leave the library, so the '*' for the parameters of a C++ function takes no
# other one in. What is in no version is for programs: the public headers make it visible. C++ and the compiler's own
# names begin with '_'.
set(c "")
set(cpp "")
foreach(symbol IN LISTS symbols)
  if(symbol MATCHES "::")
    string(APPEND cpp "      ${symbol}*;\n")
  else()
    string(APPEND c "    ${symbol};\n")
  endif()
endforeach()
file(WRITE ${OUTPUT}/core.map "EVENTIDE_PRIVATE_${hash} {\n  global:\n    eventide_private_${hash};\n${c}"
  "    extern \"C++\" {\n${cpp}    };\n  local:\n    _*;\n};\n")
