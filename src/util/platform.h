// Facts about the operating system and the compiler. #if is used here and at the heads of platform files
// only.
#ifndef EVI_UTIL_PLATFORM_H
#define EVI_UTIL_PLATFORM_H

#include <cstddef>
#include <cstdint>

#if defined(__GNUC__) || defined(__clang__)
#ifdef __MINGW32__
#include <stdio.h>
#define EVI_PRINTF(fmt, args) __attribute__((format(__MINGW_PRINTF_FORMAT, fmt, args)))
#else
#define EVI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#endif
#define EVI_LIKELY(x) __builtin_expect(!!(x), 1)
#define EVI_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define EVI_NOINLINE __attribute__((noinline))
#define EVI_COLD __attribute__((cold, noinline))
#define EVI_ALWAYS_INLINE inline __attribute__((always_inline))
#else
#define EVI_PRINTF(fmt, args)
#define EVI_LIKELY(x) (!!(x))
#define EVI_UNLIKELY(x) (!!(x))
#define EVI_NOINLINE
#define EVI_COLD
#define EVI_ALWAYS_INLINE inline
#endif

// EVI_VISIBLE: a function of cmake/private_exports.txt, which libevent_core offers to its sibling libraries.
// ELF has protected visibility, with which core itself calls it directly. A DLL's names come from its list of
// exports.
#ifdef _WIN32
#define EVI_VISIBLE
#define EVI_HIDDEN
#else
#if defined(EVI_CORE) && defined(__ELF__)
#define EVI_VISIBLE __attribute__((visibility("protected")))
#else
#define EVI_VISIBLE __attribute__((visibility("default")))
#endif
#define EVI_HIDDEN __attribute__((visibility("hidden")))
#endif

namespace evi {

// Descriptors are multiples of it: Windows' sockets are handles, whose two low bits are free.
#ifdef _WIN32
inline constexpr int kDescriptorStep = 4;
#else
inline constexpr int kDescriptorStep = 1;
#endif

#ifdef EVENT__DISABLE_THREAD_SUPPORT
inline constexpr bool kThreadSupport = false;
#else
inline constexpr bool kThreadSupport = true;
#endif

}  // namespace evi

#endif
