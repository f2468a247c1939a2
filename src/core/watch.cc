// Watchers: calls just before the loop waits and just after.
#include "core/event_base.h"

using evi::LockGuard;

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

void event_base::add_watch(evwatch &watch) noexcept {
  const LockGuard held(lock_);
  watch.born = watch_round_;
  (watch.is_check ? check_watches_ : prepare_watches_).push_back(watch);
}

void event_base::remove_watch(evwatch &watch) noexcept {
  const LockGuard held(lock_);
  if (next_watch_ == &watch) next_watch_ = evi::WatchList::next(watch);
  (watch.is_check ? check_watches_ : prepare_watches_).remove(watch);
}

// A callback may free any watcher, its own included: the one to call next is kept where remove_watch finds
// it. Those made meanwhile stand at the end and wait for the next round, or one that replaces itself would
// never let this one end.
void event_base::call_prepare_watchers(evi::Nanos timeout) noexcept {
  const timeval tv = evi::to_timeval((timeout + 999) / 1000);
  const evwatch_prepare_cb_info info{timeout < 0 ? nullptr : &tv};
  ++watch_round_;
  for (evwatch *watch = prepare_watches_.front(); watch && watch->born != watch_round_; watch = next_watch_) {
    next_watch_ = evi::WatchList::next(*watch);
    const auto callback = watch->callback.prepare;
    void *arg = watch->arg;
    const evi::Unlocked open(lock_);
    callback(watch, &info, arg);
  }
}

void event_base::call_check_watchers() noexcept {
  const evwatch_check_cb_info info{};
  ++watch_round_;
  for (evwatch *watch = check_watches_.front(); watch && watch->born != watch_round_; watch = next_watch_) {
    next_watch_ = evi::WatchList::next(*watch);
    const auto callback = watch->callback.check;
    void *arg = watch->arg;
    const evi::Unlocked open(lock_);
    callback(watch, &info, arg);
  }
}
