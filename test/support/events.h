// Building blocks for tests of the loop: scoped bases, events and descriptors, and enabling of threads.
#ifndef EVENTIDE_TEST_SUPPORT_EVENTS_H
#define EVENTIDE_TEST_SUPPORT_EVENTS_H

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/config.h"
#include "core/event_base.h"
#include "support/fake_clock.h"
#include "support/script_backend.h"
#include "support/socket_room.h"
#include "thread/lock.h"
#include "thread/thread_config.h"
#include "util/alloc.h"
#include "util/log.h"

namespace test {

inline constexpr int kNoFd = -1;

struct BaseEnd {
  void operator()(event_base *base) const { base->dispose(true); }
};
using Base = std::unique_ptr<event_base, BaseEnd>;

inline Base make_base(const evi::Clock &clock, const evi::Backend &backend,
                      const event_config *config = nullptr) {
  return Base{event_base::create(config, {.clock = &clock, .backend = &backend})};
}
inline Base make_base(const event_config *config = nullptr) { return Base{event_base::create(config)}; }

// A base with the method of that name; null if this machine does not have it.
inline Base make_base_with(const char *method, const event_config *config = nullptr) {
  for (const evi::Backend *const *at = evi::available_backends(); *at; ++at) {
    if (std::string((*at)->name) == method) return Base{event_base::create(config, {.backend = *at})};
  }
  return nullptr;
}

inline timeval seconds(double s) { return evi::to_timeval(std::llround(s * 1e6)); }

// An event whose callback is a lambda, deleted at the end of its scope, which must come before the base's.
class Event {
 public:
  using Callback = std::function<void(int fd, short what)>;

  Event(event_base &base, int fd, short what, Callback callback = {}) : callback_(std::move(callback)) {
    EXPECT_EQ(evi::assign_event(ev_, &base, fd, what, call, this), 0);
  }
  Event(const Event &) = delete;
  Event &operator=(const Event &) = delete;
  ~Event() {
    if (ev_.ev_base) del();
  }

  int add() { return ev_.ev_base->add(ev_, nullptr); }
  int add(double s) {
    const timeval tv = seconds(s);
    return ev_.ev_base->add(ev_, &tv);
  }
  int add(const timeval &tv) { return ev_.ev_base->add(ev_, &tv); }
  int del(evi::DelMode mode = evi::DelMode::automatic) { return ev_.ev_base->del(ev_, mode); }
  void activate(int what, short ncalls = 1) { ev_.ev_base->activate(ev_, what, ncalls); }
  int pending(short what = EV_TIMEOUT | EV_READ | EV_WRITE | EV_SIGNAL | EV_CLOSED) const {
    return ev_.ev_base->pending(ev_, what, nullptr);
  }
  int set_priority(int priority) { return ev_.ev_base->set_priority(ev_, priority); }

  event &operator*() { return ev_; }
  event *operator->() { return &ev_; }
  // The event is the test's own from now on: not deleted at the end.
  void forget() { ev_.ev_base = nullptr; }

  int calls = 0;
  short what = 0;  // of all calls, or'ed
  void reset() { calls = what = 0; }
  void on_call(Callback callback) { callback_ = std::move(callback); }

 private:
  static void call(evutil_socket_t fd, short what, void *arg) {
    auto *self = static_cast<Event *>(arg);
    ++self->calls;
    self->what = static_cast<short>(self->what | what);
    if (!self->callback_) return;
    const Callback callback = self->callback_;  // it may replace or end itself
    callback(static_cast<int>(fd), what);
  }

  event ev_ = {};
  Callback callback_;
};

// A descriptor that is closed at the end of its scope.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd &&other) noexcept : fd_(std::exchange(other.fd_, kNoFd)) {}
  Fd &operator=(Fd &&other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { close(); }
  operator int() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = kNoFd;
  }
  int release() { return std::exchange(fd_, kNoFd); }

 private:
  int fd_ = kNoFd;
};

struct Pair {
  Fd a, b;
  void close_b() { b.close(); }
};
// What its streams hold before they are full does not depend on the machine.
inline Pair socket_pair(int type = SOCK_STREAM) {
  int fds[2] = {kNoFd, kNoFd};
  EXPECT_EQ(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  for (const int fd : fds) {
    if (type == SOCK_STREAM) set_socket_room(fd, kUsualRoom);
  }
  return {Fd(fds[0]), Fd(fds[1])};
}
// a is read, b written.
inline Pair make_pipe() {
  int fds[2] = {kNoFd, kNoFd};
  EXPECT_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
  return {Fd(fds[0]), Fd(fds[1])};
}
inline void put(int fd, char c = 'x') { EXPECT_EQ(write(fd, &c, 1), 1); }
inline void drain(int fd) {
  char buffer[256];
  while (read(fd, buffer, sizeof(buffer)) > 0) {
  }
}

// While one of these lives the library's messages are kept instead of printed. Not for several threads.
class QuietLog {
 public:
  QuietLog() {
    lines().clear();
    evi::set_log_callback([](int, const char *message) { lines().emplace_back(message); });
  }
  QuietLog(const QuietLog &) = delete;
  QuietLog &operator=(const QuietLog &) = delete;
  ~QuietLog() { evi::set_log_callback(nullptr); }
  static std::vector<std::string> &lines() {
    static std::vector<std::string> kept;
    return kept;
  }
};

// Locks for everything made while one of these lives; none in a build without them.
class Threads {
 public:
  Threads() {
    if (!evi::kThreadSupport) evi::set_log_callback([](int, const char *) {});
    EXPECT_EQ(evi::use_native_threads(0), evi::kThreadSupport ? 0 : -1);
    if (!evi::kThreadSupport) evi::set_log_callback(nullptr);
  }
  Threads(const Threads &) = delete;
  Threads &operator=(const Threads &) = delete;
  ~Threads() {
    evi::set_log_callback([](int, const char *) {});
    evi::set_lock_callbacks(nullptr);
    evi::set_log_callback(nullptr);
  }
};

}  // namespace test

#endif
