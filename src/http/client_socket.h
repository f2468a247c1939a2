// Operations on a client's socket that no bufferevent offers. Each platform has its file.
#ifndef EVI_HTTP_CLIENT_SOCKET_H
#define EVI_HTTP_CLIENT_SOCKET_H

#include <string_view>

#include "event2/util.h"

namespace evi {

// Half-closes: the client reads EOF, and may still send.
void end_writing(evutil_socket_t fd) noexcept;

// Sends as much as the socket accepts without blocking or a signal; the rest is dropped.
void send_at_once(evutil_socket_t fd, std::string_view bytes) noexcept;

// Whether the client has half-closed and all that it sent before was read. Consumes nothing. False for -1 and
// for an fd that is no socket.
bool has_no_more_input(evutil_socket_t fd) noexcept;

}  // namespace evi

#endif
