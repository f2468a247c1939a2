// Life and state of a bufferevent: references, what holds a direction back, watermarks, base and priority.
#include "bufferevent/bufferevent.h"

#include "bufferevent/drained.h"
#include "bufferevent/lookup.h"
#include "bufferevent/loop_chunks.h"
#include "bufferevent/mail.h"
#include "bufferevent/rate_limit.h"
#include "core/debug_mode.h"
#include "core/deferred.h"
#include "core/event_access.h"
#include "core/event_base.h"
#include "util/alloc.h"
#include "util/assert.h"
#include "util/atomic_ref.h"
#include "util/log.h"

namespace evi {
namespace {

constexpr int kAllOptions =
    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE | BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS;
constexpr int kActive = EVLIST_ACTIVE | EVLIST_ACTIVE_LATER;

}  // namespace

constinit const FlushKind BuffereventBase::kFlush = {on_flush, write_event};

// Both buffers are members of a class that is no standard-layout type, which GCC and clang lay out all the
// same.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
constinit const BufferOwner BuffereventBase::kInputOwner = {on_change,
                                                            on_hold,
                                                            on_release,
                                                            on_locked,
                                                            on_take_chain,
                                                            on_keep_chain,
                                                            offsetof(BuffereventBase, input_)};
constinit const BufferOwner BuffereventBase::kOutputOwner = {on_change,
                                                             on_hold,
                                                             on_release,
                                                             on_locked,
                                                             on_take_chain,
                                                             on_keep_chain,
                                                             offsetof(BuffereventBase, output_)};
#pragma GCC diagnostic pop

BuffereventBase::BuffereventBase(event_base *base, const bufferevent_ops &kind, int options) noexcept
    : bufferevent{}, options_(static_cast<std::uint8_t>(options & kAllOptions)) {
  ev_base = base;
  be_ops = &kind;
  input = &input_;
  output = &output_;
  enabled = EV_WRITE;
  flush_kind = &kFlush;
  deferred_init(deferred_, base ? deferred_default_priority(*base) : 0, on_deferred, this);
  input_.set_owner(kInputOwner);
  output_.set_owner(kOutputOwner);
  EVI_ASSERT(input_.owner() == this && output_.owner() == this);
  // The program only takes from the one and only adds to the other.
  input_.freeze(BufferEnd::back);
  output_.freeze(BufferEnd::front);
}

BuffereventBase::~BuffereventBase() {
  Mail::discard(mail_.load(std::memory_order_acquire));
  if (extra_) evi::destroy(extra_->rate_limit);
  if (extra_) evi::destroy(extra_->drained);
  evi::destroy(extra_);
  void *lock = owns_lock_ ? this->lock() : nullptr;
  input_.set_lock(nullptr);
  output_.set_lock(nullptr);
  raw_lock_free(lock);
  debug::forget(ev_read);
  debug::forget(ev_write);
}

bool BuffereventBase::options_agree() const noexcept {
  if (!has_option(BEV_OPT_UNLOCK_CALLBACKS) || has_option(BEV_OPT_DEFER_CALLBACKS)) return true;
  log_warnx("bufferevent: BEV_OPT_UNLOCK_CALLBACKS needs BEV_OPT_DEFER_CALLBACKS");
  return false;
}

// As in libevent, a lock that cannot be had is an error also where threads were not enabled.
bool BuffereventBase::make_lock() noexcept {
  EVI_ASSERT(!lock());
  void *lock = raw_lock_new();
  if (!lock) return false;
  owns_lock_ = true;
  use_lock(lock);
  return true;
}

bool BuffereventBase::init() noexcept {
  if (ev_base && !prepare_loop_chunks(*ev_base)) return false;
  return options_agree() && (!has_option(BEV_OPT_THREADSAFE) || make_lock());
}

// Sees to it that there is a lock for all that have to share one with this.
bool BuffereventBase::provide_lock() noexcept {
  if (lock()) return true;
  if (bufferevent *under = be_ops->get_underlying(*this)) {
    if (!of(*under).provide_lock()) return false;
    use_lock(of(*under).lock());
    return true;
  }
  return be_ops->make_shared_lock ? be_ops->make_shared_lock(*this) : make_lock();
}

bool BuffereventBase::init_on(BuffereventBase &underlying) noexcept {
  EVI_ASSERT(!lock());
  if (!options_agree()) return false;
  // As in libevent, here the option does nothing where threads were not enabled.
  const bool wanted = has_option(BEV_OPT_THREADSAFE) && threads_enabled();
  if (wanted && !underlying.provide_lock()) return false;
  use_lock(underlying.lock());
  return true;
}

// --- references ---

// The count is atomic where there are threads, because a writer that posts has no lock.
void BuffereventBase::hold() noexcept {
  if (lock()) {
    const std::uint32_t before = AtomicRef(references_).fetch_add(1, std::memory_order_relaxed);
    EVI_ASSERT(before > 0 || finished_);
  } else {
    EVI_ASSERT(references_ > 0 || finished_);
    ++references_;
  }
}

void BuffereventBase::drop() noexcept {
  if (lock()) {
    const std::uint32_t before = AtomicRef(references_).fetch_sub(1, std::memory_order_acq_rel);
    EVI_ASSERT(before > 1);
  } else {
    EVI_ASSERT(references_ > 1);
    --references_;
  }
}

bool BuffereventBase::drop_and_unlock(void *held) noexcept {
  const bool last =
      lock() ? AtomicRef(references_).fetch_sub(1, std::memory_order_acq_rel) == 1 : --references_ == 0;
  // A loop that was about to call one of our events passes here once more before the end.
  if (EVI_LIKELY(!last) || finished_) {
    raw_lock_release(held);
    return false;
  }
  last_reference_gone(held);
  return true;
}

void BuffereventBase::last_reference_gone(void *held) noexcept {
  // Nothing is queued or under way, which would hold a reference.
  if (!freed_) unlink();
  EVI_ASSERT(!deferred_queued_ && !finished_);
  finished_ = true;
  const bool later = may_be_called_elsewhere() || (finish_from_loop_ && ev_base);
  raw_lock_release(held);
  if (!later) return be_ops->dispose(this);
  deferred_init(deferred_, deferred_.evcb_pri, nullptr, this);
  deferred_.evcb_closure = static_cast<unsigned char>(Closure::callback_finalize);
  // The program has freed it: it does not count as an event of its any more.
  deferred_.evcb_flags |= EVLIST_INTERNAL;
  deferred_.evcb_cb_union.evcb_cbfinalize = on_finish;
  ev_base->schedule(deferred_);
}

void BuffereventBase::on_finish(event_callback *, void *self) noexcept {
  auto *bev = static_cast<BuffereventBase *>(self);
  EVI_ASSERT(bev->freed_ && bev->finished_);
  bev->be_ops->dispose(bev);
}

// A loop in another thread may have taken one of our events from its queue and not yet come to our lock.
bool BuffereventBase::may_be_called_elsewhere() const noexcept {
  return lock() && ev_base && ev_base->loop_runs_elsewhere();
}

void BuffereventBase::unlink() noexcept {
  EVI_ASSERT(!freed_);
  readcb = nullptr;
  writecb = nullptr;
  errorcb = nullptr;
  freed_ = true;
  if (extra_ && extra_->lookup) extra_->lookup->cancel(*this);
  if (extra_ && extra_->rate_limit) extra_->rate_limit->unlink();
  be_ops->unlink(*this);
  cancel_flush();
  cancel_deferred();
}

void BuffereventBase::release_by_program() noexcept {
  if (freed_) return;
  unlink();
  drop();
}

// --- changes of the buffers ---

void BuffereventBase::on_change(evbuffer &buffer, std::size_t added, std::size_t deleted,
                                void *owner) noexcept {
  auto &bev = *static_cast<BuffereventBase *>(owner);
  if (&buffer == &bev.output_) {
    if (deleted && buffer.empty() && (bev.relays_ || bev.extra_)) bev.output_emptied();
    if (added && !bev.freed_ && !bev.adding_) bev.be_ops->output_added(bev);
    return;
  }
  if (bev.reading_ || bev.freed_) return;
  if (deleted && buffer.empty()) bev.reclaim_input(false);
  bev.check_read_watermark();
}

void BuffereventBase::on_hold(void *owner) noexcept { static_cast<BuffereventBase *>(owner)->hold(); }

void BuffereventBase::on_release(void *owner) noexcept {
  const BuffereventUse last(*static_cast<BuffereventBase *>(owner), BuffereventUse::Adopt{});
}

void BuffereventBase::on_locked(void *owner) noexcept {
  static_cast<BuffereventBase *>(owner)->collect_mail();
}

// --- directions ---

bool BuffereventBase::enable(short directions) noexcept {
  directions &= EV_READ | EV_WRITE;
  if (freed_) return false;
  enabled = static_cast<short>(enabled | directions);
  return !directions || be_ops->start(*this, directions, Start::enabled);
}

void BuffereventBase::disable(short directions) noexcept {
  directions &= EV_READ | EV_WRITE;
  enabled = static_cast<short>(enabled & ~directions);
  if (directions && !freed_) be_ops->stop(*this, directions);
}

void BuffereventBase::suspend(short directions, SuspendReasons why) noexcept {
  EVI_ASSERT(directions && why);
  short held_back = 0;
  if (directions & EV_READ) {
    if (!read_suspended_) held_back |= EV_READ;
    read_suspended_ |= why;
  }
  if (directions & EV_WRITE) {
    if (!write_suspended_) held_back |= EV_WRITE;
    write_suspended_ |= why;
  }
  if (held_back && !freed_) be_ops->stop(*this, held_back);
}

void BuffereventBase::clear_reasons(short directions, SuspendReasons why) noexcept {
  if (directions & EV_READ) read_suspended_ = static_cast<SuspendReasons>(read_suspended_ & ~why);
  if (directions & EV_WRITE) write_suspended_ = static_cast<SuspendReasons>(write_suspended_ & ~why);
}

void BuffereventBase::resume(short directions, SuspendReasons why) noexcept {
  clear_reasons(directions, why);
  short wanted = 0;
  if ((directions & EV_READ) && wants(EV_READ)) wanted |= EV_READ;
  if ((directions & EV_WRITE) && wants(EV_WRITE)) wanted |= EV_WRITE;
  if (!wanted || be_ops->start(*this, wanted, Start::resumed)) return;
  // From the loop: a call of the application on one of the buffers may be in progress.
  trigger_event(BEV_EVENT_ERROR, BEV_TRIG_DEFER_CALLBACKS);
}

// --- watermarks, timeouts, limits ---

void BuffereventBase::set_watermarks(short directions, std::size_t low, std::size_t high) noexcept {
  if (directions & EV_WRITE) wm_write = {low, high};
  if (directions & EV_READ) {
    wm_read = {low, high};
    check_read_watermark();
  }
}

void BuffereventBase::check_read_watermark() noexcept {
  const bool full = wm_read.high && input_.length() >= wm_read.high;
  if (full == suspended(EV_READ, kWatermark)) return;
  full ? suspend(EV_READ, kWatermark) : resume(EV_READ, kWatermark);
}

void BuffereventBase::set_timeouts(const timeval *reading, const timeval *writing) noexcept {
  timeout_read = reading ? *reading : timeval{};
  timeout_write = writing ? *writing : timeval{};
  if (!freed_) be_ops->apply_timeouts(*this);
}

std::size_t BuffereventBase::max_single_read() const noexcept {
  return extra_ && extra_->max_single_read ? extra_->max_single_read : kDefaultMaxSingle;
}

std::size_t BuffereventBase::max_single_write() const noexcept {
  return extra_ && extra_->max_single_write ? extra_->max_single_write : kDefaultMaxSingle;
}

BuffereventExtra *BuffereventBase::make_extra() noexcept {
  if (!extra_) extra_ = make<BuffereventExtra>();
  return extra_;
}

Chain *BuffereventBase::on_take_chain(std::size_t size, void *owner) noexcept {
  event_base *base = static_cast<BuffereventBase *>(owner)->ev_base;
  return base ? take_loop_chunk(*base, size) : nullptr;
}

bool BuffereventBase::on_keep_chain(Chain &chain, void *owner) noexcept {
  event_base *base = static_cast<BuffereventBase *>(owner)->ev_base;
  return base && keep_loop_chunk(*base, chain);
}

void BuffereventBase::reclaim_input(bool loop_thread) noexcept {
  if (!input_.empty()) return;
  if (Chain *chunk = input_.take_idle_chunk()) {
    LoopChunks *shared = loop_thread && ev_base ? loop_chunks(*ev_base) : nullptr;
    Chain *none = nullptr;
    Chain *&receive = shared ? shared->receive.chain : none;
    if (shared && (!receive || receive->capacity() < chunk->capacity())) std::swap(receive, chunk);
    if (chunk && !(ev_base && keep_loop_chunk(*ev_base, *chunk))) chain_release(chunk);
  }
  input_.release_spare();
}

void BuffereventBase::finish_reading(bool loop_thread) noexcept {
  reading_ = false;
  if (freed_) return;
  reclaim_input(loop_thread);
  check_read_watermark();
}

bool BuffereventBase::check_invariants() const noexcept {
  const bool own_buffers =
      input == &input_ && output == &output_ && input_.owner() == this && output_.owner() == this;
  if (!own_buffers || !input_.check_invariants() || !output_.check_invariants()) return false;
  if (references_ == 0 || (finished_ && !freed_)) return false;
  if (freed_) return !readcb && !writecb && !errorcb && !deferred_queued_;
  if (deferred_queued_ && !ev_base) return false;
  const bool full = wm_read.high && input_.length() >= wm_read.high;
  return reading_ || full == suspended(EV_READ, kWatermark);
}

// --- base and priority ---

bool BuffereventBase::set_base(event_base &base) noexcept {
  if (!be_ops->owns_events) return false;
  EVI_ASSERT(be_ops->events_armed);
  if (be_ops->events_armed(*this) || (lock() && deferred_queued_)) return false;
  // By the program's hand.
  if (ev_base && (ev_base->in_queue(ev_read) || ev_base->in_queue(ev_write))) return false;
  if (!prepare_loop_chunks(base)) return false;
  cancel_flush();
  const bool had_deferred = deferred_queued_;
  cancel_deferred();
  if (extra_ && extra_->rate_limit) extra_->rate_limit->detach();
  if (be_ops->overlapped && &base != ev_base) be_ops->overlapped->detach(*this);
  ev_base = ev_read.ev_base = ev_write.ev_base = &base;
  const std::uint8_t priority = deferred_default_priority(base);
  ev_read.ev_evcallback.evcb_pri = ev_write.ev_evcallback.evcb_pri = priority;
  deferred_set_priority(base, deferred_, priority);
  if (had_deferred || read_pending_ || write_pending_ || events_pending_) schedule_deferred();
  static_cast<void>(be_ops->start(*this, EV_WRITE, Start::resumed));
  if (extra_ && extra_->rate_limit) extra_->rate_limit->settle();
  return true;
}

bool BuffereventBase::set_priority(int priority) noexcept {
  if (!be_ops->owns_events || !ev_base) return false;
  if (ev_base->set_priority(ev_read, priority) != 0) return false;
  if (ev_base->set_priority(ev_write, priority) != 0) return false;
  deferred_set_priority(*ev_base, deferred_, static_cast<std::uint8_t>(priority));
  return true;
}

// --- the loop's queues ---

bool BuffereventBase::queue_flush() noexcept {
  if (!ev_base) return false;
  hold();
  if (flush_schedule(*ev_base, *this)) return true;
  drop();
  return false;
}

// Without threads a queue is asked by looking at the hook, so that a program which freed the base first, and
// with it the queue, does no harm.
void BuffereventBase::cancel_flush() noexcept {
  if (!ev_base || (!lock() && !queued())) return;
  if (flush_cancel(*ev_base, *this)) drop();
}

void BuffereventBase::on_flush(FlushHook &hook, bool abandoned) noexcept {
  auto &bev = static_cast<BuffereventBase &>(hook);
  const BuffereventUse use(bev, BuffereventUse::Adopt{});
  if (!abandoned && !bev.freed_) bev.be_ops->flush_turn(bev);
}

// Queued work counts as ev_write, which libevent has added while there is output: a program that ends when
// nothing is added waits for it.
event *BuffereventBase::write_event(FlushHook &hook) noexcept {
  return &static_cast<BuffereventBase &>(hook).ev_write;
}

void BuffereventBase::withdraw_flush() noexcept {
  cancel_flush();
  // A writer that found the hook queued relies on its turn.
  if (mail_.load(std::memory_order_acquire)) schedule_flush();
}

void BuffereventBase::schedule_deferred() noexcept {
  if (deferred_queued_ || !ev_base) return;
  deferred_queued_ = true;
  hold();
  deferred_schedule(*ev_base, deferred_);
}

void BuffereventBase::cancel_deferred() noexcept {
  if (!deferred_queued_) return;
  // A run that was taken from the queue already finds this flag gone and leaves the reference alone.
  deferred_queued_ = false;
  if (lock() || (deferred_.evcb_flags & kActive)) deferred_cancel(*ev_base, deferred_);
  drop();
}

}  // namespace evi
