// The callbacks that wait to be run: one FIFO per priority and a bitmap of those that are not empty.
#ifndef EVI_CORE_ACTIVE_QUEUE_H
#define EVI_CORE_ACTIVE_QUEUE_H

#include <bit>
#include <cstdint>

#include "core/event_access.h"
#include "util/alloc.h"
#include "util/intrusive_list.h"

namespace evi {

using CallbackList = TailList<event_callback, ActiveHook>;

class ActiveQueue {
 public:
  ActiveQueue() noexcept = default;
  ActiveQueue(const ActiveQueue &) = delete;
  ActiveQueue &operator=(const ActiveQueue &) = delete;
  ~ActiveQueue() { mm_free(lists_); }

  // Requires: empty. False, and nothing is changed, if out of memory.
  [[nodiscard]] bool set_priorities(int count) noexcept {
    auto *lists =
        static_cast<CallbackList *>(mm_malloc(sizeof(CallbackList) * static_cast<std::size_t>(count)));
    if (!lists) return false;
    for (int i = 0; i < count; ++i) ::new (lists + i) CallbackList();
    mm_free(lists_);
    lists_ = lists;
    priorities_ = count;
    return true;
  }
  int priorities() const noexcept { return priorities_; }
  bool empty() const noexcept { return size_ == 0; }
  int size() const noexcept { return size_; }

  void push(event_callback &cb) noexcept {
    lists_[cb.evcb_pri].push_back(cb);
    bits_[cb.evcb_pri / 64] |= std::uint64_t{1} << (cb.evcb_pri % 64);
    ++size_;
  }
  void remove(event_callback &cb) noexcept {
    lists_[cb.evcb_pri].remove(cb);
    if (lists_[cb.evcb_pri].empty()) bits_[cb.evcb_pri / 64] &= ~(std::uint64_t{1} << (cb.evcb_pri % 64));
    --size_;
  }
  event_callback *front(int priority) const noexcept { return lists_[priority].front(); }

  // The first priority >= from that has callbacks, or -1.
  int first_busy(int from) const noexcept {
    for (int word = from / 64; word < kWords; ++word) {
      std::uint64_t bits = bits_[word];
      if (word == from / 64) bits &= ~std::uint64_t{0} << (from % 64);
      if (bits) return word * 64 + std::countr_zero(bits);
    }
    return -1;
  }

  template <typename F>
  void for_each(F &&f) const noexcept {
    for (int i = 0; i < priorities_; ++i) {
      for (event_callback *cb = lists_[i].front(); cb; cb = CallbackList::next(*cb)) f(*cb);
    }
  }

 private:
  static constexpr int kWords = EVENT_MAX_PRIORITIES / 64;

  CallbackList *lists_ = nullptr;
  int priorities_ = 0;
  int size_ = 0;
  std::uint64_t bits_[kWords] = {};
};

}  // namespace evi

#endif
