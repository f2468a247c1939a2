// Listeners whose connections come from a scripted accept method, as a completion port brings them: what
// cannot be waited for is told and tried again.
#include "core/listener.h"

#include <cerrno>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "support/events.h"

namespace {

#ifdef _WIN32
constexpr int kShortage = WSAEMFILE;
constexpr int kOther = WSAEFAULT;
#else
constexpr int kShortage = EMFILE;
constexpr int kOther = EFAULT;
#endif

// An accept method that does what the test says. One at a time.
class Script {
 public:
  Script() { latest() = this; }

  Script(const Script &) = delete;
  Script &operator=(const Script &) = delete;
  void reset(std::deque<int> next_failures) {
    failures = std::move(next_failures);
    waiting = attempts = starts = stops = closes = 0;
  }

  // Connections to be taken; the loop is told of them.
  void connect(int count) {
    waiting += count;
    base->activate(*ready, EV_READ, 1);
  }

  event_base *base = nullptr;
  event *ready = nullptr;
  int waiting = 0;
  std::deque<int> failures;  // of the next attempts to wait for connections; 0 for one that succeeds
  int attempts = 0, starts = 0, stops = 0, closes = 0;

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
    if (of(self).waiting > 0) return 1000 + of(self).waiting--;
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

TEST_F(ScriptedListener, takes_what_came) {
  listen();
  script.connect(5);
  for (int i = 0; i < 5; ++i) turn();
  EXPECT_EQ(accepted, 5);
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(script.starts, 1);
}

TEST_F(ScriptedListener, a_start_that_fails_is_told_from_the_loop) {
  script.failures = {kOther, kOther};
  listen();
  EXPECT_TRUE(errors.empty());
  turn();
  EXPECT_EQ(errors, std::vector<int>{kOther});
}

TEST_F(ScriptedListener, what_cannot_be_waited_for_is_tried_again_whatever_the_reason) {
  for (const int error : {kOther, evi::kConnectionAborted}) {
    errors.clear();
    script.reset({0, error});
    listen();
    script.connect(1);
    turn();
    EXPECT_EQ(accepted, 1);
    // That one connection failed is nobody's business.
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

TEST_F(ScriptedListener, a_shortage_costs_the_reserve_first) {
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

TEST_F(ScriptedListener, may_be_freed_when_it_tells_of_an_error) {
  for (const int error : {kOther, kShortage}) {
    script.reset({error, error, error, error});
    in_error = [&] { std::exchange(listener, nullptr)->dispose(); };
    listen();
    turn();
    EXPECT_EQ(listener, nullptr);
    EXPECT_EQ(script.closes, 1);
  }
}

TEST_F(ScriptedListener, may_be_freed_when_it_tells_that_it_cannot_go_on) {
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

TEST_F(ScriptedListener, disabled_waits_for_nothing) {
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

}  // namespace
