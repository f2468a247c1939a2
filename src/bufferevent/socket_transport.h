// What the parts of the socket transport share: I/O (socket.cc) and connecting (connect.cc).
#ifndef EVI_BUFFEREVENT_SOCKET_TRANSPORT_H
#define EVI_BUFFEREVENT_SOCKET_TRANSPORT_H

#include "bufferevent/bufferevent.h"
#include "util/socket.h"

namespace evi::socket_transport {

inline evutil_socket_t fd_of(const BuffereventBase &bev) noexcept { return bev.ev_read.ev_fd; }

// Adds ev_read, with its timeout, if reading is wanted; `restart` lets the timeout begin anew.
[[nodiscard]] bool arm_read(BuffereventBase &bev, bool restart) noexcept;
void disarm_read(BuffereventBase &bev) noexcept;
// Adds ev_write, with its timeout.
[[nodiscard]] bool arm_write(BuffereventBase &bev) noexcept;
void disarm_write(BuffereventBase &bev) noexcept;

// Writes once and sees to the rest.
void write_once(BuffereventBase &bev) noexcept;

// Puts a descriptor in the place of the old one, which stays open. Nothing is armed afterwards.
void replace_fd(BuffereventBase &bev, evutil_socket_t fd) noexcept;

// The socket that is connecting became ready: tells how it went.
void finish_connect(BuffereventBase &bev) noexcept;

}  // namespace evi::socket_transport

#endif
