// A model of event ports, as port_create(3C), port_associate(3C) and port_get(3C) describe them, over epoll.
//
// An association is an EPOLLONESHOT entry of an epoll set, which is the port. An fd that is ready
// when it is associated queues an event immediately, which stays queued although it may be stale when it is
// retrieved; association and dissociation remove such an event. A call that times out fails with ETIME and
// has retrieved the events queued so far; one that a signal interrupts does not touch the count. An
// association that is refused ends the one before it, unless refuse.h says otherwise.
#include <fcntl.h>
#include <poll.h>
#include <port.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "models/closing.h"
#include "models/epoll_wait.h"
#include "models/refuse.h"

static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR && POLLHUP == EPOLLHUP &&
              POLLRDHUP == EPOLLRDHUP);

namespace {

class Port {
 public:
  explicit Port(int set) : set_(set), owner_(getpid()), bell_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    epoll_event interest{};
    interest.events = EPOLLIN;
    interest.data.fd = bell_;
    epoll_ctl(set_, EPOLL_CTL_ADD, bell_, &interest);
  }
  Port(const Port &) = delete;
  Port &operator=(const Port &) = delete;
  ~Port() { model::real_close(bell_); }

  bool is_ours() const { return owner_ == getpid(); }

  int associate(int fd, int events, void *user) {
    const std::lock_guard held(mutex_);
    if (fcntl(fd, F_GETFD) < 0) return errno = EBADFD, -1;
    const bool refused = model::refused_additions.strike();
    const int error = errno;
    if (!refused || model::refusal_ends_association) end(fd);
    if (refused) return errno = error, -1;
    pollfd look{fd, static_cast<short>(events), 0};
    if (poll(&look, 1, 0) > 0) {
      push({look.revents, PORT_SOURCE_FD, 0, static_cast<uintptr_t>(fd), user});
      return 0;
    }
    epoll_event interest{};
    interest.events = static_cast<uint32_t>(events) | EPOLLONESHOT;
    interest.data.fd = fd;
    if (epoll_ctl(set_, EPOLL_CTL_ADD, fd, &interest) != 0) return -1;
    users_[fd] = user;
    return 0;
  }

  int dissociate(int fd) {
    const std::lock_guard held(mutex_);
    return end(fd) ? 0 : (errno = ENOENT, -1);
  }

  void closing(int fd) {
    const std::lock_guard held(mutex_);
    end(fd);
  }

  void send(int events, void *user) {
    const std::lock_guard held(mutex_);
    push({events, PORT_SOURCE_USER, 0, 0, user});
  }

  // Retrieves the queued events, and those of `ready` that are still associated.
  uint_t collect(const epoll_event *ready, int count, port_event_t *list, uint_t room) {
    const std::lock_guard held(mutex_);
    for (int i = 0; i < count; ++i) {
      const int fd = ready[i].data.fd;
      const auto at = users_.find(fd);
      if (at == users_.end()) continue;
      push({static_cast<int>(ready[i].events), PORT_SOURCE_FD, 0, static_cast<uintptr_t>(fd), at->second});
      users_.erase(at);
      epoll_ctl(set_, EPOLL_CTL_DEL, fd, nullptr);
    }
    const auto taken = std::min<std::size_t>(room, queue_.size());
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(taken);
    std::copy(queue_.begin(), end, list);
    queue_.erase(queue_.begin(), end);
    ring();
    return static_cast<uint_t>(taken);
  }

 private:
  bool end(int fd) {
    const bool waited = users_.erase(fd) != 0;
    if (waited) epoll_ctl(set_, EPOLL_CTL_DEL, fd, nullptr);
    const bool queued =
        std::erase_if(queue_, [fd](const port_event_t &event) {
          return event.portev_source == PORT_SOURCE_FD && event.portev_object == static_cast<uintptr_t>(fd);
        }) != 0;
    ring();
    return waited || queued;
  }
  void push(const port_event_t &event) {
    queue_.push_back(event);
    ring();
  }
  // The bell is readable while something is queued.
  void ring() {
    uint64_t value = 1;
    if (queue_.empty()) {
      static_cast<void>(!read(bell_, &value, sizeof(value)));
    } else {
      static_cast<void>(!write(bell_, &value, sizeof(value)));
    }
  }

  const int set_;
  const pid_t owner_;
  const int bell_;
  std::mutex mutex_;
  std::map<int, void *> users_;  // of what has not fired
  std::deque<port_event_t> queue_;
};

std::mutex ports_mutex;
std::map<int, std::shared_ptr<Port>> &ports() {
  static auto *all = new std::map<int, std::shared_ptr<Port>>;
  return *all;
}

// Associations are of one process.
std::shared_ptr<Port> port_of(int fd) {
  const std::lock_guard held(ports_mutex);
  const auto at = ports().find(fd);
  if (at != ports().end() && at->second->is_ours()) return at->second;
  errno = at == ports().end() ? EBADFD : EACCES;
  return nullptr;
}

int64_t now_nanos() {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * int64_t{1'000'000'000} + ts.tv_nsec;
}

}  // namespace

void model::port_closing(int fd) {
  std::shared_ptr<Port> ended;
  const std::lock_guard held(ports_mutex);
  const auto at = ports().find(fd);
  if (at != ports().end()) {
    ended = std::move(at->second);
    ports().erase(at);
  }
  for (auto &[number, port] : ports()) {
    if (port->is_ours()) port->closing(fd);
  }
}

extern "C" int port_create(void) {
  if (model::refuse_with) return errno = model::refuse_with, -1;
  const int fd = epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) return -1;
  const std::lock_guard held(ports_mutex);
  ports()[fd] = std::make_shared<Port>(fd);
  return fd;
}

extern "C" int port_associate(int number, int source, uintptr_t object, int events, void *user) {
  if (source != PORT_SOURCE_FD) return errno = EINVAL, -1;
  const auto port = port_of(number);
  return port ? port->associate(static_cast<int>(object), events, user) : -1;
}

extern "C" int port_dissociate(int number, int source, uintptr_t object) {
  if (source != PORT_SOURCE_FD) return errno = EINVAL, -1;
  const auto port = port_of(number);
  return port ? port->dissociate(static_cast<int>(object)) : -1;
}

extern "C" int port_send(int number, int events, void *user) {
  const auto port = port_of(number);
  if (!port || model::refused_wakes.strike()) return -1;
  port->send(events, user);
  return 0;
}

extern "C" int port_getn(int number, port_event_t list[], uint_t max, uint_t *count,
                         const struct timespec *timeout) {
  const auto port = port_of(number);
  if (!port) return -1;
  if (timeout && timeout->tv_sec > 100'000'000) return errno = EINVAL, -1;
  const uint_t wanted = *count;
  uint_t got = 0;
  const int64_t end = timeout ? now_nanos() + timeout->tv_sec * int64_t{1'000'000'000} + timeout->tv_nsec : 0;
  for (;;) {
    const int64_t left = timeout ? std::max<int64_t>(end - now_nanos(), 0) : 0;
    epoll_event ready[256];
    const int fired = model::wait_for_epoll(number, ready, 256, timeout ? left : -1);
    if (fired < 0) return -1;
    got += port->collect(ready, fired, list + got, max - got);
    if (got >= wanted || got == max) return *count = got, 0;
    if (timeout && left == 0) return *count = got, errno = ETIME, -1;
  }
}
