// Filters: what moves data through the functions of the program, and when.
//
//   underlying's input  --input function-->   input  --> read callback
//   underlying's output <--output function--  output <-- the program
//
// Output passes when it is written, input when underlying has read it; what could not pass then does so in
// the turn before the loop waits. While the filter wants no input, reading by the underlying bufferevent is
// held back.
#include "bufferevent/filter.h"

#include "core/event_access.h"
#include "util/alloc.h"
#include "util/assert.h"
#include "util/socket.h"

namespace evi {
namespace {

// What serves where the program gave no function.
bufferevent_filter_result pass_on(evbuffer &from, evbuffer &to, ev_ssize_t room) noexcept {
  if (from.empty()) return BEV_NEED_MORE;
  const bool all = room < 0 || from.length() <= static_cast<std::size_t>(room);
  const bool passed = all ? to.append_all(from) : to.append_some(from, static_cast<std::size_t>(room)) >= 0;
  return passed ? BEV_OK : BEV_ERROR;
}

ev_ssize_t room_below(std::size_t high, std::size_t length) noexcept {
  if (!high || high > static_cast<std::size_t>(EV_SSIZE_MAX)) return -1;
  return length < high ? static_cast<ev_ssize_t>(high - length) : 0;
}

}  // namespace

bool base_lives(BuffereventBase &top) noexcept {
  if (!top.ev_base || top.lock()) return top.ev_base != nullptr;
  for (BuffereventBase *bev = &top; bev; bev = below(*bev)) {
    if (bev->queued() || has(bev->ev_read, kQueuedFlags) || has(bev->ev_write, kQueuedFlags)) return true;
  }
  return false;
}

void silence_underlying(BuffereventBase &underlying) noexcept {
  underlying.set_callbacks(nullptr, nullptr, nullptr, nullptr);
  // Those below it that are freed with it are written to before.
  for (BuffereventBase *bev = &underlying; bev;) {
    bev->input_buffer().remove_all_callbacks();
    bev->output_buffer().remove_all_callbacks();
    bev = bev->has_option(BEV_OPT_CLOSE_ON_FREE) ? below(*bev) : nullptr;
  }
}

void write_underlying_out(BuffereventBase &underlying) noexcept {
  auto *write = underlying.be_ops->write_last;
  if (!write || underlying.freed() || underlying.output_buffer().empty() || !base_lives(underlying)) return;
  const evbuffer &output = underlying.output_buffer();
  for (std::size_t before = 0; !output.empty() && output.length() != before;) {
    before = output.length();
    write(underlying);
  }
}

// --- life ---

Filter *Filter::create(BuffereventBase &underlying, const Functions &functions, int options) noexcept {
  Owned<Filter> filter{make<Filter>(underlying, functions, options)};
  if (!filter || !filter->init_on(underlying) || !filter->attach()) return nullptr;
  return filter.release();
}

bool Filter::attach() noexcept {
  const short missing = static_cast<short>((EV_READ | EV_WRITE) & ~underlying_.enabled);
  underlying_.suspend(EV_READ, kFilterBusy);
  if (!underlying_.enable(missing)) {
    underlying_.disable(missing);
    underlying_.resume(EV_READ, kFilterBusy);
    return false;
  }
  underlying_.hold();
  underlying_.set_relay(on_read, on_write, on_event, *this, false);
  return true;
}

void Filter::leave() noexcept {
  base_watch_.forget_if_gone(*this);
  stop_timeouts(EV_READ | EV_WRITE);
  const bool owner = has_option(BEV_OPT_CLOSE_ON_FREE);
  if (owner) {
    silence_underlying(underlying_);
    write_underlying_out(underlying_);
    return underlying_.release_by_program();
  }
  // The application may have replaced them by its own, which stay.
  if (underlying_.errorcb == on_event && underlying_.cbarg == this) {
    underlying_.set_callbacks(nullptr, nullptr, nullptr, nullptr);
  }
  underlying_.resume(EV_READ, kFilterBusy);
}

void Filter::dispose(Filter *filter) noexcept {
  EVI_ASSERT(filter->freed());
  BuffereventBase &underlying = filter->underlying_;
  const Functions functions = filter->functions_;
  evi::destroy(filter);
  if (functions.free_arg) functions.free_arg(functions.arg);
  const BuffereventUse last(underlying, BuffereventUse::Adopt{});
}

// --- callbacks of the underlying bufferevent, its lock held ---

void Filter::on_read(bufferevent *, void *self) noexcept {
  auto &filter = *static_cast<Filter *>(self);
  const BuffereventUse use(filter);
  // Or the function was left by longjmp(), and is not running.
  if (filter.in_.busy) return filter.schedule_flush();
  filter.read_on();
}

void Filter::on_write(bufferevent *, void *self) noexcept {
  auto &filter = *static_cast<Filter *>(self);
  const BuffereventUse use(filter);
  filter.write_on();
}

void Filter::on_event(bufferevent *, short what, void *self) noexcept {
  auto &filter = *static_cast<Filter *>(self);
  const int error = last_socket_error();
  const BuffereventUse use(filter);
  const bool data_first = filter.input_waits() || filter.deferred_read_pending();
  if ((what & BEV_EVENT_EOF) && (what & BEV_EVENT_READING) && data_first) {
    filter.end_ = what;
    filter.end_error_ = error;
    return filter.read_on();
  }
  set_socket_error(error);
  filter.trigger_event(what, 0);
}

// --- the functions of the program ---

ev_ssize_t Filter::input_room() const noexcept { return room_below(wm_read.high, input_buffer().length()); }

ev_ssize_t Filter::output_room() const noexcept {
  return room_below(underlying_.wm_write.high, underlying_.output_buffer().length());
}

// One call. True if another may bring more.
bool Filter::call(Side &side, bufferevent_filter_cb fn, evbuffer &from, evbuffer &to, ev_ssize_t room,
                  bufferevent_flush_mode mode, Run &run) noexcept {
  EVI_ASSERT(side.busy);
  const std::size_t left = from.length();
  const std::size_t had = to.length();
  const bufferevent_filter_result result =
      fn ? fn(&from, &to, room, mode, functions_.arg) : pass_on(from, to, room);
  const bool added = to.length() != had;
  const bool progress = added || from.length() != left;
  run.moved = run.moved || progress;
  run.failed = result == BEV_ERROR;
  side.more_inside =
      fn && result == BEV_OK && room > 0 && to.length() == had + static_cast<std::size_t>(room);
  // One that says BEV_OK and does nothing would be called for ever.
  return result == BEV_OK && progress && !freed();
}

Filter::Run Filter::run_input(bufferevent_flush_mode mode, bool limited) noexcept {
  evbuffer &from = underlying_.input_buffer();
  evbuffer &to = input_buffer();
  Run run;
  bool again = mode != BEV_NORMAL || input_waits();
  while (again) {
    const ev_ssize_t room = limited ? input_room() : kNoLimit;
    run.full = room == 0 || (limited && !wants(EV_READ));
    if (run.full) break;
    const Unfrozen open(to, BufferEnd::back);
    again = call(in_, functions_.input, from, to, room, mode, run) && input_waits();
  }
  return run;
}

Filter::Run Filter::run_output(bufferevent_flush_mode mode, bool limited) noexcept {
  evbuffer &from = output_buffer();
  evbuffer &to = underlying_.output_buffer();
  Run run;
  bool again = mode != BEV_NORMAL || output_waits();
  if (!again) return run;
  underlying_.begin_adding();
  while (again) {
    const ev_ssize_t room = limited ? output_room() : kNoLimit;
    run.full = room == 0 || (limited && !wants(EV_WRITE));
    if (run.full) break;
    const Unfrozen open(from, BufferEnd::front);
    again = call(out_, functions_.output, from, to, room, mode, run) && output_waits();
  }
  underlying_.finish_adding();
  return run;
}

// --- and what follows from them ---

// A callback that causes another call gets it from the loop, not inside of itself.
void Filter::report_data(short direction) noexcept {
  trigger_data(direction, in_callback(direction) ? BEV_TRIG_DEFER_CALLBACKS : 0);
}

// From the loop, because the function may have run in the program's call on a buffer or in its flush.
void Filter::report_failure(short direction) noexcept {
  fail(direction, BEV_EVENT_ERROR, BEV_TRIG_DEFER_CALLBACKS);
}

Filter::Run Filter::filter_input(bufferevent_flush_mode mode, bool limited) noexcept {
  if (in_.busy) return {};
  begin_reading();
  in_.busy = true;
  const Run run = run_input(mode, limited);
  in_.busy = false;
  if (run.moved && !freed()) {
    if (wants(EV_READ)) keep_timeout(EV_READ);
    report_data(EV_READ);
  }
  // Without a lock this is the loop's thread.
  finish_reading(!lock());
  if (run.failed && !freed()) {
    end_ = 0;
    report_failure(EV_READ);
  }
  return run;
}

Filter::Run Filter::filter_output(bufferevent_flush_mode mode, bool limited) noexcept {
  if (out_.busy) return {};
  out_.busy = true;
  const Run run = run_output(mode, limited);
  out_.busy = false;
  if (run.moved && !freed()) {
    if (output_buffer().empty()) {
      stop_timeouts(EV_WRITE);
    } else if (wants(EV_WRITE)) {
      keep_timeout(EV_WRITE);
    }
    report_data(EV_WRITE);
  }
  if (run.failed && !freed()) report_failure(EV_WRITE);
  return run;
}

void Filter::read_on() noexcept {
  // The deferred callback for the data may disable reading, and then the end waits.
  if (end_ && !input_waits() && deferred_read_pending()) return schedule_flush();
  const Run run = filter_input(end_ ? BEV_FINISHED : BEV_NORMAL, true);
  if (freed() || run.failed) return;
  if (run.full) {
    // The read callback may have made room, which nothing else notices.
    if (wants(EV_READ) && input_room() != 0) schedule_flush();
    return;
  }
  if (!end_ || in_.busy) return;
  // After the data, which the program is just being notified of.
  if (in_callback(EV_READ) || deferred_read_pending()) return schedule_flush();
  if (!wants(EV_READ)) return;
  const short what = end_;
  end_ = 0;
  set_socket_error(end_error_);
  trigger_event(what, 0);
}

void Filter::write_on() noexcept {
  if (output_waits()) static_cast<void>(filter_output(BEV_NORMAL, true));
}

// --- the table's functions ---

bool Filter::start(short directions, Start why) noexcept {
  if ((directions & EV_READ) && wants(EV_READ)) {
    const bool restart = why == Start::enabled || !timeout_runs(EV_READ);
    if (restart && !restart_timeout(EV_READ)) return false;
    if (underlying_.suspended(EV_READ, kFilterBusy)) underlying_.resume(EV_READ, kFilterBusy);
    // Not here, where the program may not expect to be called.
    if (input_waits() || end_) schedule_flush();
  }
  if (!(directions & EV_WRITE) || !wants(EV_WRITE)) return true;
  // As in libevent, enabling starts the timeout also when there is nothing to write.
  const bool timed = why == Start::enabled || (!output_buffer().empty() && !timeout_runs(EV_WRITE));
  if (timed && !restart_timeout(EV_WRITE)) return false;
  if (output_waits()) schedule_flush();
  return true;
}

void Filter::stop(short directions) noexcept {
  stop_timeouts(directions);
  if (directions & EV_READ) underlying_.suspend(EV_READ, kFilterBusy);
}

void Filter::apply_timeouts() noexcept {
  stop_timeouts(EV_READ | EV_WRITE);
  if (wants(EV_READ)) keep_timeout(EV_READ);
  if (wants(EV_WRITE) && !output_buffer().empty()) keep_timeout(EV_WRITE);
}

// The function and the write callback may free the filter while a call on the output buffer is under way.
void Filter::output_added() noexcept {
  if (!wants(EV_WRITE)) return;
  if (out_.busy) return schedule_flush();
  const BuffereventUse use(*this);
  if (!timeout_runs(EV_WRITE)) keep_timeout(EV_WRITE);
  write_on();
  if (freed()) finish_from_loop();
}

// The loop calls nothing inside of a function, so none is running, though one may have been left by
// longjmp().
void Filter::take_turn() noexcept {
  in_.busy = out_.busy = false;
  if (wants(EV_READ) && (input_waits() || end_)) read_on();
  if (!freed()) write_on();
}

// Towards the program from below, towards the peer from above.
int Filter::flush(short directions, bufferevent_flush_mode mode) noexcept {
  const bool limited = mode == BEV_NORMAL;
  Run in, out;
  if (directions & EV_READ) {
    if (!underlying_.freed()) underlying_.be_ops->flush(underlying_, EV_READ, mode);
    if (!freed()) in = filter_input(mode, limited);
  }
  if ((directions & EV_WRITE) && !freed()) {
    out = filter_output(mode, limited);
    if (!underlying_.freed()) underlying_.be_ops->flush(underlying_, EV_WRITE, mode);
  }
  if (in.failed || out.failed) return -1;
  return in.moved || out.moved;
}

namespace {

bool start(BuffereventBase &bev, short directions, Start why) noexcept {
  return Filter::of(bev).start(directions, why);
}
void stop(BuffereventBase &bev, short directions) noexcept { Filter::of(bev).stop(directions); }
void apply_timeouts(BuffereventBase &bev) noexcept { Filter::of(bev).apply_timeouts(); }
void output_added(BuffereventBase &bev) noexcept { Filter::of(bev).output_added(); }
void flush_turn(BuffereventBase &bev) noexcept { Filter::of(bev).take_turn(); }
int flush(BuffereventBase &bev, short directions, bufferevent_flush_mode mode) noexcept {
  return Filter::of(bev).flush(directions, mode);
}
bool set_fd(BuffereventBase &bev, evutil_socket_t fd) noexcept {
  BuffereventBase &underlying = Filter::of(bev).underlying();
  return underlying.be_ops->set_fd(underlying, fd);
}
evutil_socket_t get_fd(const BuffereventBase &bev) noexcept {
  const BuffereventBase &underlying = Filter::of(bev).underlying();
  return underlying.be_ops->get_fd(underlying);
}
bufferevent *get_underlying(const BuffereventBase &bev) noexcept { return &Filter::of(bev).underlying(); }
void unlink(BuffereventBase &bev) noexcept { Filter::of(bev).leave(); }
void dispose(BuffereventBase *bev) noexcept { Filter::dispose(&Filter::of(*bev)); }

}  // namespace

constinit const bufferevent_ops filter_ops = {
    .name = "filter",
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
    .unlink = unlink,
    .dispose = dispose,
};

}  // namespace evi
