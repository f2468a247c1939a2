// Connecting through a resolver that answers immediately, later, or after cancellation.
#include <netinet/in.h>

#include "bufferevent/loop_chunks.h"
#include "bufferevents.h"
#include "support/fault_alloc.h"
#include "util/addrinfo.h"
#include "util/resolve_hook.h"

namespace {

using test::Bev;

// A resolver whose answers the test gives by hand.
struct FakeResolver {
  static FakeResolver *current;
  evi::ResolveCallback callback = nullptr;
  void *arg = nullptr;
  std::string node, service;
  int cancelled = 0;
  int answer_at_once = 1;  // an EVUTIL_EAI_ code; 1 for not

  FakeResolver() {
    static constexpr evi::ResolveHook hook = {start, cancel};
    current = this;
    evi::set_resolve_hook(&hook);
  }
  FakeResolver(const FakeResolver &) = delete;
  FakeResolver &operator=(const FakeResolver &) = delete;
  ~FakeResolver() { evi::set_resolve_hook(nullptr); }

  evdns_base *handle() { return reinterpret_cast<evdns_base *>(this); }

  static evdns_getaddrinfo_request *start(evdns_base *, const char *node, const char *service,
                                          const addrinfo *, evi::ResolveCallback cb, void *arg) {
    current->callback = cb;
    current->arg = arg;
    current->node = node;
    current->service = service;
    if (current->answer_at_once == 1) return reinterpret_cast<evdns_getaddrinfo_request *>(current);
    cb(current->answer_at_once, nullptr, arg);
    return nullptr;
  }
  static void cancel(evdns_getaddrinfo_request *) { ++current->cancelled; }

  void fail(int error) { callback(error, nullptr, arg); }
  void answer(const sockaddr_in &address) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    evi::OwnedAddrinfo list;
    ASSERT_EQ(evi::append_address(list, reinterpret_cast<const sockaddr *>(&address), sizeof(address), hints),
              0);
    callback(0, list.release(), arg);
  }
};
FakeResolver *FakeResolver::current = nullptr;

struct Connect : testing::Test {
  test::Base base = test::make_base();
  FakeResolver resolver;
  sockaddr_in address{};
  test::Fd listener = listen();

  test::Fd listen() {
    test::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr *>(&address), length), 0);
    EXPECT_EQ(::listen(fd, 5), 0);
    EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr *>(&address), &length), 0);
    return fd;
  }
  int look_up(bufferevent *bev, const char *name = "name") {
    return bufferevent_socket_connect_hostname(bev, resolver.handle(), AF_INET, name, 65535);
  }
};

TEST_F(Connect, a_pending_lookup_suspends_io_and_timeouts) {
  Bev bev(*base, test::kNoFd, BEV_OPT_CLOSE_ON_FREE);
  const timeval soon = test::seconds(0.001);
  bufferevent_set_timeouts(bev, &soon, &soon);
  bufferevent_enable(bev, EV_READ);
  bev.put("hello");
  EXPECT_EQ(look_up(bev), 0);
  EXPECT_EQ(resolver.node, "name");
  EXPECT_EQ(resolver.service, "65535");
  EXPECT_EQ(base->loop(0), 1);  // not even a timeout runs
  EXPECT_EQ(bev.log(), "");
  bufferevent_set_timeouts(bev, nullptr, nullptr);
  resolver.answer(address);
  test::turn(*base);
  EXPECT_EQ(bev.log(), "e80w");
  const test::Fd peer(accept(listener, nullptr, nullptr));
  char text[8] = {};
  EXPECT_EQ(read(peer, text, sizeof(text)), 5);
  EXPECT_EQ(bufferevent_socket_get_dns_error(bev), 0);
}

TEST_F(Connect, a_failed_lookup_causes_one_error_event) {
  Bev bev(*base, test::kNoFd);
  EXPECT_EQ(look_up(bev), 0);
  resolver.fail(EVUTIL_EAI_NONAME);
  EXPECT_EQ(bev.log(), "e20");
  EXPECT_EQ(bufferevent_socket_get_dns_error(bev), EVUTIL_EAI_NONAME);
  // The next one starts afresh.
  EXPECT_EQ(look_up(bev), 0);
  EXPECT_EQ(bufferevent_socket_get_dns_error(bev), 0);
  resolver.answer(address);
  test::turn(*base);
  EXPECT_EQ(bev.log(), "e80");
}

TEST_F(Connect, an_immediate_lookup_answer_is_reported_from_the_loop) {
  resolver.answer_at_once = EVUTIL_EAI_FAIL;
  Bev bev(*base, test::kNoFd);
  bev.on_event = [&](short) { bev.free(); };
  EXPECT_EQ(look_up(bev), 0);
  EXPECT_EQ(bufferevent_socket_get_dns_error(bev), EVUTIL_EAI_FAIL);
  EXPECT_EQ(bev.log(), "");
  test::turn(*base);
  EXPECT_EQ(bev.log(), "e20");
}

TEST_F(Connect, the_loop_keeps_waiting_after_a_failed_lookup) {
  Bev bev(*base, test::kNoFd);
  EXPECT_EQ(look_up(bev), 0);
  resolver.fail(EVUTIL_EAI_NONAME);
  EXPECT_EQ(base->loop(EVLOOP_NONBLOCK), 0);
  EXPECT_EQ(base->count_events(EVENT_BASE_COUNT_ADDED), 1);
  bev.free();
  EXPECT_EQ(base->loop(EVLOOP_NONBLOCK), 1);
}

TEST_F(Connect, a_failed_connect_to_a_resolved_address_causes_an_error_event) {
  Bev bev(*base, test::kNoFd);
  EXPECT_EQ(look_up(bev), 0);
  sockaddr_in broadcast = address;
  broadcast.sin_addr.s_addr = htonl(INADDR_BROADCAST);
  resolver.answer(broadcast);
  EXPECT_EQ(bev.log(), "e20");
  EXPECT_NE(bev.error, 0);
  EXPECT_EQ(bufferevent_socket_get_dns_error(bev), 0);
  EXPECT_EQ(bufferevent_getfd(bev), test::kNoFd);
}

TEST_F(Connect, freeing_cancels_the_lookup_and_ignores_a_late_answer) {
  ASSERT_TRUE(evi::prepare_loop_chunks(*base));
  test::FaultAlloc memory;
  for (const bool late_success : {false, true}) {
    Bev bev(*base, test::kNoFd);
    EXPECT_EQ(look_up(bev), 0);
    bev.free();
    EXPECT_GT(memory.live(), 0u);
    late_success ? resolver.answer(address) : resolver.fail(EVUTIL_EAI_CANCEL);
    EXPECT_EQ(bev.log(), "");
    EXPECT_EQ(memory.live(), 0u);
  }
  EXPECT_EQ(resolver.cancelled, 2);
}

TEST_F(Connect, a_second_lookup_replaces_the_first) {
  Bev bev(*base, test::kNoFd);
  EXPECT_EQ(look_up(bev, "first"), 0);
  const auto first_callback = resolver.callback;
  void *first_arg = resolver.arg;
  EXPECT_EQ(look_up(bev, "second"), 0);
  EXPECT_EQ(resolver.cancelled, 1);
  first_callback(EVUTIL_EAI_CANCEL, nullptr, first_arg);
  EXPECT_EQ(bev.log(), "");
  resolver.answer(address);
  test::turn(*base);
  EXPECT_EQ(bev.log(), "e80");
}

TEST_F(Connect, lookup_hints_are_passed_on_unchanged) {
  Bev bev(*base, test::kNoFd);
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = EVUTIL_AI_NUMERICHOST;
  EXPECT_EQ(bufferevent_socket_connect_hostname_hints(bev, nullptr, &hints, "name", 80), 0);
  EXPECT_EQ(bufferevent_socket_get_dns_error(bev), EVUTIL_EAI_NONAME);
  test::turn(*base);
  EXPECT_EQ(bev.log(), "e20");
  EXPECT_EQ(bufferevent_socket_connect_hostname_hints(bev, nullptr, &hints, "name", 0), -1);
  EXPECT_EQ(
      bufferevent_socket_connect_hostname_hints(bev, nullptr, &hints, "127.0.0.1", ntohs(address.sin_port)),
      0);
  test::turn(*base);
  EXPECT_EQ(bev.log(), "e80");
}

TEST_F(Connect, output_written_in_the_connected_callback_is_sent_immediately) {
  Bev bev(*base, test::kNoFd, BEV_OPT_CLOSE_ON_FREE);
  bev.on_event = [&](short) { bev.put("first"); };
  ASSERT_EQ(bufferevent_socket_connect(bev, reinterpret_cast<sockaddr *>(&address), sizeof(address)), 0);
  test::turn(*base);
  EXPECT_EQ(bev.log(), "e80w");
}

TEST_F(Connect, the_connected_callback_may_free_or_reconnect) {
  for (const int options : {0, static_cast<int>(BEV_OPT_DEFER_CALLBACKS)}) {
    Bev bev(*base, test::kNoFd, options | BEV_OPT_CLOSE_ON_FREE);
    int left = 3;
    bev.on_event = [&](short) {
      bev.put("x");
      if (--left == 0) return bev.free();
      bufferevent_replacefd(bev, test::kNoFd);
      EXPECT_EQ(bufferevent_socket_connect(bev, reinterpret_cast<sockaddr *>(&address), sizeof(address)), 0);
    };
    ASSERT_EQ(bufferevent_socket_connect(bev, reinterpret_cast<sockaddr *>(&address), sizeof(address)), 0);
    for (int i = 0; i < 10; ++i) test::turn(*base);
    EXPECT_EQ(left, 0);
  }
}

TEST_F(Connect, disabling_writing_does_not_cancel_a_connect) {
  Bev bev(*base, test::kNoFd, BEV_OPT_CLOSE_ON_FREE);
  bev.put("x");
  ASSERT_EQ(bufferevent_socket_connect(bev, reinterpret_cast<sockaddr *>(&address), sizeof(address)), 0);
  bufferevent_disable(bev, EV_WRITE);
  test::turn(*base);
  EXPECT_EQ(bev.log(), "e80");
  bufferevent_enable(bev, EV_WRITE);
  test::turn(*base);
  EXPECT_EQ(bev.log(), "w");
}

TEST_F(Connect, a_refused_connect_is_reported_from_the_loop_and_can_be_retried) {
  sockaddr_in refusing = address;
  test::Fd bound(socket(AF_INET, SOCK_STREAM, 0));
  refusing.sin_port = 0;
  socklen_t length = sizeof(refusing);
  ASSERT_EQ(bind(bound, reinterpret_cast<sockaddr *>(&refusing), length), 0);
  ASSERT_EQ(getsockname(bound, reinterpret_cast<sockaddr *>(&refusing), &length), 0);
  Bev bev(*base, test::kNoFd, BEV_OPT_CLOSE_ON_FREE);
  EXPECT_EQ(bufferevent_socket_connect(bev, reinterpret_cast<sockaddr *>(&refusing), length), 0);
  EXPECT_EQ(bev.log(), "");
  test::turn(*base);
  EXPECT_EQ(bev.log(), "e20");
#ifdef _WIN32
  EXPECT_EQ(bev.error, WSAECONNREFUSED);
#else
  EXPECT_EQ(bev.error, ECONNREFUSED);
#endif
  bufferevent_replacefd(bev, test::kNoFd);
  EXPECT_EQ(bufferevent_socket_connect(bev, reinterpret_cast<sockaddr *>(&address), length), 0);
  test::turn(*base);
  EXPECT_EQ(bev.log(), "e80");
}

TEST_F(Connect, connecting_survives_every_allocation_failure) {
  test::sweep([&] {
    test::QuietLog quiet;
    test::Base own = test::make_base();
    bufferevent *bev = own ? bufferevent_socket_new(own.get(), test::kNoFd, BEV_OPT_CLOSE_ON_FREE) : nullptr;
    if (!bev) return false;
    short seen = 0;
    bufferevent_setcb(
        bev, nullptr, nullptr,
        [](bufferevent *, short what, void *arg) { *static_cast<short *>(arg) |= what; }, &seen);
    const int begun =
        bufferevent_socket_connect_hostname(bev, nullptr, AF_INET, "127.0.0.1", ntohs(address.sin_port));
    test::turn(*own);
    // An attempt either fails to start, or its result is reported.
    EXPECT_EQ(begun == 0, seen != 0);
    bufferevent_free(bev);
    return begun == 0 && seen == BEV_EVENT_CONNECTED;
  });
}

}  // namespace
