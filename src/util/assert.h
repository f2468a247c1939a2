// EVI_ASSERT for contracts between our own functions, and checks of an object's invariants after public
// calls. Never for what a peer or the program passes, never for lack of memory.
#ifndef EVI_UTIL_ASSERT_H
#define EVI_UTIL_ASSERT_H

#include <atomic>
#include <cstddef>

#include "util/platform.h"

// Logs condition, file and line, and ends the process: see fatal() in util/log.h. Private to our libraries,
// as assertions in headers belong to the library that includes them.
extern "C" [[noreturn]] EVI_VISIBLE void evi_private_assertion_failed(const char *condition, const char *file,
                                                                      int line) noexcept;

// On in every build that does not define NDEBUG; the release presets define it.
//
// EVI_CHECK_INVARIANTS(object) stands at the head of a function of a façade. When the function returns, it
// asserts object.check_invariants(limit), which visits `limit` elements of the object at most. Requires: the
// object outlives the function, and is unlocked or recursively locked when it returns.
#ifdef NDEBUG
#define EVI_ASSERT(cond) static_cast<void>(sizeof((cond) ? 1 : 0))
#define EVI_CHECK_INVARIANTS(object) static_cast<void>(0)
#else
#define EVI_ASSERT(cond) \
  (EVI_LIKELY(cond) ? static_cast<void>(0) : ::evi_private_assertion_failed(#cond, __FILE__, __LINE__))
#define EVI_CHECK_INVARIANTS(object) const ::evi::InvariantCheck evi_invariant_check((object))
#endif

namespace evi {

#ifdef NDEBUG
inline constexpr bool kAssertions = false;
#else
inline constexpr bool kAssertions = true;
#endif

// Elements (chains, events, timers) that a check after a public call visits. One call in kLongCheckInterval
// visits many more, so that errors deep in a long list are found too, at a bounded average cost.
inline constexpr std::size_t kCheckedElements = 16;
inline constexpr std::size_t kLongCheckElements = 4096;
inline constexpr unsigned kLongCheckInterval = 256;

// The limit for the next check. Thread: any; calls that are counted once instead of twice do not matter.
inline std::size_t next_check_limit() noexcept {
  static constinit std::atomic<unsigned> calls{0};
  const unsigned call = calls.load(std::memory_order_relaxed) + 1;
  calls.store(call, std::memory_order_relaxed);
  return call % kLongCheckInterval == 0 ? kLongCheckElements : kCheckedElements;
}

// The place of a public call, for reports about the object that it was made on. Empty without assertions.
class CallSite {
 public:
#ifdef NDEBUG
  static constexpr CallSite here() noexcept { return {}; }
  template <typename T>
  void check(const T &) const noexcept {}
#else
  // As a default argument: the caller's place.
  static constexpr CallSite here(const char *file = __builtin_FILE(), int line = __builtin_LINE()) noexcept {
    return CallSite(file, line);
  }
  template <typename T>
  void check(T &object) const noexcept {
    if (EVI_LIKELY(object.check_invariants(next_check_limit()))) return;
    evi_private_assertion_failed("check_invariants() after a public call", file_, line_);
  }

 private:
  constexpr CallSite(const char *file, int line) noexcept : file_(file), line_(line) {}

  const char *file_;
  int line_;
#endif
};

// Checks an object at the end of a scope.
template <typename T>
class InvariantCheck {
 public:
  explicit InvariantCheck(T &object, CallSite caller = CallSite::here()) noexcept
      : object_(object), caller_(caller) {}
  ~InvariantCheck() { caller_.check(object_); }
  InvariantCheck(const InvariantCheck &) = delete;
  InvariantCheck &operator=(const InvariantCheck &) = delete;

 private:
  T &object_;
  [[no_unique_address]] CallSite caller_;
};

[[noreturn]] inline void unreachable() { __builtin_unreachable(); }

}  // namespace evi

#endif
