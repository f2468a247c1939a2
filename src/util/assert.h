// EVI_ASSERT for contracts between our own functions; never for input, never for lack of memory.
#ifndef EVI_UTIL_ASSERT_H
#define EVI_UTIL_ASSERT_H

#include "util/platform.h"

// Logs condition, file and line, and ends the process: see fatal() in util/log.h. Private to our libraries, as
// assertions in headers belong to the library that includes them.
extern "C" [[noreturn]] EVI_VISIBLE void evi_private_assertion_failed(const char *condition, const char *file,
                                                                      int line) noexcept;

// On in every build that does not define NDEBUG; the release presets define it.
#ifdef NDEBUG
#define EVI_ASSERT(cond) static_cast<void>(sizeof((cond) ? 1 : 0))
#else
#define EVI_ASSERT(cond)                  \
  (EVI_LIKELY(cond) ? static_cast<void>(0) \
                    : ::evi_private_assertion_failed(#cond, __FILE__, __LINE__))
#endif

namespace evi {

[[noreturn]] inline void unreachable() { __builtin_unreachable(); }

}  // namespace evi

#endif
