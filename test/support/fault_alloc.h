// Counts the library's allocations, and makes one of them fail: for GoogleTest programs.
//
//   test::sweep([] {
//     evi::Owned<Thing> thing{Thing::create()};
//     return thing != nullptr;                  // a failure must be reported, not ignored
//   });
#ifndef EVENTIDE_TEST_SUPPORT_FAULT_ALLOC_H
#define EVENTIDE_TEST_SUPPORT_FAULT_ALLOC_H

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <mutex>
#include <type_traits>
#include <unordered_set>

#include "util/alloc.h"

namespace test {

// While one of these lives, the library's memory comes from it. One at a time; made and ended while no other
// thread is inside the library. Memory that is older may be freed meanwhile, and is not counted.
class FaultAlloc {
 public:
  // The fail_at-th request from now on fails, counted from 1; 0 for none.
  explicit FaultAlloc(long fail_at = 0) : fail_at_(fail_at) {
    current() = this;
    evi::set_mem_functions(allocate, reallocate, release);
  }
  FaultAlloc(const FaultAlloc &) = delete;
  FaultAlloc &operator=(const FaultAlloc &) = delete;
  ~FaultAlloc() {
    evi::set_mem_functions(nullptr, nullptr, nullptr);
    current() = nullptr;
  }

  // From now on this request fails, or, with `all`, it and all later ones.
  void fail_at(long n, bool all = false) {
    const std::lock_guard<std::mutex> held(mutex_);
    requests_ = 0;
    fail_at_ = n;
    fail_later_ = all;
  }

  std::size_t live() const {
    const std::lock_guard<std::mutex> held(mutex_);
    return live_.size();
  }
  long requests() const {
    const std::lock_guard<std::mutex> held(mutex_);
    return requests_;
  }
  bool failed_one() const {
    const std::lock_guard<std::mutex> held(mutex_);
    return failed_;
  }

 private:
  static FaultAlloc *&current() {
    static FaultAlloc *instance = nullptr;
    return instance;
  }

  bool must_fail() {
    ++requests_;
    const bool fail = fail_at_ > 0 && (requests_ == fail_at_ || (fail_later_ && requests_ > fail_at_));
    failed_ = failed_ || fail;
    return fail;
  }

  static void *allocate(std::size_t size) {
    FaultAlloc &self = *current();
    const std::lock_guard<std::mutex> held(self.mutex_);
    if (self.must_fail()) return nullptr;
    void *memory = std::malloc(size);
    // Callers must not rely on zeroed memory unless they asked for it.
    for (std::size_t i = 0; memory && i < size; ++i) static_cast<unsigned char *>(memory)[i] = 0xa5;
    if (memory) self.live_.insert(memory);
    return memory;
  }

  static void *reallocate(void *old, std::size_t size) {
    FaultAlloc &self = *current();
    const std::lock_guard<std::mutex> held(self.mutex_);
    if (size != 0 && self.must_fail()) return nullptr;
    const bool was_ours = self.live_.erase(old) != 0;
    void *memory = std::realloc(old, size);
    if (memory) {
      self.live_.insert(memory);
    } else if (was_ours && size != 0) {
      self.live_.insert(old);
    }
    return memory;
  }

  static void release(void *memory) {
    FaultAlloc &self = *current();
    const std::lock_guard<std::mutex> held(self.mutex_);
    self.live_.erase(memory);
    std::free(memory);
  }

  mutable std::mutex mutex_;
  std::unordered_set<void *> live_;
  long requests_ = 0;
  long fail_at_ = 0;
  bool fail_later_ = false;
  bool failed_ = false;
};

// More allocations than this in one run are taken for a sweep that never ends.
inline constexpr long kMaxSweep = 10000;

// Runs fn again and again, its first, second, third... allocation failing, until it needs no more of them.
// After each run nothing that it allocated may be left. If fn returns bool, the last run, in which nothing
// failed, must return true. Returns how many allocations fn makes.
template <typename Fn>
long sweep(Fn fn) {
  for (long n = 1; n <= kMaxSweep; ++n) {
    SCOPED_TRACE(testing::Message() << "allocation " << n << " fails");
    FaultAlloc memory{n};
    bool good = true;
    if constexpr (std::is_void_v<std::invoke_result_t<Fn &>>) {
      fn();
    } else {
      good = static_cast<bool>(fn());
    }
    EXPECT_EQ(memory.live(), 0u) << "leaked";
    if (!memory.failed_one()) {
      EXPECT_TRUE(good) << "failed though every allocation succeeded";
      return n - 1;
    }
    if (testing::Test::HasFatalFailure()) return n;
  }
  ADD_FAILURE() << "more than " << kMaxSweep << " allocations";
  return kMaxSweep;
}

}  // namespace test

#endif
