// Finalizers: a last call on the loop's thread, after which nothing of the loop touches the event any more.
#include "core/debug_mode.h"
#include "core/event_base.h"
#include "util/alloc.h"

using evi::Closure;
using evi::WakingCall;

int event_base::finalize(event &ev, event_finalize_callback_fn callback, bool then_free,
                         evi::MayWake may_wake) noexcept {
  const WakingCall call(lock_, &notifier_, may_wake);
  if (evi::has(ev, EVLIST_FINALIZING)) return 0;
  del_locked(ev, evi::DelMode::no_block);
  evi::set_closure(ev, then_free ? Closure::event_finalize_free : Closure::event_finalize);
  ev.ev_evcallback.evcb_cb_union.evcb_evfinalize = callback;
  // Not activated as an event, which for a signal would wait until its callback has returned.
  ev.ev_res = EV_FINALIZE;
  evi::flags(ev) |= EVLIST_FINALIZING;
  schedule_locked(ev.ev_evcallback);
  return 0;
}

void event_base::run_finalizer(event_callback &cb) noexcept {
  const Closure kind = static_cast<Closure>(cb.evcb_closure);
  if (kind == Closure::callback_finalize) {
    cb.evcb_flags &= static_cast<short>(~EVLIST_FINALIZING);
    const auto fn = cb.evcb_cb_union.evcb_cbfinalize;
    void *arg = cb.evcb_arg;
    const evi::Unlocked open(lock_);
    fn(&cb, arg);
    return;
  }
  // An event stays out of reach until it is assigned again.
  event &ev = evi::event_of(cb);
  const auto fn = cb.evcb_cb_union.evcb_evfinalize;
  void *arg = cb.evcb_arg;
  const evi::Unlocked open(lock_);
  fn(&ev, arg);
  if (kind != Closure::event_finalize_free) return;
  if (evi::debug::enabled()) evi::debug::unassigned(ev);
  evi::mm_free(&ev);
}
