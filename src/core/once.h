// Events that the library makes for event_base_once and frees after their one call or with their base.
#ifndef EVI_CORE_ONCE_H
#define EVI_CORE_ONCE_H

#include "event2/event.h"
#include "event2/event_struct.h"
#include "util/intrusive_list.h"

namespace evi {

struct OnceEvent {
  OnceEvent() noexcept = default;
  OnceEvent(const OnceEvent &) = delete;
  OnceEvent &operator=(const OnceEvent &) = delete;
  ~OnceEvent();

  event ev;
  event_callback_fn callback;
  void *arg;
  void (*abandoned)(void *arg);  // instead of the call, if the base is freed first; may be null
  ListHook<OnceEvent> link;

  // Runs the user's callback and frees the event.
  static void run(evutil_socket_t fd, short what, void *once) noexcept;
  static void free_all(OnceEvent *first) noexcept;
};

struct OnceHook {
  static auto &of(OnceEvent &once) noexcept { return once.link; }
};
using OnceList = HeadList<OnceEvent, OnceHook>;

}  // namespace evi

#endif
