// Single failures of memory and of the kernel during a connection, over TLS and through filters: each
// connection delivers all its data or reports an error, and none stalls without an event or timeout.
#include <poll.h>

#include "../bufferevent/bufferevents.h"
#include "scripted_engine.h"
#include "support/fault_alloc.h"

namespace {

using namespace test::scripted;

// Letters from the bottom to the top: a socket or a TLS socket, then filters and TLS filters.
constexpr const char *kStacks[] = {"s", "T", "sf", "st", "Tf", "sff", "stf", "sft"};
constexpr std::size_t kSize = 20'000;

// A server that echoes, over one end of a socket pair whose readiness the test reports.
struct Server {
  Server(const char *kinds, int fail_update) {
    script.on_wait = [this](evi::Micros) { report(); };
    base = test::Base{event_base::create(nullptr, {.clock = &clock, .backend = &script})};
    if (!base) return;
    base_made = true;
    for (Session &session : sessions) session.sends_close_notify = true;
    script.fail_update_at = fail_update;
    if (!make(kinds)) failed = true;
  }
  Server(const Server &) = delete;
  Server &operator=(const Server &) = delete;
  ~Server() {
    if (top) bufferevent_free(top);
    if (base) test::turn(*base);
  }

  void report() {
    if (!base->fds().contains(fd)) return;
    const int armed = base->fds()[fd].armed;
    pollfd at = {
        fd, static_cast<short>(((armed & EV_READ) ? POLLIN : 0) | ((armed & EV_WRITE) ? POLLOUT : 0)), 0};
    if (::poll(&at, 1, 0) <= 0) return;
    const bool broken = at.revents & (POLLHUP | POLLERR);
    const int ready =
        ((at.revents & POLLIN) || broken ? EV_READ : 0) | ((at.revents & POLLOUT) || broken ? EV_WRITE : 0);
    if (ready & armed) script.ready(fd, static_cast<short>(ready & armed));
  }

  // An underlying bufferevent that got no filter is freed.
  bool make(const char *kinds) {
    constexpr int kOptions = BEV_OPT_CLOSE_ON_FREE;
    for (Session *session = sessions; *kinds; ++kinds) {
      bufferevent *next = nullptr;
      if (*kinds == 's') next = bufferevent_socket_new(base.get(), fd, kOptions);
      if (*kinds == 'f') next = bufferevent_filter_new(top, nullptr, nullptr, kOptions, nullptr, nullptr);
      if (*kinds == 'T' || *kinds == 't') {
        const evi::TlsSetup setup = {base.get(), top, fd, &kEngine, session, BUFFEREVENT_SSL_ACCEPTING,
                                     kOptions};
        (session++)->greets = true;
        next = evi_private_tls_new(&setup);
      }
      if (!next) return false;
      if (!top) static_cast<void>(fds.a.release());
      top = next;
    }
    bufferevent_setcb(top, on_read, nullptr, on_event, this);
    return bufferevent_enable(top, EV_READ | EV_WRITE) == 0;
  }

  static void on_read(bufferevent *bev, void *arg) {
    if (bufferevent_write_buffer(bev, bufferevent_get_input(bev)) != 0)
      static_cast<Server *>(arg)->failed = true;
  }
  static void on_event(bufferevent *, short what, void *arg) {
    auto *self = static_cast<Server *>(arg);
    self->timed_out = self->timed_out || (what & BEV_EVENT_TIMEOUT);
    self->ended = self->ended || (what & BEV_EVENT_EOF);
    self->failed = self->failed || (what & BEV_EVENT_ERROR);
  }

  // The request of a client and the reply, without greetings.
  std::size_t serve() {
    std::size_t back = 0;
    const std::string request(kSize, 'r');
    const auto converse = [&] {
      for (int i = 0; i < 30; ++i) {
        base->loop(EVLOOP_NONBLOCK);
        for (const char c : test::read_all(fds.b)) back += c == 'r';
      }
    };
    converse();
    test::write_all(fds.b, request);
    converse();
    ::shutdown(fds.b, SHUT_WR);
    converse();
    return back;
  }

  test::FakeClock clock;
  test::ScriptBackend script;
  test::Pair fds = test::socket_pair();
  const int fd = fds.a;
  Session sessions[2];
  test::Base base;
  bufferevent *top = nullptr;
  bool base_made = false, failed = false, ended = false, timed_out = false;
};

// A session without close_notify ends with an error, which is no failure of the kind meant here.
bool over_tls(const char *kinds) { return std::strpbrk(kinds, "Tt") != nullptr; }

void allow_dirty_end(bufferevent *top) {
  for (bufferevent *bev = top; bev; bev = bufferevent_get_underlying(bev))
    evi_private_tls_change_flags(bev, BUFFEREVENT_SSL_DIRTY_SHUTDOWN, 0);
}

// Returns whether the update with that number was reached; 0 for none.
bool converse(const char *kinds, int fail_update) {
  Server server(kinds, fail_update);
  if (!server.base_made) return false;
  if (server.top && over_tls(kinds)) allow_dirty_end(server.top);
  const std::size_t back = server.failed ? 0 : server.serve();
  EXPECT_TRUE(server.failed || (back == kSize && server.ended))
      << back << " came back, ended " << server.ended;
  return server.script.fail_update_at == 0;
}

TEST(ConnectionFailures, survives_each_allocation_failure) {
  for (const char *kinds : kStacks) {
    for (long n = 1;; ++n) {
      SCOPED_TRACE(testing::Message() << kinds << ", allocation " << n);
      ASSERT_LT(n, 1000);
      test::FaultAlloc memory{n};
      converse(kinds, 0);
      EXPECT_EQ(memory.live(), 0u) << "leaked";
      if (!memory.failed_one() || testing::Test::HasFailure()) break;
    }
  }
}

// A peer that neither sends nor reads causes a timeout, whichever call failed.
void wait_for_timeout(const char *kinds, short direction) {
  Server server(kinds, 0);
  if (!server.base_made || server.failed) return;
  const int room = 4096;
  ::setsockopt(server.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
  const timeval brief = test::seconds(10);
  for (bufferevent *bev = server.top; bev; bev = bufferevent_get_underlying(bev))
    bufferevent_setwatermark(bev, EV_WRITE, 0, 1000);
  bufferevent_set_timeouts(server.top, direction == EV_READ ? &brief : nullptr,
                           direction == EV_WRITE ? &brief : nullptr);
  const std::string much(1'000'000, 'm');
  if (direction == EV_WRITE && bufferevent_write(server.top, much.data(), much.size()) != 0) return;
  test::turn(*server.base, 8);
  EXPECT_FALSE(server.timed_out);
  server.clock.t += 20'000'000;
  test::turn(*server.base, 8);
  EXPECT_TRUE(server.timed_out || server.failed);
}

TEST(ConnectionFailures, survives_each_allocation_failure_before_a_timeout) {
  for (const char *kinds : kStacks) {
    for (const short direction : {short{EV_READ}, short{EV_WRITE}}) {
      for (long n = 1;; ++n) {
        SCOPED_TRACE(testing::Message() << kinds << ", direction " << direction << ", allocation " << n);
        ASSERT_LT(n, 1000);
        test::FaultAlloc memory{n};
        wait_for_timeout(kinds, direction);
        EXPECT_EQ(memory.live(), 0u) << "leaked";
        if (!memory.failed_one() || testing::Test::HasFailure()) break;
      }
    }
  }
}

TEST(ConnectionFailures, survives_each_registration_failure) {
  for (const char *kinds : kStacks) {
    int n = 1;
    while (converse(kinds, n) && !testing::Test::HasFailure()) ++n;
    EXPECT_FALSE(testing::Test::HasFailure()) << kinds << ", registration " << n;
    EXPECT_GT(n, 1);
  }
}

}  // namespace
