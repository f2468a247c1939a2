// Memory as event_core offers it to its sibling libraries: see alloc_sibling.cc.
#ifndef EVI_UTIL_PRIVATE_ALLOC_H
#define EVI_UTIL_PRIVATE_ALLOC_H

#include <cstddef>

extern "C" {

void *evi_private_malloc(std::size_t size);
void evi_private_free(void *memory);

}  // extern "C"

#endif
