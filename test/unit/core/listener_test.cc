// Listeners whose connections come from a scripted accept method, as a completion port brings them: an
// accept that cannot be started is reported and retried. And how many connections one iteration accepts.
#include "core/listener.h"

#include <netinet/in.h>
#ifndef _WIN32
#include <sys/socket.h>
#endif

#include <algorithm>
#include <cerrno>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "support/descriptor_limit.h"
#include "support/events.h"

namespace {

#ifdef _WIN32
constexpr int kShortage = WSAEMFILE;
constexpr int kOther = WSAEFAULT;
#else
constexpr int kShortage = EMFILE;
constexpr int kOther = EFAULT;
#endif

// A scripted accept method. One at a time.
class Script {
 public:
  Script() { latest() = this; }

  Script(const Script &) = delete;
  Script &operator=(const Script &) = delete;
  void reset(std::deque<int> next_failures) {
    failures = std::move(next_failures);
    waiting = attempts = starts = stops = closes = 0;
  }

  // Adds pending connections and notifies the loop.
  void connect(int count) {
    waiting += count;
    base->activate(*ready, EV_READ, 1);
  }

  event_base *base = nullptr;
  event *ready = nullptr;
  int waiting = 0;
  std::deque<int> failures;  // of the next attempts to wait for connections; 0 for one that succeeds
  int attempts = 0, starts = 0, stops = 0, closes = 0;
  std::function<void()> on_take, on_take_nothing;

  static const evi::AcceptMethod kMethod;

 private:
  static Script *&latest() {
    static Script *instance = nullptr;
    return instance;
  }
  static Script &of(evi::Acceptor &self) { return reinterpret_cast<Script &>(self); }

  bool can_wait() {
    ++attempts;
    if (failures.empty()) return true;
    const int error = failures.front();
    failures.pop_front();
    if (error) evi::set_socket_error(error);
    return error == 0;
  }

  static evi::Acceptor *create(event_base &base, evi::Socket, event &ready) noexcept {
    latest()->base = &base;
    latest()->ready = &ready;
    return reinterpret_cast<evi::Acceptor *>(latest());
  }
  static void start(evi::Acceptor &self) noexcept {
    ++of(self).starts;
    if (!of(self).can_wait()) of(self).base->activate(*of(self).ready, EV_READ, 1);
  }
  static void stop(evi::Acceptor &self) noexcept { ++of(self).stops; }
  static evi::Socket take(evi::Acceptor &self, sockaddr *, ev_socklen_t *length, evi::SocketFlags) noexcept {
    *length = 0;
    if (of(self).waiting > 0) {
      if (of(self).on_take) of(self).on_take();
      return 1000 + of(self).waiting--;
    }
    if (of(self).on_take_nothing) of(self).on_take_nothing();
    evi::set_socket_error(evi::kWouldBlock);
    return evi::kNoSocket;
  }
  static bool proceed(evi::Acceptor &self) noexcept {
    if (of(self).waiting > 0) of(self).base->activate(*of(self).ready, EV_READ, 1);
    return of(self).can_wait();
  }
  static void close(evi::Acceptor *self) noexcept { ++of(*self).closes; }
};

constinit const evi::AcceptMethod Script::kMethod = {create, start, stop, take, proceed, close};

class ScriptedListener : public testing::Test {
 protected:
  void listen() {
    base = test::make_base(clock, backend);
    pair = test::socket_pair();
    listener = evconnlistener::create(*base, on_accept, this, 0, 0, pair.a, &Script::kMethod);
    ASSERT_NE(listener, nullptr);
    listener->set_error_callback(on_error);
  }
  void TearDown() override {
    if (listener) listener->dispose();
    EXPECT_EQ(script.closes, 1);
  }
  void turn() { base->loop(EVLOOP_NONBLOCK); }
  // For so many milliseconds.
  void pass(int ms) {
    const timeval tv{0, ms * 1000};
    base->loop_exit_after(&tv);
    base->loop(0);
  }

  static void on_accept(evconnlistener *, evutil_socket_t, sockaddr *, int, void *self) {
    ++static_cast<ScriptedListener *>(self)->accepted;
  }
  static void on_error(evconnlistener *, void *arg) {
    auto &self = *static_cast<ScriptedListener *>(arg);
    self.errors.push_back(evi::last_socket_error());
    if (self.in_error) self.in_error();
  }

  test::QuietLog quiet;
  test::FakeClock clock;
  test::ScriptBackend backend{&clock};
  test::Base base;
  test::Pair pair;
  Script script;
  evconnlistener *listener = nullptr;
  int accepted = 0;
  std::vector<int> errors;
  std::function<void()> in_error;
};

TEST_F(ScriptedListener, accepts_every_pending_connection) {
  listen();
  script.connect(5);
  for (int i = 0; i < 5; ++i) turn();
  EXPECT_EQ(accepted, 5);
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(script.starts, 1);
}

// A lone connection is not followed by an accept() that finds none, more often than every other time.
TEST_F(ScriptedListener, a_lone_connection_seldom_costs_a_second_accept) {
  listen();
  int takes = 0;
  script.on_take_nothing = [&] { ++takes; };
  for (int i = 0; i < 10; ++i) {
    script.connect(1);
    turn();
  }
  EXPECT_EQ(accepted, 10);
  EXPECT_LE(takes, 5);
}

TEST_F(ScriptedListener, reads_the_clock_rarely) {
  listen();
  script.connect(1);
  turn();
  const int before = clock.reads;
  script.connect(4000);
  turn();
  EXPECT_EQ(accepted, 4001);
  EXPECT_LE(clock.reads - before, 4000 / 64 + 20);
}

TEST_F(ScriptedListener, a_failed_start_is_reported_from_the_loop) {
  script.failures = {kOther, kOther};
  listen();
  EXPECT_TRUE(errors.empty());
  turn();
  EXPECT_EQ(errors, std::vector<int>{kOther});
}

TEST_F(ScriptedListener, a_failed_wait_is_retried_whatever_the_error) {
  for (const int error : {kOther, evi::kConnectionAborted}) {
    errors.clear();
    script.reset({0, error});
    listen();
    script.connect(1);
    turn();
    EXPECT_EQ(accepted, 1);
    // The failure of a single connection is not reported.
    EXPECT_EQ(errors.size(), error == kOther ? 1u : 0u);
    const int before = script.attempts;
    pass(90);
    EXPECT_EQ(script.attempts, before);
    pass(20);
    EXPECT_EQ(script.attempts, before + 1);
    script.connect(1);
    turn();
    EXPECT_EQ(accepted, 2);
    accepted = 0;
    if (error == kOther) std::exchange(listener, nullptr)->dispose();
  }
}

TEST_F(ScriptedListener, running_out_of_descriptors_uses_the_reserve_fd_first) {
  script.failures = {0, kShortage, 0, kShortage, kShortage};
  listen();
  script.connect(1);
  turn();
  EXPECT_TRUE(errors.empty());
  script.connect(1);
  turn();
  EXPECT_EQ(errors, std::vector<int>{kShortage});
  EXPECT_EQ(accepted, 2);
  // By now there are sockets again, which the reserve finds out.
  script.failures.clear();
  pass(110);
  script.connect(1);
  turn();
  EXPECT_EQ(accepted, 3);
  EXPECT_EQ(errors.size(), 1u);
}

TEST_F(ScriptedListener, may_be_freed_in_the_error_callback) {
  for (const int error : {kOther, kShortage}) {
    script.reset({error, error, error, error});
    in_error = [&] { std::exchange(listener, nullptr)->dispose(); };
    listen();
    turn();
    EXPECT_EQ(listener, nullptr);
    EXPECT_EQ(script.closes, 1);
  }
}

TEST_F(ScriptedListener, may_be_freed_in_the_error_callback_of_a_failed_restart) {
  script.failures = {0, kOther, kOther, kOther};
  listen();
  script.connect(1);
  turn();
  EXPECT_EQ(errors.size(), 1u);
  in_error = [&] { std::exchange(listener, nullptr)->dispose(); };
  pass(110);
  EXPECT_EQ(listener, nullptr);
  EXPECT_EQ(errors.size(), 2u);
}

TEST_F(ScriptedListener, a_disabled_listener_does_not_wait) {
  script.failures = {kOther, kOther};
  listen();
  listener->disable();
  turn();
  pass(200);
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(script.attempts, 1);
  script.failures.clear();
  listener->enable();
  script.connect(1);
  turn();
  EXPECT_EQ(accepted, 1);
}

// A listening socket that the scripted method reports in each wait, and clients that are connected to it.
class ReportedListener : public testing::Test {
 protected:
  void listen(int clients) {
    base = test::make_base(clock, backend);
    sockaddr_in sin = {};
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto *address = reinterpret_cast<sockaddr *>(&sin);
    listener = evconnlistener::create_bound(*base, on_accept, this, LEV_OPT_CLOSE_ON_FREE, 128, address,
                                            sizeof(sin));
    ASSERT_NE(listener, nullptr);
    socklen_t length = sizeof(sin);
    ASSERT_EQ(getsockname(listener->fd(), address, &length), 0);
    for (int i = 0; i < clients; ++i) {
      connected.emplace_back(socket(AF_INET, SOCK_STREAM, 0));
      ASSERT_EQ(connect(connected.back(), address, sizeof(sin)), 0);
    }
    backend.on_wait = [&](evi::Micros) {
      ++rounds;
      backend.ready(static_cast<int>(listener->fd()), EV_READ);
    };
  }
  void TearDown() override { listener->dispose(); }

  static void on_accept(evconnlistener *, evutil_socket_t fd, sockaddr *, int, void *arg) {
    auto &self = *static_cast<ReportedListener *>(arg);
    evi::close_socket(fd);
    ++self.accepted;
    self.clock.t += self.cost;
  }

  test::FakeClock clock;
  test::ScriptBackend backend{&clock};
  test::Base base;
  evconnlistener *listener = nullptr;
  std::vector<test::Fd> connected;
  evi::Micros cost = 0;  // of each connection
  int rounds = 0, accepted = 0;
};

TEST_F(ReportedListener, accepts_a_burst_in_two_iterations) {
  listen(100);
  while (accepted < 100) ASSERT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_EQ(rounds, 2);
}

// Each connection costs a millisecond: timers and other events run in between.
TEST_F(ReportedListener, accepting_in_one_iteration_is_bounded_by_time) {
  constexpr int kClients = 60, kMostInARound = 8;
  listen(kClients);
  cost = 1000;
  const test::Pair pair = test::socket_pair();
  int last = 0, most = 0;
  test::Event timer(*base, test::kNoFd, EV_PERSIST), other(*base, pair.b, EV_READ | EV_PERSIST);
  other.on_call([&](int, short) {
    most = std::max(most, accepted - last);
    last = accepted;
  });
  ASSERT_EQ(timer.add(0.005), 0);
  ASSERT_EQ(other.add(), 0);
  const auto report_listener = backend.on_wait;
  backend.on_wait = [&](evi::Micros timeout) {
    report_listener(timeout);
    backend.ready(pair.b, EV_READ);
  };
  while (accepted < kClients) ASSERT_EQ(base->loop(EVLOOP_ONCE), 0);
  EXPECT_LE(most, kMostInARound);
  EXPECT_GE(most, 4);
  EXPECT_GE(other.calls, kClients / kMostInARound);
  EXPECT_GE(timer.calls, kClients / kMostInARound - 1);
}

#ifndef _WIN32
// A listener on a socket, without descriptors for what it accepts.
class RestingListener : public testing::Test {
 protected:
  void SetUp() override {
    sockaddr_in address{};
    socklen_t length = sizeof(address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(bind(listening, reinterpret_cast<sockaddr *>(&address), length), 0);
    ASSERT_EQ(listen(listening, 5), 0);
    ASSERT_EQ(getsockname(listening, reinterpret_cast<sockaddr *>(&address), &length), 0);
    ASSERT_EQ(connect(client, reinterpret_cast<sockaddr *>(&address), length), 0);
    listener = evconnlistener::create(*base, on_accept, &accepted, 0, 0, listening, nullptr);
    ASSERT_NE(listener, nullptr);
  }
  void TearDown() override { listener->dispose(); }
  void report_without_descriptors() {
    const test::DescriptorLimit none(3);
    report();
  }
  void report() {
    backend.ready(listening, EV_READ);
    base->loop(EVLOOP_NONBLOCK);
  }
  void pass(int ms) {
    const timeval tv{0, ms * 1000};
    base->loop_exit_after(&tv);
    base->loop(0);
  }
  static void on_accept(evconnlistener *, evutil_socket_t fd, sockaddr *, int, void *accepted) {
    close(static_cast<int>(fd));
    ++*static_cast<int *>(accepted);
  }

  test::QuietLog quiet;
  test::FakeClock clock;
  test::ScriptBackend backend{&clock};
  test::Base base = test::make_base(clock, backend);
  test::Fd listening{socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  test::Fd client{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  evconnlistener *listener = nullptr;
  int accepted = 0;
};

TEST_F(RestingListener, pauses_again_when_the_backend_update_fails) {
  report_without_descriptors();
  EXPECT_EQ(accepted, 0);
  EXPECT_EQ(backend.updates.back().wanted, 0);
  backend.fail_updates = 2;
  pass(250);
  EXPECT_EQ(backend.fail_updates, 0);
  pass(100);
  EXPECT_EQ(backend.updates.back().wanted, EV_READ);
  report();
  EXPECT_EQ(accepted, 1);
}
#endif

}  // namespace
