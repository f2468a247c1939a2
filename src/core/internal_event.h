// An event of the library's own on a descriptor of the base: it does not keep the loop alive, is not counted,
// and has the most urgent priority.
#ifndef EVI_CORE_INTERNAL_EVENT_H
#define EVI_CORE_INTERNAL_EVENT_H

#include "core/event_access.h"
#include "core/method.h"
#include "core/waker.h"
#include "thread/annotations.h"

namespace evi {

// Whether the method reports each wake-up of a Waker as an edge. Then nothing has to be read from the waker.
inline bool wakes_are_edges(const Method &method) noexcept {
  return Waker::kEveryWakeIsAnEdge && method.has(EV_FEATURE_ET);
}

// Requires: the base's lock is held.
class InternalEvent {
 public:
  InternalEvent() noexcept = default;
  InternalEvent(const InternalEvent &) = delete;
  InternalEvent &operator=(const InternalEvent &) = delete;
  ~InternalEvent();

  // Watches the fd of a waker for reading; `callback` gets the base as its argument. False, with a log line,
  // if the method refuses.
  [[nodiscard]] bool add_waker(event_base &base, int fd, event_callback_fn callback) noexcept;
  // The same of another fd, always level-triggered.
  [[nodiscard]] bool add(event_base &base, int fd, event_callback_fn callback) noexcept;
  void drop(event_base &base) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;
  // Also true if its fd was closed meanwhile.
  bool is_added() const noexcept { return has(event_, EVLIST_INIT) && has(event_, EVLIST_INSERTED); }

  // In a forked child: whether the fd still refers to what was opened. `intact`: it looks like that. Sets
  // `set_is_known` to false if the method's set has no entry for it: then the set is not the one either.
  bool still_refers(const Method &method, bool intact, bool &set_is_known) const noexcept;

 private:
  bool add_edge(event_base &base, int fd, short edge,
                event_callback_fn callback) noexcept EVI_NO_THREAD_SAFETY_ANALYSIS;

  event event_ = {};
};

}  // namespace evi

#endif
