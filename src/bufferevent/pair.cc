// Pairs: what is written to one end goes to the input buffer of the other as soon as that may read.
#include "bufferevent/pair.h"

#include <algorithm>
#include "util/alloc.h"
#include "util/assert.h"
#include "util/socket.h"

namespace evi {
namespace {

PairEnd &of(BuffereventBase &bev) noexcept { return PairEnd::of(bev); }

// --- the table's functions ---

bool start(BuffereventBase &bev, short directions, Start why) noexcept {
  PairEnd &end = of(bev);
  if ((directions & EV_READ) && end.wants(EV_READ)) {
    const bool restart = why == Start::enabled || !end.timeout_runs(EV_READ);
    if (restart && !end.restart_timeout(EV_READ)) return false;
    if (end.partner()) end.partner()->give();
  }
  if (!(directions & EV_WRITE) || !end.wants(EV_WRITE)) return true;
  if (!end.output_buffer().empty() && !end.restart_timeout(EV_WRITE)) return false;
  end.give();
  return true;
}

void stop(BuffereventBase &bev, short directions) noexcept { of(bev).stop_timeouts(directions); }

void apply_timeouts(BuffereventBase &bev) noexcept {
  PairEnd &end = of(bev);
  end.stop_timeouts(EV_READ | EV_WRITE);
  if (end.wants(EV_READ)) end.keep_timeout(EV_READ);
  end.apply_write_timeout();
}

void output_added(BuffereventBase &bev) noexcept {
  PairEnd &end = of(bev);
  end.give();
  if (!end.timeout_runs(EV_WRITE)) end.apply_write_timeout();
}

bool move_bytes(evbuffer &source, evbuffer &target, std::size_t size) noexcept {
  const Unfrozen open_source(source, BufferEnd::front);
  const Unfrozen open_target(target, BufferEnd::back);
  return size == source.length() ? target.append_all(source) : target.append_some(source, size) >= 0;
}

// What another thread posted was appended before this.
void flush_turn(BuffereventBase &) noexcept {}

int flush(BuffereventBase &bev, short directions, bufferevent_flush_mode mode) noexcept {
  PairEnd &end = of(bev);
  if (!end.partner()) return -1;
  if (mode == BEV_NORMAL) return 0;
  if (directions & EV_READ) end.partner()->give_all();
  if ((directions & EV_WRITE) && end.partner()) end.give_all();
  if (mode != BEV_FINISHED || !end.partner()) return 0;
  const int side =
      ((directions & EV_WRITE) ? BEV_EVENT_READING : 0) | ((directions & EV_READ) ? BEV_EVENT_WRITING : 0);
  set_socket_error(0);
  end.partner()->trigger_event(static_cast<short>(side | BEV_EVENT_EOF), 0);
  return 0;
}

bool set_fd(BuffereventBase &, evutil_socket_t) noexcept { return false; }

evutil_socket_t get_fd(const BuffereventBase &) noexcept { return kNoSocket; }

bufferevent *get_underlying(const BuffereventBase &) noexcept { return nullptr; }

bool make_shared_lock(BuffereventBase &bev) noexcept { return of(bev).make_lock(); }

void unlink(BuffereventBase &bev) noexcept { of(bev).unlink(); }

void dispose(BuffereventBase *bev) noexcept { of(*bev).pair().end(of(*bev)); }

}  // namespace

constinit const bufferevent_ops pair_ops = {
    .name = "pair",
    .owns_events = false,
    .start = start,
    .stop = stop,
    .apply_timeouts = apply_timeouts,
    .output_added = output_added,
    .flush_turn = flush_turn,
    .flush = flush,
    .set_fd = set_fd,
    .get_fd = get_fd,
    .get_underlying = get_underlying,
    .make_shared_lock = make_shared_lock,
    .unlink = unlink,
    .dispose = dispose,
};

// --- one end ---

void PairEnd::unlink() noexcept {
  stop_timeouts(EV_READ | EV_WRITE);
  if (partner_) partner_->partner_ = nullptr;
  partner_ = nullptr;
}

void PairEnd::apply_write_timeout() noexcept {
  if (output_buffer().empty() || !wants(EV_WRITE)) return stop_timeouts(EV_WRITE);
  keep_timeout(EV_WRITE);
}

void PairEnd::give() noexcept {
  // After the base was freed the remaining bytes stay where they are.
  if (!partner_ || !ev_base || !wants(EV_WRITE) || !partner_->wants(EV_READ)) return;
  std::size_t size = output_buffer().length();
  const std::size_t high = partner_->wm_read.high;
  const std::size_t held = partner_->input_buffer().length();
  if (high) size = held < high ? std::min(size, high - held) : 0;
  if (size) give(size);
  // While its read callback runs with the lock open, nothing else checks the watermark; what is left
  // here is asked for when the reader is held back no longer.
  if (partner_ && !output_buffer().empty()) partner_->check_read_watermark();
}

void PairEnd::give_all() noexcept { give(output_buffer().length()); }

// Callbacks of the buffers may free either end, inside a call on either's buffers.
void PairEnd::give(std::size_t size) noexcept {
  EVI_ASSERT(partner_ && size <= output_buffer().length());
  PairEnd &to = *partner_;
  const BuffereventUse keep_this(*this);
  const BuffereventUse keep_other(to);
  const bool given = move_bytes(output_buffer(), to.input_buffer(), size);
  if (freed()) finish_from_loop();
  if (to.freed()) to.finish_from_loop();
  if (!given) {
    set_socket_error(kNoMemory);
    return to.fail(EV_READ, BEV_EVENT_ERROR);
  }
  if (to.wants(EV_READ)) to.keep_timeout(EV_READ);
  apply_write_timeout();
  to.bytes_arrived();
  bytes_left();
}

bool PairEnd::make_lock() noexcept {
  EVI_ASSERT(!lock());
  void *lock = pair_.make_lock();
  if (!lock) return false;
  use_lock(lock);
  if (partner_) partner_->use_lock(lock);
  return true;
}

// --- both ---

bool Pair::init() noexcept { return !first_.has_option(BEV_OPT_THREADSAFE) || first_.make_lock(); }

Pair *Pair::create(event_base &base, int options) noexcept {
  Pair *pair = make<Pair>(base, options);
  if (!pair) return nullptr;
  pair->first_.link(pair->second_);
  pair->second_.link(pair->first_);
  if (pair->init()) return pair;
  pair->end(pair->first_);
  pair->end(pair->second_);
  return nullptr;
}

void Pair::end(PairEnd &which) noexcept {
  EVI_ASSERT(&which == &first_ || &which == &second_);
  which.~PairEnd();
  if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) evi::destroy(this);
}

}  // namespace evi
