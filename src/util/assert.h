// EVI_ASSERT for contracts between our own functions; never for input, never for lack of memory.
#ifndef EVI_UTIL_ASSERT_H
#define EVI_UTIL_ASSERT_H

#include "util/log.h"
#include "util/platform.h"

// On in every build that does not define NDEBUG; the release presets define it.
#ifdef NDEBUG
#define EVI_ASSERT(cond) static_cast<void>(sizeof((cond) ? 1 : 0))
#else
#define EVI_ASSERT(cond) \
  (EVI_LIKELY(cond) ? static_cast<void>(0) : ::evi::assertion_failed(#cond, __FILE__, __LINE__))
#endif

namespace evi {

[[noreturn]] inline void unreachable() { __builtin_unreachable(); }

}  // namespace evi

#endif
