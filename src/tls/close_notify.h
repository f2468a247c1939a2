// A close_notify that the socket did not take when its bufferevent was freed.
#ifndef EVI_TLS_CLOSE_NOTIFY_H
#define EVI_TLS_CLOSE_NOTIFY_H

#include "buffer/evbuffer.h"
#include "event2/util.h"

namespace evi {

// Tries again from the loop when the socket is writable, a few times within about a second, and then closes
// it in any case; also if the base is freed first. Ownership of the bytes and the descriptor passes to it if
// it returns true; false if out of memory. Thread: any, if the base has a lock.
[[nodiscard]] bool send_close_notify_later(event_base &base, evutil_socket_t fd, evbuffer &bytes) noexcept;

}  // namespace evi

#endif
