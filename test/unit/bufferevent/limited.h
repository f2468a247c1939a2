// Real sockets in a world whose clock jumps to the next deadline: rates are exact, and tests take no time.
#ifndef EVENTIDE_TEST_UNIT_LIMITED_H
#define EVENTIDE_TEST_UNIT_LIMITED_H

#include <poll.h>

#include <map>

#include "bufferevent/rate_limit.h"
#include "bufferevents.h"
#include "support/fault_alloc.h"

namespace test {

struct LimitedWorld : testing::Test {
  FakeClock clock;
  ScriptBackend script{&clock};
  Base base = make_base(clock, script);

  LimitedWorld() {
    script.on_wait = [this](evi::Micros timeout) { wait(timeout); };
  }
  ~LimitedWorld() override {
    for (ev_token_bucket_cfg *cfg : configs_) ev_token_bucket_cfg_free(cfg);
  }

  // Owned by the world. The same for both directions.
  ev_token_bucket_cfg *config(std::size_t rate, std::size_t burst, int tick_ms = 1000) {
    const timeval tick = seconds(tick_ms / 1000.0);
    configs_.push_back(ev_token_bucket_cfg_new(rate, burst, rate, burst, &tick));
    EXPECT_NE(configs_.back(), nullptr);
    return configs_.back();
  }

  // Lets the loop run until that time has passed.
  void pass(double s) {
    end_ = clock.t + evi::to_micros(seconds(s));
    while (clock.t < end_ && base->loop(EVLOOP_ONCE) == 0) {
    }
    clock.t = end_;
    end_ = 0;
    turn(*base);
  }
  // In each wait.
  std::function<void()> meanwhile;
  bool watches(int fd, short what) { return (watched_[fd] & what) != 0; }
  int timers() { return base->count_events(EVENT_BASE_COUNT_ADDED); }

 private:
  // Level-triggered readiness of the real sockets; if there is none, the time passes.
  void wait(evi::Micros timeout) {
    if (meanwhile) meanwhile();
    for (; seen_ < script.updates.size(); ++seen_) {
      watched_[script.updates[seen_].fd] = static_cast<short>(script.updates[seen_].wanted);
    }
    bool any = false;
    for (const auto &[fd, wanted] : watched_) {
      pollfd one{};
      one.fd = fd;
      if (wanted & EV_READ) one.events |= POLLIN;
      if (wanted & EV_WRITE) one.events |= POLLOUT;
      if (!one.events || poll(&one, 1, 0) <= 0) continue;
      any = true;
      short what = 0;
      if (one.revents & (POLLIN | POLLHUP)) what |= EV_READ;
      if (one.revents & (POLLOUT | POLLHUP)) what |= EV_WRITE;
      script.ready(fd, static_cast<short>(what & wanted));
    }
    if (any || timeout == 0) return;
    const bool forever = timeout == ScriptBackend::kForever;
    evi::Micros to = forever ? end_ : clock.t + timeout;
    if (end_ && to > end_) to = end_;
    if (end_ && to >= end_) base->loop_break();
    if (to > clock.t) clock.t = to;
  }

  std::map<int, short> watched_;
  std::size_t seen_ = 0;
  evi::Micros end_ = 0;
  std::vector<ev_token_bucket_cfg *> configs_;
};

// A bufferevent with a limit, and the other end of its socket, always full of bytes to read.
class Limited {
 public:
  Limited(event_base &base, int options = 0) : fds_(socket_pair()), bev(base, fds_.a, options) {
    fill();
    bev.on_read = [this] {
      const std::size_t got = evbuffer_get_length(bev->input);
      read += got;
      if (!keep_input) evbuffer_drain(bev->input, got);
      fill();
    };
    bev.on_write = [this] {
      if (endless_output) bev.put(std::string(65536, 'o'));
    };
  }
  void start_reading() { EXPECT_EQ(bufferevent_enable(bev, EV_READ), 0); }
  void start_writing() {
    endless_output = true;
    bev.put(std::string(65536, 'o'));
  }
  // Returns the bytes received at the other end since the last call.
  std::size_t take_written() {
    const std::size_t got = read_all(fds_.b).size();
    written += got;
    return got;
  }
  int fd() const { return fds_.a; }
  int peer() const { return fds_.b; }

 private:
  void fill() {
    static const std::string kBlock(65536, 'i');
    while (!no_input && ::write(fds_.b, kBlock.data(), kBlock.size()) > 0) {
    }
  }
  Pair fds_;

 public:
  Bev bev;
  std::size_t read = 0;
  std::size_t written = 0;
  bool endless_output = false;
  bool keep_input = false;
  bool no_input = false;
};

}  // namespace test

#endif
