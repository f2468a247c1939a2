// Functions of the C++ runtime that the compiler refers to; the library links to libc only. Hidden: not
// exported.
#include <cstdlib>

#include "util/platform.h"

extern "C" EVI_HIDDEN void __cxa_pure_virtual() { std::abort(); }
extern "C" EVI_HIDDEN void __cxa_deleted_virtual() { std::abort(); }
