// The C++ runtime's leftovers that a library which needs only libc must own itself. Hidden: they never leave
// it.
#include <cstdlib>

#include "util/platform.h"

extern "C" EVI_HIDDEN void __cxa_pure_virtual() { std::abort(); }
extern "C" EVI_HIDDEN void __cxa_deleted_virtual() { std::abort(); }
