// The C++ runtime's leftovers that a library which needs only libc must own itself. Hidden: they never leave it.
#include <cstdlib>

#define EVI_HIDDEN __attribute__((visibility("hidden")))

extern "C" EVI_HIDDEN void __cxa_pure_virtual() { std::abort(); }
extern "C" EVI_HIDDEN void __cxa_deleted_virtual() { std::abort(); }
