// The socket transport: its events, and writing, which it does just before the loop waits. Reading is in
// socket_read.cc.
//
// ev_write is added only once the socket has refused bytes, and deleted when the buffer is empty:
//
//   output added --> flush turn: writev --> all gone
//                                      \--> some left: ev_write added --> writev when writable --> deleted
//
// A descriptor that blocks is written to only when it was reported writable, a little at a time. A borrowed
// one, which the program may have closed since the output was added, must still be the same file in the flush
// turn: otherwise, after fd reuse, the bytes would reach another file. ev_write needs no such check, because
// the kernel reports the file itself.
//
// Without a descriptor both events are mere timers, and keep the loop alive as libevent's do. So they are for
// a socket whose readiness overlapped operations report (overlapped_win32.cc).
#include <algorithm>

#include "bufferevent/event_removal.h"
#include "bufferevent/lookup.h"
#include "bufferevent/loop_chunks.h"
#include "bufferevent/socket_transport.h"
#include "core/debug_mode.h"
#include "core/event_access.h"
#include "core/event_base.h"
#include "util/alloc.h"
#include "util/assert.h"

namespace evi {
namespace socket_transport {
namespace {

// One write takes this at most where it may block: what a socket that was reported writable takes, mostly.
constexpr std::size_t kMaxBlockingWrite = 16384;
// One write takes this at most; then other connections have their turn.
constexpr std::size_t kMaxWrite = 262144;
// The same where the front is a file, which costs no copy.
constexpr std::size_t kMaxSend = 1048576;

void on_readable(evutil_socket_t, short what, void *arg) noexcept {
  auto &bev = *static_cast<SocketBufferevent *>(arg);
  const BuffereventUse use(bev);
  // Held back, or freed, by another thread since the loop saw it.
  if (!bev.socket_.read_armed) return;
  if (what == EV_TIMEOUT) return bev.fail(EV_READ, BEV_EVENT_TIMEOUT);
  if (bev.socket_.connecting && take_connection(bev)) report_connected(bev);
  if (bev.socket_.read_armed && !bev.socket_.connecting && fd_of(bev) >= 0) read_once(bev);
}

}  // namespace

// --- writing ---

std::size_t write_limit(const SocketBufferevent &bev) noexcept {
  const std::size_t most = bev.output_buffer().front_is_file() ? kMaxSend : kMaxWrite;
  std::size_t wanted = bev.extra() && bev.extra()->max_single_write ? bev.extra()->max_single_write : most;
  if (EVI_UNLIKELY(bev.socket_.fd_blocks)) wanted = std::min(wanted, kMaxBlockingWrite);
  return std::min(wanted, bev.output_buffer().length());
}

bool blocks(SocketBufferevent &bev) noexcept {
  SocketState &state = bev.socket_;
  if (EVI_UNLIKELY(!state.fd_known)) {
    EVI_ASSERT(fd_of(bev) >= 0);
    state.fd_known = true;
    state.fd_blocks = descriptor_blocks(fd_of(bev));
  }
  return state.fd_blocks;
}

void schedule_output(SocketBufferevent &bev) noexcept {
  EVI_ASSERT(fd_of(bev) >= 0);
  // What is added to an empty buffer is meant for the file that the fd refers to now. The flush turn waits
  // for the lock, which is held here.
  if (bev.queue_flush() && bev.socket_.borrowed) bev.keeps_.identity = descriptor_identity(fd_of(bev));
}

namespace {

// Has what is left written when the socket takes it again, or soon if it might have taken more.
bool write_rest(SocketBufferevent &bev, bool took_all) noexcept {
  if (bev.output_buffer().empty()) {
    disarm_write(bev);
    bev.output_buffer().release_spare();
    return true;
  }
  if (bev.socket_.write_armed || !bev.wants(EV_WRITE)) return true;
  if (!took_all) return arm_write(bev);
  schedule_output(bev);
  return true;
}

// If not, the output stays until more is added, or the bufferevent gets another descriptor.
bool is_same_file(SocketBufferevent &bev) noexcept {
  if (!bev.socket_.borrowed || !bev.keeps_.identity) return true;
  const std::uint64_t now = descriptor_identity(fd_of(bev));
  if (!now || now == bev.keeps_.identity) return true;
  bev.keeps_.identity = 0;
  return false;
}

// The flush turn's output.
void write_unasked(SocketBufferevent &bev) noexcept {
  const SocketState &state = bev.socket_;
  if (EVI_LIKELY(state.fd_known & !state.fd_blocks & !state.borrowed)) return write_once(bev);
  if (!is_same_file(bev)) return;
  if (!blocks(bev)) return write_once(bev);
  if (!arm_write(bev)) bev.fail(EV_WRITE, BEV_EVENT_ERROR);
}

void on_writable(evutil_socket_t, short what, void *arg) noexcept {
  auto &bev = *static_cast<SocketBufferevent *>(arg);
  const BuffereventUse use(bev);
  if (!bev.socket_.write_armed) return;
  if (what == EV_TIMEOUT) return bev.fail(EV_WRITE, BEV_EVENT_TIMEOUT);
  if (bev.socket_.connecting) {
    if (take_connection(bev)) report_connected(bev);
    return;
  }
  if (!bev.output_buffer().empty()) {
    // The application made the event active: the output waits for a descriptor.
    if (fd_of(bev) < 0) return;
    // The first write to this descriptor may be this one.
    static_cast<void>(blocks(bev));
    return write_once(bev);
  }
  // Nothing to write: the program enabled writing, and it is possible now.
  disarm_write(bev);
  bev.trigger_data(EV_WRITE, 0);
}

// --- the table's functions ---

bool start_write(SocketBufferevent &bev, Start why) noexcept {
  SocketState &state = bev.socket_;
  if (!bev.wants(EV_WRITE)) return true;
  const bool asked = why == Start::enabled;
  const bool pending = !bev.output_buffer().empty();
  if (state.write_armed) {
    return !asked || !evutil_timerisset(&bev.timeout_write) || arm_write(bev);
  }
  if (!asked && !pending) return true;
  if (fd_of(bev) < 0) return arm_write(bev);
  state.report_ready = state.report_ready || asked;
  schedule_output(bev);
  return bev.ev_base != nullptr;
}

}  // namespace

bool start(BuffereventBase &self, short directions, Start why) noexcept {
  SocketBufferevent &bev = SocketBufferevent::of(self);
  if ((directions & EV_READ) && !arm_read(bev, why == Start::enabled)) return false;
  return !(directions & EV_WRITE) || start_write(bev, why);
}

void stop(BuffereventBase &self, short directions) noexcept {
  SocketBufferevent &bev = SocketBufferevent::of(self);
  if (directions & EV_READ) disarm_read(bev);
  if (!(directions & EV_WRITE)) return;
  bev.socket_.report_ready = false;
  if (!bev.socket_.connecting) {
    if (!bev.socket_.overlapped) bev.withdraw_flush();
    return disarm_write(bev);
  }
  // The end of the connect is still to be reported, its timeout is not.
  bev.ev_base->remove_timer(bev.ev_write);
}

namespace {

void apply_timeout(SocketBufferevent &bev, event &ev, bool armed, const timeval &timeout) noexcept {
  if (!armed) return;
  if (evutil_timerisset(&timeout)) {
    if (bev.ev_base->add(ev, &timeout) != 0)
      bev.report_lost_timeout(&ev == &bev.ev_read ? EV_READ : EV_WRITE);
  } else {
    bev.ev_base->remove_timer(ev);
  }
}

}  // namespace

void apply_timeouts(BuffereventBase &self) noexcept {
  SocketBufferevent &bev = SocketBufferevent::of(self);
  apply_timeout(bev, bev.ev_read, bev.socket_.read_armed, bev.timeout_read);
  apply_timeout(bev, bev.ev_write, bev.socket_.write_armed && (bev.enabled & EV_WRITE), bev.timeout_write);
}

void output_added(BuffereventBase &self) noexcept {
  SocketBufferevent &bev = SocketBufferevent::of(self);
  if (bev.socket_.write_armed || !bev.wants(EV_WRITE)) return;
  if (fd_of(bev) >= 0) return schedule_output(bev);
  // Only the timeout runs; if out of memory, there is none.
  if (bev.ev_base) static_cast<void>(arm_write(bev));
}

void flush_turn(BuffereventBase &self) noexcept {
  SocketBufferevent &bev = SocketBufferevent::of(self);
  SocketState &state = bev.socket_;
  if (EVI_UNLIKELY(has_input_ahead(bev))) {
    show_input_ahead(bev);
    if (bev.freed()) return;
  }
  const bool report_ready = state.report_ready;
  state.report_ready = false;
  if (state.write_armed || !bev.wants(EV_WRITE) || fd_of(bev) < 0) return;
  if (!bev.output_buffer().empty()) return write_unasked(bev);
  if (report_ready && bev.writecb && !arm_write(bev)) bev.fail(EV_WRITE, BEV_EVENT_ERROR);
}

// Not flush_turn(): what was read ahead is for the loop's thread alone.
void write_last(BuffereventBase &self) noexcept {
  SocketBufferevent &bev = SocketBufferevent::of(self);
  if (!bev.socket_.write_armed && bev.wants(EV_WRITE) && fd_of(bev) >= 0) write_unasked(bev);
}

void resume_reading(BuffereventBase &bev) noexcept { read_on(SocketBufferevent::of(bev)); }

void read_whole(BuffereventBase &bev) noexcept {
  SocketState &state = SocketBufferevent::of(bev).socket_;
  if (state.read_shift < kWholeReadShift) state.read_shift = kWholeReadShift;
}

bool events_armed(const BuffereventBase &bev) noexcept {
  const SocketState &state = SocketBufferevent::of(bev).socket_;
  return state.read_armed || state.write_armed;
}

int flush(BuffereventBase &, short, bufferevent_flush_mode) noexcept { return 0; }

bool set_fd(BuffereventBase &self, evutil_socket_t fd) noexcept {
  SocketBufferevent &bev = SocketBufferevent::of(self);
  replace_fd(bev, fd);
  if (fd < 0 || bev.freed()) return true;
  if (bev.be_ops->overlapped) bev.be_ops->overlapped->attach(bev);
  return start(bev, bev.enabled & (EV_READ | EV_WRITE), Start::enabled);
}

bufferevent *get_underlying(const BuffereventBase &) noexcept { return nullptr; }

namespace {

void unlink(BuffereventBase &self) noexcept {
  SocketBufferevent &bev = SocketBufferevent::of(self);
  drop_input_ahead(bev);
  disarm_read(bev);
  disarm_write(bev);
}

void dispose(BuffereventBase *bev) noexcept {
  const evutil_socket_t fd = fd_of(*bev);
  const bool close = fd >= 0 && bev->has_option(BEV_OPT_CLOSE_ON_FREE);
  EVI_ASSERT(bev->freed() && !has_input_ahead(SocketBufferevent::of(*bev)));
  evi::destroy(&SocketBufferevent::of(*bev));
  if (close) close_socket(fd);
}

}  // namespace

ReadChunk *shared_chunk(event_base &base) noexcept {
  LoopChunks *chunks = loop_chunks(base);
  return chunks ? &chunks->receive : nullptr;
}

// A new registration without a timeout must not inherit the period of an old one.
bool add(SocketBufferevent &bev, event &ev, bool armed, const timeval *timeout) noexcept {
  EVI_ASSERT(&ev == &bev.ev_read || &ev == &bev.ev_write);
  if (!bev.ev_base) {
    set_socket_error(kInvalidArgument);
    return false;
  }
  if (!armed && !timeout) period(ev) = timeval{};
  return bev.ev_base->add(ev, timeout) == 0;
}

void del(SocketBufferevent &bev, event &ev) noexcept { delete_if_queued(bev.ev_base, ev, bev.lock()); }

void assign(SocketBufferevent &bev, evutil_socket_t fd, event_callback_fn on_read,
            event_callback_fn on_write) noexcept {
  constexpr short kPersistent = EV_PERSIST | EV_FINALIZE;
  EVI_ASSERT(!bev.socket_.read_armed && !bev.socket_.write_armed);
  bev.socket_.borrowed = !bev.has_option(BEV_OPT_CLOSE_ON_FREE) || debug::enabled();
  if (bev.be_ops->plain_socket) bev.socket_.read_shift = kFirstReadShift;
  static_cast<void>(assign_event(bev.ev_read, bev.ev_base, fd, EV_READ | kPersistent, on_read, &bev));
  static_cast<void>(assign_event(bev.ev_write, bev.ev_base, fd, EV_WRITE | kPersistent, on_write, &bev));
}

bool arm_read(SocketBufferevent &bev, bool restart) noexcept {
  SocketState &state = bev.socket_;
  const timeval *timeout = timeout_or_null(bev.timeout_read);
  if (!bev.wants(EV_READ) || (state.read_armed && !(restart && timeout))) return true;
  if (!add(bev, bev.ev_read, state.read_armed, timeout)) return false;
  state.read_armed = true;
  if (EVI_UNLIKELY(state.overlapped)) bev.be_ops->overlapped->await(bev, EV_READ);
  read_on(bev);
  return true;
}

void disarm_read(SocketBufferevent &bev) noexcept {
  if (!bev.socket_.read_armed) return;
  bev.socket_.read_armed = false;
  del(bev, bev.ev_read);
}

bool arm_write(SocketBufferevent &bev) noexcept {
  const timeval *timeout = bev.wants(EV_WRITE) ? timeout_or_null(bev.timeout_write) : nullptr;
  if (!add(bev, bev.ev_write, bev.socket_.write_armed, timeout)) return false;
  bev.socket_.write_armed = true;
  if (EVI_UNLIKELY(bev.socket_.overlapped)) bev.be_ops->overlapped->await(bev, EV_WRITE);
  return true;
}

void disarm_write(SocketBufferevent &bev) noexcept {
  if (!bev.socket_.write_armed) return;
  bev.socket_.write_armed = false;
  del(bev, bev.ev_write);
}

namespace {

inline ev_ssize_t write_front(evbuffer &output, evutil_socket_t fd, std::size_t limit) noexcept {
  const Unfrozen open(output, BufferEnd::front);
  return output.write_some(fd, limit);
}

}  // namespace

void write_once(SocketBufferevent &bev) noexcept {
  EVI_ASSERT(!bev.freed() && !bev.socket_.connecting && fd_of(bev) >= 0);
  evbuffer &output = bev.output_buffer();
  const std::size_t limit = bev.write_allowance(write_limit(bev));
  if (limit == 0) {
    static_cast<void>(write_rest(bev, true));
    return;
  }
  const ev_ssize_t put = write_front(output, fd_of(bev), limit);
  const int error = last_socket_error();
  if (bev.freed()) return;
  if (put > 0) bev.charge_write(static_cast<std::size_t>(put));
  set_socket_error(error);
  // BSD and macOS refuse output while the program's own connect() is in progress: that ends by a report of
  // ev_write.
  const bool failed = put < 0 && !rw_retriable(error) && (error != kNotConnected || bev.socket_.write_armed);
  if (failed || !write_rest(bev, put >= 0 && static_cast<std::size_t>(put) == limit)) {
    return bev.fail(EV_WRITE, BEV_EVENT_ERROR);
  }
  if (put > 0) bev.bytes_left();
}

void replace_fd(SocketBufferevent &bev, evutil_socket_t fd) noexcept {
  const std::uint8_t priority = bev.ev_read.ev_evcallback.evcb_pri;
  disarm_read(bev);
  disarm_write(bev);
  // The program may have made one active that is not armed.
  del(bev, bev.ev_read);
  del(bev, bev.ev_write);
  if (EVI_UNLIKELY(bev.socket_.overlapped)) bev.be_ops->overlapped->detach(bev);
  drop_input_ahead(bev);
  bev.socket_ = SocketState{};
  bev.keeps_ = SocketKeeps{};
  assign(bev, fd, bev.ev_read.ev_evcallback.evcb_cb_union.evcb_callback,
         bev.ev_write.ev_evcallback.evcb_cb_union.evcb_callback);
  bev.ev_read.ev_evcallback.evcb_pri = bev.ev_write.ev_evcallback.evcb_pri = priority;
}

}  // namespace socket_transport

bool SocketBufferevent::check_invariants() const noexcept {
  if (!BuffereventBase::check_invariants()) return false;
  if (socket_.connecting && (socket_.refused || !socket_.write_armed)) return false;
  if (socket_.fd_blocks && !socket_.fd_known) return false;
  if ((socket_.read_armed || socket_.write_armed) && (freed() || !ev_base)) return false;
  return !socket_transport::has_input_ahead(*this) || (!freed() && keeps_.ahead->length() > 0);
}

constinit const bufferevent_ops socket_ops = {
    .name = "socket",
    .owns_events = true,
    .plain_socket = true,
    .start = socket_transport::start,
    .stop = socket_transport::stop,
    .apply_timeouts = socket_transport::apply_timeouts,
    .output_added = socket_transport::output_added,
    .flush_turn = socket_transport::flush_turn,
    .read_on = socket_transport::resume_reading,
    .write_last = socket_transport::write_last,
    .flush = socket_transport::flush,
    .set_fd = socket_transport::set_fd,
    .get_fd = socket_transport::fd_of,
    .get_underlying = socket_transport::get_underlying,
    .read_whole = socket_transport::read_whole,
    .events_armed = socket_transport::events_armed,
    .unlink = socket_transport::unlink,
    .dispose = socket_transport::dispose,
};

BuffereventBase *socket_bufferevent_new(event_base *base, evutil_socket_t fd, int options) noexcept {
  const bool overlapped = base && base->completion_port();
  Owned<SocketBufferevent> bev{overlapped ? overlapped_bufferevent_new(*base, options)
                                          : make<SocketBufferevent>(base, socket_ops, options)};
  if (!bev || !bev->init()) return nullptr;
  // A file goes from kernel to kernel.
  bev->output_buffer().set_flags(EVBUFFER_FLAG_DRAINS_TO_FD);
  socket_transport::assign(*bev, fd, socket_transport::on_readable, socket_transport::on_writable);
  if (overlapped) bev->be_ops->overlapped->attach(*bev);
  return bev.release();
}

}  // namespace evi
