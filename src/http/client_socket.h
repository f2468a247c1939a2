// What a server does to a client's socket without a bufferevent. Each platform has its file.
#ifndef EVI_HTTP_CLIENT_SOCKET_H
#define EVI_HTTP_CLIENT_SOCKET_H

#include <string_view>

#include "event2/util.h"

namespace evi {

// The client sees the end of what it reads; its own bytes still come in.
void end_writing(evutil_socket_t fd) noexcept;

// As much as the socket takes at once, without waiting or a signal.
void send_at_once(evutil_socket_t fd, std::string_view bytes) noexcept;

// Whether the client has ended its side, and all that it sent before that was read. Takes nothing out. False
// for -1 and for what is no socket.
bool has_no_more_input(evutil_socket_t fd) noexcept;

}  // namespace evi

#endif
