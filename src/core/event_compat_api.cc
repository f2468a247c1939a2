// The façade of event2/event_compat.h: the interface of one process-wide base.
#include "core/debug_mode.h"
#include "core/event_base.h"
#include "event2/event_compat.h"
#include "util/log.h"

namespace {

event_base *need_global(const char *function) noexcept {
  if (!evi::global_base()) evi::log_warnx("%s: event_init has not been called", function);
  return evi::global_base();
}

}  // namespace

extern "C" {

struct event_base *event_init(void) {
  event_base *base = event_base::create(nullptr);
  if (!base) {
    evi::log_warnx("event_init: cannot make a base");
    return nullptr;
  }
  evi::global_base() = base;
  return base;
}

int event_dispatch(void) { return event_loop(0); }

int event_loop(int loop_flags) {
  event_base *base = need_global("event_loop");
  return base ? base->loop(loop_flags) : -1;
}

int event_loopexit(const struct timeval *tv) {
  event_base *base = need_global("event_loopexit");
  return base ? base->loop_exit_after(tv) : -1;
}

int event_loopbreak(void) {
  event_base *base = need_global("event_loopbreak");
  return base ? base->loop_break() : -1;
}

int event_once(evutil_socket_t fd, short what, void (*callback)(evutil_socket_t, short, void *), void *arg,
               const struct timeval *tv) {
  event_base *base = need_global("event_once");
  return base ? base->once(static_cast<int>(fd), what, callback, arg, tv) : -1;
}

const char *event_get_method(void) {
  event_base *base = need_global("event_get_method");
  return base ? base->method() : nullptr;
}

int event_priority_init(int count) {
  event_base *base = need_global("event_priority_init");
  return base ? base->set_priorities(count) : -1;
}

void event_set(struct event *ev, evutil_socket_t fd, short what,
               void (*callback)(evutil_socket_t, short, void *), void *arg) {
  evi::debug::note_in_use();
  static_cast<void>(evi::assign_event(*ev, evi::global_base(), static_cast<int>(fd), what, callback, arg));
}

}  // extern "C"
