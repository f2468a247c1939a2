// What the parts of the socket transport share: I/O (socket.cc) and connecting (connect.cc); and what TLS
// bufferevents use of it, which read and write such a socket in their own way.
#ifndef EVI_BUFFEREVENT_SOCKET_TRANSPORT_H
#define EVI_BUFFEREVENT_SOCKET_TRANSPORT_H

#include "bufferevent/bufferevent.h"
#include "util/socket.h"

namespace evi::socket_transport {

inline evutil_socket_t fd_of(const BuffereventBase &bev) noexcept { return bev.ev_read.ev_fd; }
inline const timeval *timeout_or_null(const timeval &tv) noexcept {
  return evutil_timerisset(&tv) ? &tv : nullptr;
}

// Makes ev_read and ev_write events of the descriptor, or mere timers if it is -1. The callbacks get the
// bufferevent.
void assign(BuffereventBase &bev, evutil_socket_t fd, event_callback_fn on_read,
            event_callback_fn on_write) noexcept;
// Adds one of the two, or its timeout anew if it is `armed`; the caller notes that it is.
[[nodiscard]] bool add(BuffereventBase &bev, event &ev, bool armed, const timeval *timeout) noexcept;
void del(BuffereventBase &bev, event &ev) noexcept;

// The chunk that all connections of the loop share, on its thread. Null without memory.
ReadChunk *shared_chunk(event_base &base) noexcept;

// Adds ev_read, with its timeout, if reading is wanted; `restart` lets the timeout begin anew.
[[nodiscard]] bool arm_read(BuffereventBase &bev, bool restart) noexcept;
void disarm_read(BuffereventBase &bev) noexcept;
// Adds ev_write, with its timeout.
[[nodiscard]] bool arm_write(BuffereventBase &bev) noexcept;
void disarm_write(BuffereventBase &bev) noexcept;

// Writes once and sees to the rest.
void write_once(BuffereventBase &bev) noexcept;

// Puts a descriptor in the place of the old one, which stays open. The events keep their callbacks; nothing
// is armed afterwards.
void replace_fd(BuffereventBase &bev, evutil_socket_t fd) noexcept;

// The socket that is connecting became ready: tells how it went.
void finish_connect(BuffereventBase &bev) noexcept;

}  // namespace evi::socket_transport

#endif
