// The watchers of a base: callbacks just before the loop waits and just after.
#ifndef EVI_CORE_WATCHERS_H
#define EVI_CORE_WATCHERS_H

#include "event2/watch.h"
#include "thread/lock.h"
#include "util/intrusive_list.h"
#include "util/time.h"

// The opaque struct of event2/watch.h.
struct evwatch final {
  evi::ListHook<evwatch> link;
  event_base *base;
  unsigned long born;  // the number of the round in which it was added: it is called from the next one on
  bool is_check;
  union {
    evwatch_prepare_cb prepare;
    evwatch_check_cb check;
  } callback;
  void *arg;
};

namespace evi {

// Ownership: the watchers are the application's until free_all().
class Watchers {
 public:
  explicit Watchers(const Lock &lock) noexcept : lock_(lock) {}
  Watchers(const Watchers &) = delete;
  Watchers &operator=(const Watchers &) = delete;
  ~Watchers() = default;

  // Thread: any; add() and remove() take the base's lock. All other functions require it.
  void add(evwatch &watch) noexcept;
  // Also during a round: the watcher is not called any more.
  void remove(evwatch &watch) noexcept;
  void free_all() noexcept;

  bool any_prepare() const noexcept { return !prepare_.empty(); }
  bool any_check() const noexcept { return !check_.empty(); }
  // A round of calls, with the lock open during each. `timeout`: of the wait, below zero if it has none.
  void call_prepare(const Lock &lock, Nanos timeout) noexcept EVI_REQUIRES(lock);
  void call_check(const Lock &lock) noexcept EVI_REQUIRES(lock);

  bool check_invariants() const noexcept { return prepare_.check_invariants() && check_.check_invariants(); }

 private:
  struct Hook {
    static auto &of(evwatch &watch) noexcept { return watch.link; }
  };
  using List = TailList<evwatch, Hook>;

  List &list_of(const evwatch &watch) noexcept { return watch.is_check ? check_ : prepare_; }
  static void free_list(List &list) noexcept;
  template <typename F>
  void call_each(const Lock &lock, const List &list, F &&call) noexcept EVI_REQUIRES(lock);

  const Lock &lock_;
  List prepare_;
  List check_;
  evwatch *next_ = nullptr;  // the one to call next in the round under way
  unsigned long round_ = 0;
};

}  // namespace evi

#endif
