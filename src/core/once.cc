// event_base_once: one call, then the event is freed.
#include "core/once.h"

#include "core/debug_mode.h"
#include "core/event_base.h"
#include "util/alloc.h"
#include "util/log.h"

using evi::LockGuard;
using evi::OnceEvent;

OnceEvent::~OnceEvent() { debug::forget(ev); }

void OnceEvent::run(evutil_socket_t fd, short what, void *arg) noexcept {
  auto *once = static_cast<OnceEvent *>(arg);
  once->callback(fd, what, once->arg);
  {
    const LockGuard held(once->ev.ev_base->lock_);
    OnceList::remove(*once);
  }
  // The base may ask about the running event until its callback returned, but reads nothing of it afterwards.
  destroy(once);
}

void OnceEvent::free_all(OnceEvent *first) noexcept {
  while (OnceEvent *once = first) {
    first = once->link.next;
    if (once->abandoned) once->abandoned(once->arg);
    destroy(once);
  }
}

int event_base::once(int fd, short what, event_callback_fn callback, void *arg, const timeval *tv,
                     void (*abandoned)(void *arg), evi::MayWake may_wake) noexcept {
  // Persistence makes no sense for a single call, and the library would not know when to free a signal event.
  if (what & (EV_SIGNAL | EV_PERSIST)) return -1;
  const short io = what & evi::kIoEvents;
  if (!io && (what & ~EV_ET) != EV_TIMEOUT) return -1;
  evi::Owned<OnceEvent> once{evi::make<OnceEvent>()};
  if (!once) return -1;
  once->callback = callback;
  once->arg = arg;
  once->abandoned = abandoned;
  if (evi::assign_event(once->ev, this, io ? fd : -1, io ? what & ~EV_TIMEOUT : 0, OnceEvent::run,
                        once.get()) != 0) {
    return -1;
  }
  const evi::WakingCall call(lock_, &notifier_, may_wake);
  if (!io && (!tv || (tv->tv_sec == 0 && tv->tv_usec == 0))) {
    // No time to wait: it need not pass through the heap.
    activate_locked(once->ev, EV_TIMEOUT, 1);
  } else if (add_locked(once->ev, tv, false) != 0) {
    return -1;
  }
  evi::OnceList::push_front(once_, *once);
  static_cast<void>(once.release());
  return 0;
}
