// Bufferevents whose callbacks are lambdas and whose history is text.
#ifndef EVENTIDE_TEST_UNIT_BUFFEREVENTS_H
#define EVENTIDE_TEST_UNIT_BUFFEREVENTS_H

#include <csignal>
#include <functional>
#include <string>

#include "bufferevent/socket_transport.h"
#include "event2/bufferevent.h"
#include "support/events.h"
#include "support/files.h"

namespace test {

// Programs that write to sockets do that.
inline const auto kSigpipeBefore = std::signal(SIGPIPE, SIG_IGN);

class Bev {
 public:
  Bev(event_base &base, int fd, int options = 0) : bev_(bufferevent_socket_new(&base, fd, options)) {
    EXPECT_NE(bev_, nullptr);
    bufferevent_setcb(bev_, read, write, event, this);
  }
  Bev(const Bev &) = delete;
  Bev &operator=(const Bev &) = delete;
  ~Bev() { free(); }

  void free() {
    if (!bev_) return;
    check();
    bufferevent_free(std::exchange(bev_, nullptr));
  }
  bufferevent *release() { return std::exchange(bev_, nullptr); }
  operator bufferevent *() const { return bev_; }
  evi::SocketBufferevent &operator*() const {
    return evi::SocketBufferevent::of(evi::BuffereventBase::of(*bev_));
  }
  evi::SocketBufferevent *operator->() const { return &**this; }

  std::string text() const {
    std::string all(evbuffer_get_length(bev_->input), '\0');
    evbuffer_copyout(bev_->input, all.data(), all.size());
    return all;
  }
  int put(const std::string &data) { return bufferevent_write(bev_, data.data(), data.size()); }
  // Returns the log since the last call.
  std::string log() {
    if (bev_) check();
    return std::exchange(log_, "");
  }

  std::function<void()> on_read;
  std::function<void()> on_write;
  std::function<void(short)> on_event;
  int error = 0;  // EVUTIL_SOCKET_ERROR() in the last event callback

 private:
  // With a lock another thread may be at work on it.
  void check() const { EXPECT_TRUE((**this).lock() || (**this).check_invariants()); }
  static void read(bufferevent *, void *arg) {
    auto *self = static_cast<Bev *>(arg);
    self->log_ += "r";
    if (self->on_read) self->on_read();
  }
  static void write(bufferevent *, void *arg) {
    auto *self = static_cast<Bev *>(arg);
    self->log_ += "w";
    if (self->on_write) self->on_write();
  }
  static void event(bufferevent *, short what, void *arg) {
    auto *self = static_cast<Bev *>(arg);
    self->error = EVUTIL_SOCKET_ERROR();
    char text[8];
    std::snprintf(text, sizeof(text), "e%02x", static_cast<unsigned>(what));
    self->log_ += text;
    if (self->on_event) self->on_event(what);
  }

  bufferevent *bev_;
  std::string log_;
};

inline std::string read_all(int fd) {
  std::string all;
  char block[65536];
  for (ssize_t got; (got = ::read(fd, block, sizeof(block))) > 0;)
    all.append(block, static_cast<std::size_t>(got));
  return all;
}
inline void write_all(int fd, const std::string &data) {
  ASSERT_EQ(::write(fd, data.data(), data.size()), static_cast<ssize_t>(data.size()));
}
// Real waiting, but never for long.
inline void turn(event_base &base, int turns = 5) {
  for (int i = 0; i < turns; ++i) base.loop(EVLOOP_NONBLOCK);
}

// Counts each call of the bufferevent's own callbacks and those of its output buffer.
inline void count_callbacks(bufferevent *bev, int &calls) {
  bufferevent_setcb(
      bev, [](bufferevent *, void *arg) { ++*static_cast<int *>(arg); },
      [](bufferevent *, void *arg) { ++*static_cast<int *>(arg); },
      [](bufferevent *, short, void *arg) { ++*static_cast<int *>(arg); }, &calls);
  evbuffer_add_cb(
      bufferevent_get_output(bev),
      [](evbuffer *, const evbuffer_cb_info *, void *arg) { ++*static_cast<int *>(arg); }, &calls);
}

}  // namespace test

#endif
