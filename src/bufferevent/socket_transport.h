// What the parts of the socket transport share: events and writing (socket.cc), reading (socket_read.cc) and
// connecting (connect.cc); and what TLS bufferevents use of it, which read and write such a socket in their
// own way.
#ifndef EVI_BUFFEREVENT_SOCKET_TRANSPORT_H
#define EVI_BUFFEREVENT_SOCKET_TRANSPORT_H

#include "bufferevent/bufferevent.h"
#include "core/event_access.h"
#include "util/socket.h"

namespace evi {

// The first read of a layer that takes any amount, as a power of two.
inline constexpr std::uint8_t kWholeReadShift = 14;

// State of the socket, or of the timers that take its place.
struct SocketState {
  bool connecting : 1 = false;    // a connect is under way: ev_write is armed for its end
  bool refused : 1 = false;       // the last connect failed, and no other was begun
  bool read_armed : 1 = false;    // ev_read is added
  bool write_armed : 1 = false;   // ev_write is added
  bool report_ready : 1 = false;  // the flush turn is for Start::enabled
  bool overlapped : 1 = false;    // operations report its readiness, and not the base's method
  bool borrowed : 1 = false;      // the program owns the descriptor, and may read, close or exchange it
  bool fd_known : 1 = false;      // fd_blocks says what the descriptor is
  bool fd_blocks : 1 = false;     // output waits until the descriptor was reported writable
  std::uint8_t read_shift : 5;    // what is read at most, as a power of two: follows what reads bring

  SocketState() noexcept : read_shift(kWholeReadShift) {}
};

// SocketState::borrowed selects the member.
union SocketKeeps {
  std::uint64_t identity = 0;  // of a borrowed descriptor, since output was first added (socket.cc)
  Chain *ahead;                // of an own one: what was read and is not visible yet (socket_read.cc)
};

// A bufferevent with a socket: the socket transport's, and TLS over a socket. A TLS filter has none, and
// keeps its timers in the same events.
class SocketBufferevent : public BuffereventBase {
 public:
  using BuffereventBase::BuffereventBase;
  static SocketBufferevent &of(BuffereventBase &bev) noexcept {
    return static_cast<SocketBufferevent &>(bev);
  }
  static const SocketBufferevent &of(const BuffereventBase &bev) noexcept {
    return static_cast<const SocketBufferevent &>(bev);
  }

  // For tests, as that of BuffereventBase, which it includes.
  bool check_invariants() const noexcept;

  SocketKeeps keeps_;
  SocketState socket_;
};

// 704 bytes of heap for an idle connection, with malloc's own and the descriptor table's share.
static_assert(sizeof(void *) != 8 || sizeof(SocketBufferevent) <= 664);

namespace socket_transport {

// Events of a socket whose readiness operations report have no descriptor as far as a base knows: they are
// timers, and keep the loop alive.
inline evutil_socket_t fd_of(const BuffereventBase &bev) noexcept { return descriptor(bev.ev_read); }
inline const timeval *timeout_or_null(const timeval &tv) noexcept {
  return evutil_timerisset(&tv) ? &tv : nullptr;
}

// Makes ev_read and ev_write events of the descriptor, or mere timers if it is -1. The callbacks get the
// bufferevent.
void assign(SocketBufferevent &bev, evutil_socket_t fd, event_callback_fn on_read,
            event_callback_fn on_write) noexcept;
// Adds one of the two, or restarts its timeout if it is `armed`; the caller notes that it is.
[[nodiscard]] bool add(SocketBufferevent &bev, event &ev, bool armed, const timeval *timeout) noexcept;
void del(SocketBufferevent &bev, event &ev) noexcept;

// The chunk that all connections of the loop share, on its thread. Null if out of memory.
ReadChunk *shared_chunk(event_base &base) noexcept;

// Adds ev_read, with its timeout, if reading is wanted; `restart` restarts the timeout.
[[nodiscard]] bool arm_read(SocketBufferevent &bev, bool restart) noexcept;
void disarm_read(SocketBufferevent &bev) noexcept;
// Adds ev_write, with its timeout.
[[nodiscard]] bool arm_write(SocketBufferevent &bev) noexcept;
void disarm_write(SocketBufferevent &bev) noexcept;

// --- reading ---

// What a read of `got` bytes says about the size that the next one should have, if `offered` were asked for.
// Bytes that the chunk's header takes may be missing.
enum class ReadFit : unsigned char { fits, too_small, too_large };
constexpr ReadFit fit_of_read(std::size_t got, std::size_t offered, std::size_t overhead = 0) noexcept {
  if (got >= offered - overhead) return ReadFit::too_small;
  return got < offered / 4 ? ReadFit::too_large : ReadFit::fits;
}
inline void grow_reads(SocketState &state, unsigned max_shift) noexcept {
  if (state.read_shift < max_shift) ++state.read_shift;
}
inline void shrink_reads(SocketState &state, unsigned min_shift) noexcept {
  if (state.read_shift > min_shift) --state.read_shift;
}

// The first system call brings this much at most, as a power of two: one slice.
inline constexpr std::uint8_t kFirstReadShift = 12;

// Something was read that the program has not seen.
inline bool has_input_ahead(const SocketBufferevent &bev) noexcept {
  return bev.keeps_.ahead != nullptr && !bev.socket_.borrowed;
}
// Reads what is wanted and allowed, for one report of readiness, and invokes the read callback for each
// slice.
void read_once(SocketBufferevent &bev) noexcept;
// If there is input ahead and reading is armed, has the flush turn show it.
void read_on(SocketBufferevent &bev) noexcept;
// In the flush turn.
void show_input_ahead(SocketBufferevent &bev) noexcept;
// Discards it, because the descriptor is closed or replaced.
void drop_input_ahead(SocketBufferevent &bev) noexcept;

// --- writing ---

// Whether a call on the descriptor may block. The system is asked once for each descriptor.
bool blocks(SocketBufferevent &bev) noexcept;
// Has output written before the next wait.
void schedule_output(SocketBufferevent &bev) noexcept;
// Writes once and sees to the rest.
void write_once(SocketBufferevent &bev) noexcept;
// What one write takes at most.
std::size_t write_limit(const SocketBufferevent &bev) noexcept;

// Puts a descriptor in the place of the old one, which stays open. The events keep their callbacks; nothing
// is armed afterwards.
void replace_fd(SocketBufferevent &bev, evutil_socket_t fd) noexcept;

// The attempt to connect ended, with that error or 0. False if it failed: that was reported then, and nothing
// is armed.
bool end_connecting(SocketBufferevent &bev, int error) noexcept;
// The socket that is connecting became ready. The same for its error; false also if it still connects.
bool take_connection(SocketBufferevent &bev) noexcept;
// Reports the connection and writes what the callback added.
void report_connected(SocketBufferevent &bev) noexcept;

// --- entries of socket_ops that its like share ---

bool start(BuffereventBase &bev, short directions, Start why) noexcept;
void stop(BuffereventBase &bev, short directions) noexcept;
void apply_timeouts(BuffereventBase &bev) noexcept;
void output_added(BuffereventBase &bev) noexcept;
void flush_turn(BuffereventBase &bev) noexcept;
void write_last(BuffereventBase &bev) noexcept;
void resume_reading(BuffereventBase &bev) noexcept;
void read_whole(BuffereventBase &bev) noexcept;
bool events_armed(const BuffereventBase &bev) noexcept;
int flush(BuffereventBase &bev, short directions, bufferevent_flush_mode mode) noexcept;
bool set_fd(BuffereventBase &bev, evutil_socket_t fd) noexcept;
bufferevent *get_underlying(const BuffereventBase &bev) noexcept;

}  // namespace socket_transport
}  // namespace evi

#endif
