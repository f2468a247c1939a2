// Facts about the operating system and the compiler; with the heads of platform files the only home of #if.
#ifndef EVI_UTIL_PLATFORM_H
#define EVI_UTIL_PLATFORM_H

#include <cstddef>
#include <cstdint>

#if defined(__GNUC__) || defined(__clang__)
#define EVI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define EVI_LIKELY(x) __builtin_expect(!!(x), 1)
#define EVI_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define EVI_NOINLINE __attribute__((noinline))
#define EVI_COLD __attribute__((cold, noinline))
#else
#define EVI_PRINTF(fmt, args)
#define EVI_LIKELY(x) (!!(x))
#define EVI_UNLIKELY(x) (!!(x))
#define EVI_NOINLINE
#define EVI_COLD
#endif

namespace evi {

#ifdef EVENT__DISABLE_THREAD_SUPPORT
inline constexpr bool kThreadSupport = false;
#else
inline constexpr bool kThreadSupport = true;
#endif

}  // namespace evi

#endif
