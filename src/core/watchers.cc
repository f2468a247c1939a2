// Rounds of calls to watchers, which may add and free watchers meanwhile.
#include "core/watchers.h"

#include "util/alloc.h"
#include "util/assert.h"

// The opaque struct that a prepare callback may ask for the coming wait.
struct evwatch_prepare_cb_info {
  const timeval *timeout;
};
struct evwatch_check_cb_info {
  char unused;
};

extern "C" int evwatch_prepare_get_timeout(const struct evwatch_prepare_cb_info *info, struct timeval *tv) {
  if (!info->timeout) return 0;
  *tv = *info->timeout;
  return 1;
}

namespace evi {

void Watchers::add(evwatch &watch) noexcept {
  const LockGuard held(lock_);
  EVI_ASSERT(!watch.link.prev);
  watch.born = round_;
  list_of(watch).push_back(watch);
}

void Watchers::remove(evwatch &watch) noexcept {
  const LockGuard held(lock_);
  EVI_ASSERT(watch.link.prev);
  if (next_ == &watch) next_ = List::next(watch);
  list_of(watch).remove(watch);
}

void Watchers::free_all() noexcept {
  free_list(prepare_);
  free_list(check_);
  next_ = nullptr;
}

void Watchers::free_list(List &list) noexcept {
  while (evwatch *watch = list.pop_front()) destroy(watch);
}

// A callback may free any watcher, its own included: the one to call next is kept where remove() finds it.
// Those that are added meanwhile are at the end of the list and wait for the next round; otherwise a watcher
// that replaces itself would extend this round for ever.
template <typename F>
void Watchers::call_each(const Lock &lock, const List &list, F &&call) noexcept {
  ++round_;
  for (evwatch *watch = list.front(); watch && watch->born != round_; watch = next_) {
    next_ = List::next(*watch);
    const auto callback = watch->callback;
    void *arg = watch->arg;
    const Unlocked open(lock);
    call(watch, callback, arg);
  }
}

void Watchers::call_prepare(const Lock &lock, Nanos timeout) noexcept {
  // Rounded up to microseconds; the longest timeout does not overflow.
  const timeval tv = to_timeval(timeout > 0 ? (timeout - 1) / 1000 + 1 : 0);
  const evwatch_prepare_cb_info info{timeout < 0 ? nullptr : &tv};
  call_each(lock, prepare_,
            [&](evwatch *watch, auto callback, void *arg) { callback.prepare(watch, &info, arg); });
}

void Watchers::call_check(const Lock &lock) noexcept {
  const evwatch_check_cb_info info{};
  call_each(lock, check_,
            [&](evwatch *watch, auto callback, void *arg) { callback.check(watch, &info, arg); });
}

}  // namespace evi
