// Accepting connections: as long as they come, for a bounded time, and patiently when descriptors run out.
#include "core/listener.h"

#include <algorithm>
#include <climits>

#include "core/debug_mode.h"
#include "util/alloc.h"
#include "util/log.h"

using evi::LockGuard;
using evi::Socket;

namespace {

// listen()'s queue when the program leaves the choice to us.
constexpr int kDefaultBacklog = 128;

// How long one round of accepting may delay other events. There is no limit on the number of connections:
// those that the kernel's queue has no room for are reset.
constexpr evi::Micros kLongestRound = 4'000;
// The clock is read after 1, 2, 4 ... connections, and from here on after as many again.
constexpr int kAcceptsPerLook = 64;

// How long a listener rests when the process or the system has no descriptor left, or nothing waits for
// connections, before it looks again. These stay in the kernel's queue meanwhile.
constexpr timeval kRest{0, 100'000};

// Names in the file system are not reused by an option: the old socket's file has to go first.
bool may_be_reused(unsigned flags, const sockaddr *address) noexcept {
  return !(flags & (LEV_OPT_REUSEABLE | LEV_OPT_REUSEABLE_PORT)) || !address || address->sa_family != AF_UNIX;
}

Socket open_bound(unsigned flags, const sockaddr *address, int length) noexcept {
  const int family = address ? address->sa_family : AF_UNSPEC;
  const evi::SocketFlags socket_flags =
      ((flags & LEV_OPT_LEAVE_SOCKETS_BLOCKING) ? evi::kBlocking : evi::kNonblocking) |
      ((flags & LEV_OPT_CLOSE_ON_EXEC) ? evi::kCloseOnExec : evi::kBlocking);
  const Socket fd = evi::open_socket(family, SOCK_STREAM, 0, socket_flags);
  if (fd == evi::kNoSocket) return fd;
  const int on = 1;
  bool good = setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, reinterpret_cast<const char *>(&on), sizeof(on)) == 0;
  if (good && (flags & LEV_OPT_REUSEABLE)) good = evi::set_reuseable(fd);
  if (good && (flags & LEV_OPT_REUSEABLE_PORT)) good = evi::set_reuseable_port(fd);
  if (good && (flags & LEV_OPT_DEFERRED_ACCEPT)) good = evi::set_deferred_accept(fd);
  if (good && family == AF_INET6 && (flags & LEV_OPT_BIND_IPV6ONLY)) good = evi::set_ipv6only(fd, true);
  if (good && family == AF_INET6 && (flags & LEV_OPT_BIND_IPV4_AND_IPV6)) good = evi::set_ipv6only(fd, false);
  if (good && address) good = bind(fd, address, static_cast<ev_socklen_t>(length)) == 0;
  if (good) return fd;
  const int error = evi::last_socket_error();
  evi::close_socket(fd);
  evi::set_socket_error(error);
  return evi::kNoSocket;
}

}  // namespace

evconnlistener::evconnlistener(event_base &base, evconnlistener_cb cb, void *arg, unsigned flags,
                               Socket fd) noexcept
    : base_(base), fd_(fd), flags_(flags), callback_(cb), arg_(arg) {
  static_cast<void>(
      evi::assign_event(readable_, &base, static_cast<int>(fd), EV_READ | EV_PERSIST, on_readable, this));
  static_cast<void>(evi::assign_event(resume_, &base, -1, 0, on_resume, this));
}

evconnlistener::~evconnlistener() {
  if (acceptor_) method_->close(acceptor_);
  if (flags_ & LEV_OPT_CLOSE_ON_FREE) evi::close_socket(fd_);
  evi::debug::forget(readable_);
  evi::debug::forget(resume_);
}

evconnlistener *evconnlistener::create(event_base &base, evconnlistener_cb cb, void *arg, unsigned flags,
                                       int backlog, Socket fd, const evi::AcceptMethod *method) noexcept {
  if (backlog != 0 && listen(fd, backlog > 0 ? backlog : kDefaultBacklog) != 0) return nullptr;
  evi::Owned<evconnlistener> listener{evi::make<evconnlistener>(base, cb, arg, flags, fd)};
  if (!listener) return nullptr;
  listener->use_acceptor(method);
  const bool locked = !(flags & LEV_OPT_THREADSAFE) || listener->lock_.init();
  if (locked && ((flags & LEV_OPT_DISABLED) || listener->enable() == 0)) return listener.release();
  // The descriptor stays the caller's.
  listener->flags_ &= ~static_cast<unsigned>(LEV_OPT_CLOSE_ON_FREE);
  return nullptr;
}

evconnlistener *evconnlistener::create_bound(event_base &base, evconnlistener_cb cb, void *arg,
                                             unsigned flags, int backlog, const sockaddr *address,
                                             int length) noexcept {
  // Without a queue a socket of our own could never accept anything.
  if (backlog == 0) return nullptr;
  if (!may_be_reused(flags, address)) {
    evi::set_socket_error(evi::kInvalidArgument);
    return nullptr;
  }
  const Socket fd = open_bound(flags, address, length);
  if (fd == evi::kNoSocket) return nullptr;
  evconnlistener *listener = create(base, cb, arg, flags, backlog, fd, evi::accept_method(base));
  if (listener) return listener;
  const int error = evi::last_socket_error();
  evi::close_socket(fd);
  evi::set_socket_error(error);
  return nullptr;
}

// A socket that does not fit is served by readiness.
void evconnlistener::use_acceptor(const evi::AcceptMethod *method) noexcept {
  method_ = method;
  acceptor_ = method_ ? method_->create(base_, fd_, readable_) : nullptr;
  if (acceptor_) readable_.ev_fd = evi::kNoSocket;
}

void evconnlistener::dispose() noexcept {
  {
    const LockGuard held(lock_);
    enabled_ = false;
    callback_ = nullptr;
    error_callback_ = nullptr;
  }
  if (acceptor_) method_->stop(*acceptor_);
  // Waits for a callback in another thread, which must be able to take the listener's lock meanwhile.
  evi::delete_event(readable_, evi::DelMode::automatic);
  evi::delete_event(resume_, evi::DelMode::automatic);
  drop_reference();
}

void evconnlistener::drop_reference() noexcept {
  int left = 0;
  {
    const LockGuard held(lock_);
    left = --references_;
  }
  if (left == 0) evi::destroy(this);
}

int evconnlistener::enable() noexcept {
  const LockGuard held(lock_);
  enabled_ = true;
  return callback_ ? start() : 0;
}

int evconnlistener::disable() noexcept {
  const LockGuard held(lock_);
  enabled_ = false;
  stop();
  return 0;
}

int evconnlistener::start() noexcept {
  backing_off_ = false;
  base_.del(resume_, evi::DelMode::no_block);
  if (base_.add(readable_, nullptr) != 0) return -1;
  if (acceptor_) method_->start(*acceptor_);
  return 0;
}

void evconnlistener::stop() noexcept {
  backing_off_ = false;
  if (acceptor_) method_->stop(*acceptor_);
  base_.del(resume_, evi::DelMode::no_block);
  base_.del(readable_, evi::DelMode::no_block);
}

void evconnlistener::set_callback(evconnlistener_cb cb, void *arg) noexcept {
  const LockGuard held(lock_);
  const bool had_callback = callback_ != nullptr;
  callback_ = cb;
  arg_ = arg;
  if (!enabled_) return;
  if (cb && !had_callback) {
    if (start() != 0)
      evi::log_warnx("evconnlistener_set_cb: cannot listen on descriptor %d", static_cast<int>(fd_));
  } else if (!cb && had_callback) {
    stop();
  }
}

void evconnlistener::set_error_callback(evconnlistener_errorcb cb) noexcept {
  const LockGuard held(lock_);
  error_callback_ = cb;
}

void evconnlistener::on_readable(evutil_socket_t, short, void *arg) noexcept {
  static_cast<evconnlistener *>(arg)->accept_some();
}

// A round asks for as many as came in the last one: a lone connection mostly costs one accept(), not a second
// one that only returns EAGAIN. If they came, there may be more, and the next round takes all there are.
void evconnlistener::accept_some() noexcept {
  {
    const LockGuard held(lock_);
    ++references_;
    drained_ = false;
    const int accepted = accept_round();
    expected_ = drained_ ? std::max(accepted, 1) : INT_MAX;
    if (acceptor_) continue_accepting();
  }
  drop_reference();
}

// Returns how many connections were accepted.
int evconnlistener::accept_round() noexcept {
  const int most = expected_;
  evi::Micros end = 0;
  int next_look = 1;
  int accepted = 0;
  while (accepted < most && accept_one()) {
    if (++accepted < next_look || most == 1) continue;
    const evi::Micros now = base_.monotonic_now();
    if (accepted == 1) end = now + kLongestRound;
    if (now >= end) break;
    next_look += std::min(accepted, kAcceptsPerLook);
  }
  return accepted;
}

bool evconnlistener::accept_one() noexcept {
  if (!enabled_ || !callback_ || backing_off_) return false;
  sockaddr_storage peer;
  ev_socklen_t length = sizeof(peer);
  Socket fd = accept_connection(reinterpret_cast<sockaddr *>(&peer), &length);
  if (fd == evi::kNoSocket && evi::out_of_descriptors(evi::last_socket_error()) && give_reserve())
    fd = accept_connection(reinterpret_cast<sockaddr *>(&peer), &length);
  if (fd == evi::kNoSocket) {
    accept_failed(evi::last_socket_error());
    return false;
  }
  if (EVI_UNLIKELY(!has_reserve_)) static_cast<void>(take_reserve());
  const evconnlistener_cb callback = callback_;
  void *arg = arg_;
  const evi::Unlocked open(lock_);
  callback(this, fd, reinterpret_cast<sockaddr *>(&peer), static_cast<int>(length), arg);
  return true;
}

// If no connection is waited for, none would wake the listener, whatever the reason.
void evconnlistener::continue_accepting() noexcept {
  if (!enabled_ || !callback_ || backing_off_ || method_->proceed(*acceptor_)) return;
  if (evi::out_of_descriptors(evi::last_socket_error()) && give_reserve() && method_->proceed(*acceptor_))
    return;
  const int error = evi::last_socket_error();
  if (!evi::out_of_descriptors(error)) rest();
  accept_failed(error);
}

EVI_COLD Socket evconnlistener::take_accepted(sockaddr *peer, ev_socklen_t *length) noexcept {
  const evi::SocketFlags nonblocking =
      (flags_ & LEV_OPT_LEAVE_SOCKETS_BLOCKING) ? evi::kBlocking : evi::kNonblocking;
  const evi::SocketFlags inherited = (flags_ & LEV_OPT_CLOSE_ON_EXEC) ? evi::kCloseOnExec : evi::kBlocking;
  return method_->take(*acceptor_, peer, length, nonblocking | inherited);
}

Socket evconnlistener::accept_connection(sockaddr *peer, ev_socklen_t *length) noexcept {
  if (EVI_UNLIKELY(acceptor_ != nullptr)) return take_accepted(peer, length);
  return evi::accept_nonblocking(fd_, peer, length, !(flags_ & LEV_OPT_LEAVE_SOCKETS_BLOCKING),
                                 (flags_ & LEV_OPT_CLOSE_ON_EXEC) != 0);
}

void evconnlistener::accept_failed(int error) noexcept {
  drained_ = true;
  if (evi::accept_retriable(error)) return;
  if (evi::out_of_descriptors(error)) rest();
  const evconnlistener_errorcb callback = error_callback_;
  void *arg = arg_;
  if (!callback) {
    evi::log_warn_socket(error, "evconnlistener: accept");
    return;
  }
  const evi::Unlocked open(lock_);
  evi::set_socket_error(error);
  callback(this, arg);
}

void evconnlistener::rest() noexcept {
  if (base_.add(resume_, &kRest) != 0) return;
  backing_off_ = true;
  base_.del(readable_, evi::DelMode::no_block);
}

// Without the reserve a shortage costs one connection less, until the next rest ends.
bool evconnlistener::take_reserve() noexcept {
  has_reserve_ = base_.reserve().take();
  return has_reserve_;
}

// False if there was none.
bool evconnlistener::give_reserve() noexcept {
  has_reserve_ = false;
  return base_.reserve().give();
}

void evconnlistener::on_resume(evutil_socket_t, short, void *arg) noexcept {
  auto *listener = static_cast<evconnlistener *>(arg);
  const LockGuard held(listener->lock_);
  if (!listener->enabled_ || !listener->callback_ || !listener->backing_off_) return;
  const bool still_none = !listener->take_reserve() && evi::out_of_descriptors(evi::last_socket_error());
  if (still_none && listener->base_.add(listener->resume_, &kRest) == 0) return;
  if (listener->start() == 0) return;
  // The method may fail for a while: without another rest no connection would ever be accepted again.
  listener->rest();
  if (!listener->backing_off_) evi::log_warnx("evconnlistener: cannot resume listening");
}
