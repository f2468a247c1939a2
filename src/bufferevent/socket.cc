// The socket transport: reads when the loop finds the socket readable, writes just before the loop waits.
//
// Writing. ev_write is added only once the socket has refused bytes, and deleted when the buffer is empty:
//
//   output added --> flush turn: writev --> all gone
//                                      \--> some left: ev_write added --> writev when writable --> deleted
//
// Without a descriptor both events are mere timers, and keep the loop alive as libevent's do. So they are for
// a socket whose readiness overlapped operations tell (overlapped_win32.cc).
#include <algorithm>

#include "bufferevent/lookup.h"
#include "bufferevent/loop_chunks.h"
#include "bufferevent/socket_transport.h"
#include "core/event_access.h"
#include "core/event_base.h"
#include "util/alloc.h"

namespace evi {
namespace socket_transport {
namespace {

constexpr bool kAtFront = true;
constexpr bool kAtEnd = false;

// One read brings between these, as powers of two: at least a page, and no more than caches hold beside the
// kernel's side of the copy; larger reads cost more than the calls they save.
constexpr std::uint8_t kMinReadShift = 12;
constexpr std::uint8_t kMaxReadShift = 16;
// What a receive chunk is smaller than the power of two, so that with its header and malloc's it is none
// more.
constexpr std::size_t kChunkOverhead = 64;
// One write takes this at most; then other connections have their turn.
constexpr std::size_t kMaxWrite = 262144;
// The same where the front is a file, which costs no copy.
constexpr std::size_t kMaxSend = 1048576;

void on_readable(evutil_socket_t fd, short what, void *arg) noexcept;
void on_writable(evutil_socket_t fd, short what, void *arg) noexcept;

// --- reading ---

std::size_t read_limit(const BuffereventBase &bev) noexcept {
  std::size_t limit = std::size_t{1} << bev.socket_.read_shift;
  if (bev.extra() && bev.extra()->max_single_read) limit = std::min(limit, bev.extra()->max_single_read);
  if (!bev.wm_read.high) return limit;
  const std::size_t length = bev.input_buffer().length();
  return bev.wm_read.high > length ? std::min(limit, bev.wm_read.high - length) : 0;
}

void follow_reads(BuffereventBase &bev, std::size_t got) noexcept {
  std::uint8_t &shift = bev.socket_.read_shift;
  const std::size_t offered = std::size_t{1} << shift;
  if (got >= offered - kChunkOverhead) {
    if (shift < kMaxReadShift) ++shift;
  } else if (got < offered / 4 && shift > kMinReadShift) {
    --shift;
  }
}

ev_ssize_t receive(BuffereventBase &bev, std::size_t limit) noexcept {
  ReadChunk own;
  ReadChunk *shared = shared_chunk(*bev.ev_base);
  ReadChunk &chunk = shared ? *shared : own;
  const std::size_t size = (std::size_t{1} << bev.socket_.read_shift) - kChunkOverhead;
  if (chunk.chain && chunk.chain->capacity() < std::min(size, limit)) {
    if (!keep_loop_chunk(*bev.ev_base, *chunk.chain)) chain_release(chunk.chain);
    chunk.chain = nullptr;
  }
  if (!chunk.chain && size >= kLargeChain && (chunk.chain = take_loop_chunk(*bev.ev_base, size)))
    chunk.chain->recyclable = true;
  evbuffer &input = bev.input_buffer();
  input.unfreeze(kAtEnd);
  const ev_ssize_t got = input.read_into(fd_of(bev), limit, chunk, size);
  const int error = last_socket_error();
  input.freeze(kAtEnd);
  set_socket_error(error);
  return got;
}

}  // namespace

void fail(BuffereventBase &bev, short direction, short what) noexcept {
  const int error = last_socket_error();
  bev.disable(direction);
  set_socket_error(error);
  const short side = direction == EV_READ ? BEV_EVENT_READING : BEV_EVENT_WRITING;
  bev.trigger_event(static_cast<short>(side | what), 0);
}

void read_once(BuffereventBase &bev) noexcept {
  const std::size_t limit = read_limit(bev);
  if (limit == 0) return bev.check_read_watermark();
  const std::size_t allowed = bev.read_allowance(limit);
  if (allowed == 0) return;
  bev.begin_reading();
  const ev_ssize_t got = receive(bev, allowed);
  if (got > 0) {
    bev.charge_read(static_cast<std::size_t>(got));
    follow_reads(bev, static_cast<std::size_t>(got));
    bev.trigger_data(EV_READ, 0);
  }
  const int error = last_socket_error();
  bev.finish_reading();
  if (got > 0 || (got < 0 && rw_retriable(error)) || bev.freed()) return;
  set_socket_error(error);
  fail(bev, EV_READ, got == 0 ? BEV_EVENT_EOF : BEV_EVENT_ERROR);
}

namespace {

void on_readable(evutil_socket_t, short what, void *arg) noexcept {
  auto &bev = *static_cast<BuffereventBase *>(arg);
  const BuffereventUse use(bev);
  // Held back, or freed, by another thread since the loop saw it.
  if (!bev.socket_.read_armed) return;
  if (what == EV_TIMEOUT) return fail(bev, EV_READ, BEV_EVENT_TIMEOUT);
  if (bev.socket_.connecting) finish_connect(bev);
  if (bev.socket_.read_armed && !bev.socket_.connecting && fd_of(bev) >= 0) read_once(bev);
}

// --- writing ---

}  // namespace

std::size_t write_limit(const BuffereventBase &bev) noexcept {
  const std::size_t most = bev.output_buffer().front_is_file() ? kMaxSend : kMaxWrite;
  const std::size_t wanted =
      bev.extra() && bev.extra()->max_single_write ? bev.extra()->max_single_write : most;
  return std::min(wanted, bev.output_buffer().length());
}

namespace {

// Has what is left written when the socket takes it again, or soon if it might have taken more.
bool write_rest(BuffereventBase &bev, bool took_all) noexcept {
  if (bev.output_buffer().empty()) {
    disarm_write(bev);
    bev.output_buffer().release_spare();
    return true;
  }
  if (bev.socket_.write_armed || !bev.wants(EV_WRITE)) return true;
  if (!took_all) return arm_write(bev);
  bev.schedule_flush();
  return true;
}

void on_writable(evutil_socket_t, short what, void *arg) noexcept {
  auto &bev = *static_cast<BuffereventBase *>(arg);
  const BuffereventUse use(bev);
  if (!bev.socket_.write_armed) return;
  if (what == EV_TIMEOUT) return fail(bev, EV_WRITE, BEV_EVENT_TIMEOUT);
  if (bev.socket_.connecting) return finish_connect(bev);
  if (!bev.output_buffer().empty()) return write_once(bev);
  // Nothing to write: the program enabled writing and hears now that it is possible.
  disarm_write(bev);
  bev.trigger_data(EV_WRITE, 0);
}

// --- the table's functions ---

bool start_write(BuffereventBase &bev, Start why) noexcept {
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
  bev.schedule_flush();
  return bev.ev_base != nullptr;
}

}  // namespace

bool start(BuffereventBase &bev, short directions, Start why) noexcept {
  if ((directions & EV_READ) && !arm_read(bev, why == Start::enabled)) return false;
  return !(directions & EV_WRITE) || start_write(bev, why);
}

void stop(BuffereventBase &bev, short directions) noexcept {
  if (directions & EV_READ) disarm_read(bev);
  if (!(directions & EV_WRITE)) return;
  bev.socket_.report_ready = false;
  if (!bev.socket_.connecting) return disarm_write(bev);
  // The end of the connect is still to be heard of, its timeout is not.
  bev.ev_base->remove_timer(bev.ev_write);
}

namespace {

void apply_timeout(BuffereventBase &bev, event &ev, bool armed, const timeval &timeout) noexcept {
  if (!armed) return;
  if (evutil_timerisset(&timeout)) {
    static_cast<void>(bev.ev_base->add(ev, &timeout));
  } else {
    bev.ev_base->remove_timer(ev);
  }
}

}  // namespace

void apply_timeouts(BuffereventBase &bev) noexcept {
  apply_timeout(bev, bev.ev_read, bev.socket_.read_armed, bev.timeout_read);
  apply_timeout(bev, bev.ev_write, bev.socket_.write_armed && (bev.enabled & EV_WRITE), bev.timeout_write);
}

void output_added(BuffereventBase &bev) noexcept {
  if (bev.socket_.write_armed || !bev.wants(EV_WRITE)) return;
  if (fd_of(bev) >= 0) return bev.schedule_flush();
  // Only the timeout runs; without memory for it there is none.
  if (bev.ev_base) static_cast<void>(arm_write(bev));
}

void flush_turn(BuffereventBase &bev) noexcept {
  SocketState &state = bev.socket_;
  const bool report_ready = state.report_ready;
  state.report_ready = false;
  if (state.write_armed || !bev.wants(EV_WRITE) || fd_of(bev) < 0) return;
  if (!bev.output_buffer().empty()) return write_once(bev);
  if (report_ready && bev.writecb && !arm_write(bev)) fail(bev, EV_WRITE, BEV_EVENT_ERROR);
}

int flush(BuffereventBase &, short, bufferevent_flush_mode) noexcept { return 0; }

bool set_fd(BuffereventBase &bev, evutil_socket_t fd) noexcept {
  replace_fd(bev, fd);
  if (fd < 0 || bev.freed()) return true;
  if (bev.be_ops->overlapped) bev.be_ops->overlapped->attach(bev);
  return start(bev, bev.enabled & (EV_READ | EV_WRITE), Start::enabled);
}

bufferevent *get_underlying(const BuffereventBase &) noexcept { return nullptr; }

namespace {

void unlink(BuffereventBase &bev) noexcept {
  disarm_read(bev);
  disarm_write(bev);
}

void dispose(BuffereventBase *bev) noexcept {
  const evutil_socket_t fd = fd_of(*bev);
  const bool close = fd >= 0 && bev->has_option(BEV_OPT_CLOSE_ON_FREE);
  evi::destroy(bev);
  if (close) close_socket(fd);
}

}  // namespace

ReadChunk *shared_chunk(event_base &base) noexcept {
  LoopChunks *chunks = loop_chunks(base);
  return chunks ? &chunks->receive : nullptr;
}

// A new registration without a timeout must not inherit the period of an old one.
bool add(BuffereventBase &bev, event &ev, bool armed, const timeval *timeout) noexcept {
  if (!bev.ev_base) {
    set_socket_error(kInvalidArgument);
    return false;
  }
  if (!armed && !timeout) period(ev) = timeval{};
  return bev.ev_base->add(ev, timeout) == 0;
}

// Without threads the event itself tells whether there is anything to delete: a program may have freed the
// base first, which deleted it.
void del(BuffereventBase &bev, event &ev) noexcept {
  constexpr int kInUse = EVLIST_INSERTED | EVLIST_TIMEOUT | EVLIST_ACTIVE | EVLIST_ACTIVE_LATER;
  if (bev.ev_base && (bev.lock() || has(ev, kInUse))) bev.ev_base->del(ev, DelMode::no_block);
}

void assign(BuffereventBase &bev, evutil_socket_t fd, event_callback_fn on_read,
            event_callback_fn on_write) noexcept {
  constexpr short kPersistent = EV_PERSIST | EV_FINALIZE;
  static_cast<void>(assign_event(bev.ev_read, bev.ev_base, fd, EV_READ | kPersistent, on_read, &bev));
  static_cast<void>(assign_event(bev.ev_write, bev.ev_base, fd, EV_WRITE | kPersistent, on_write, &bev));
}

bool arm_read(BuffereventBase &bev, bool restart) noexcept {
  SocketState &state = bev.socket_;
  const timeval *timeout = timeout_or_null(bev.timeout_read);
  if (!bev.wants(EV_READ) || (state.read_armed && !(restart && timeout))) return true;
  if (!add(bev, bev.ev_read, state.read_armed, timeout)) return false;
  state.read_armed = true;
  if (EVI_UNLIKELY(state.overlapped)) bev.be_ops->overlapped->await(bev, EV_READ);
  return true;
}

void disarm_read(BuffereventBase &bev) noexcept {
  if (!bev.socket_.read_armed) return;
  bev.socket_.read_armed = false;
  del(bev, bev.ev_read);
}

bool arm_write(BuffereventBase &bev) noexcept {
  const timeval *timeout = bev.wants(EV_WRITE) ? timeout_or_null(bev.timeout_write) : nullptr;
  if (!add(bev, bev.ev_write, bev.socket_.write_armed, timeout)) return false;
  bev.socket_.write_armed = true;
  if (EVI_UNLIKELY(bev.socket_.overlapped)) bev.be_ops->overlapped->await(bev, EV_WRITE);
  return true;
}

void disarm_write(BuffereventBase &bev) noexcept {
  if (!bev.socket_.write_armed) return;
  bev.socket_.write_armed = false;
  del(bev, bev.ev_write);
}

void write_once(BuffereventBase &bev) noexcept {
  evbuffer &output = bev.output_buffer();
  const std::size_t limit = bev.write_allowance(write_limit(bev));
  if (limit == 0) {
    static_cast<void>(write_rest(bev, true));
    return;
  }
  output.unfreeze(kAtFront);
  const ev_ssize_t put = output.write_some(fd_of(bev), limit);
  const int error = last_socket_error();
  output.freeze(kAtFront);
  if (bev.freed()) return;
  if (put > 0) bev.charge_write(static_cast<std::size_t>(put));
  set_socket_error(error);
  const bool failed = put < 0 && !rw_retriable(error);
  if (failed || !write_rest(bev, put >= 0 && static_cast<std::size_t>(put) == limit)) {
    return fail(bev, EV_WRITE, BEV_EVENT_ERROR);
  }
  if (put > 0) bev.trigger_data(EV_WRITE, 0);
}

void replace_fd(BuffereventBase &bev, evutil_socket_t fd) noexcept {
  const std::uint8_t priority = bev.ev_read.ev_evcallback.evcb_pri;
  disarm_read(bev);
  disarm_write(bev);
  if (EVI_UNLIKELY(bev.socket_.overlapped)) bev.be_ops->overlapped->detach(bev);
  bev.socket_ = SocketState{};
  assign(bev, fd, bev.ev_read.ev_evcallback.evcb_cb_union.evcb_callback,
         bev.ev_write.ev_evcallback.evcb_cb_union.evcb_callback);
  bev.ev_read.ev_evcallback.evcb_pri = bev.ev_write.ev_evcallback.evcb_pri = priority;
}

}  // namespace socket_transport

constinit const bufferevent_ops socket_ops = {
    .name = "socket",
    .owns_events = true,
    .plain_socket = true,
    .start = socket_transport::start,
    .stop = socket_transport::stop,
    .apply_timeouts = socket_transport::apply_timeouts,
    .output_added = socket_transport::output_added,
    .flush_turn = socket_transport::flush_turn,
    .flush = socket_transport::flush,
    .set_fd = socket_transport::set_fd,
    .get_fd = socket_transport::fd_of,
    .get_underlying = socket_transport::get_underlying,
    .unlink = socket_transport::unlink,
    .dispose = socket_transport::dispose,
};

BuffereventBase *socket_bufferevent_new(event_base *base, evutil_socket_t fd, int options) noexcept {
  const bool overlapped = base && base->completion_port();
  Owned<BuffereventBase> bev{overlapped ? overlapped_bufferevent_new(*base, options)
                                        : make<BuffereventBase>(base, socket_ops, options)};
  if (!bev || !bev->init()) return nullptr;
  // A file goes from kernel to kernel.
  bev->output_buffer().set_flags(EVBUFFER_FLAG_DRAINS_TO_FD);
  socket_transport::assign(*bev, fd, socket_transport::on_readable, socket_transport::on_writable);
  if (overlapped) bev->be_ops->overlapped->attach(*bev);
  return bev.release();
}

}  // namespace evi
