// Sending a close_notify after its bufferevent was freed.
#include "tls/close_notify.h"

#include "buffer/descriptor_io.h"
#include "core/event_base.h"
#include "util/alloc.h"
#include "util/assert.h"
#include "util/socket.h"

namespace evi {
namespace {

// A peer that reads nothing for longer does not need it.
constexpr Micros kPatience = 1'000'000;
constexpr int kMaxAttempts = 8;

// Owns the descriptor, and is owned by the base: an event of event_base_once() calls it, or abandons it.
struct LateCloseNotify {
  LateCloseNotify(event_base &its_base, evutil_socket_t its_fd) noexcept
      : base(its_base), fd(its_fd), deadline(add_saturating(its_base.monotonic_now(), kPatience)) {}

  event_base &base;
  evutil_socket_t fd;
  Micros deadline;
  int attempts = 0;
  evbuffer bytes;

  [[nodiscard]] bool await() noexcept;
  bool send() noexcept;
  static void on_writable(evutil_socket_t, short what, void *arg) noexcept;
  static void finish(void *arg) noexcept;
};

bool LateCloseNotify::await() noexcept {
  const Micros left = deadline - base.monotonic_now();
  if (left <= 0 || attempts++ == kMaxAttempts) return false;
  const timeval timeout = to_timeval(left);
  return base.once(static_cast<int>(fd), EV_WRITE, on_writable, this, &timeout, finish) == 0;
}

// True if some is left, which the socket may take later.
bool LateCloseNotify::send() noexcept {
  const evbuffer_iovec front{bytes.pullup(-1), bytes.length()};
  const ev_ssize_t put = front.iov_base ? send_quietly(fd, front.iov_base, front.iov_len) : 0;
  if (put < 0) return rw_retriable(last_socket_error());
  static_cast<void>(bytes.drain(static_cast<std::size_t>(put)));
  return put > 0 && !bytes.empty();
}

void LateCloseNotify::on_writable(evutil_socket_t, short what, void *arg) noexcept {
  auto *self = static_cast<LateCloseNotify *>(arg);
  if (!(what & EV_WRITE) || !self->send() || !self->await()) finish(self);
}

void LateCloseNotify::finish(void *arg) noexcept {
  auto *self = static_cast<LateCloseNotify *>(arg);
  const evutil_socket_t fd = self->fd;
  destroy(self);
  close_socket(fd);
}

}  // namespace

bool send_close_notify_later(event_base &base, evutil_socket_t fd, evbuffer &bytes) noexcept {
  EVI_ASSERT(fd >= 0 && !bytes.empty());
  Owned<LateCloseNotify> late{make<LateCloseNotify>(base, fd)};
  if (!late || !late->bytes.append_all(bytes)) return false;
  if (late->await()) {
    static_cast<void>(late.release());
    return true;
  }
  static_cast<void>(bytes.append_all(late->bytes));
  return false;
}

}  // namespace evi
