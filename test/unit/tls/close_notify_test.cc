// A close_notify sent after its bufferevent was freed, once the socket is writable and within a time limit.
#include "tls/close_notify.h"

#include "../bufferevent/bufferevents.h"
#include "support/fault_alloc.h"

namespace {

struct LateCloseNotifies : testing::Test {
  test::FakeClock clock;
  test::Base base{event_base::create(nullptr, {.clock = &clock})};
  test::Pair fds = test::socket_pair();
  evbuffer bytes;

  // Fills the socket and returns the number of bytes.
  std::size_t fill() {
    const std::string block(4096, 'f');
    std::size_t all = 0;
    for (ssize_t put; (put = ::write(fds.a, block.data(), block.size())) > 0;)
      all += static_cast<std::size_t>(put);
    return all;
  }
  bool send_later() {
    EXPECT_TRUE(bytes.add("bye", 3));
    const int fd = fds.a;
    const bool taken = evi::send_close_notify_later(*base, fd, bytes);
    if (taken) static_cast<void>(fds.a.release());
    return taken;
  }
};

TEST_F(LateCloseNotifies, is_sent_when_the_socket_accepts_it_and_closes_the_socket) {
  const std::size_t before = fill();
  const int fd = fds.a;
  ASSERT_TRUE(send_later());
  test::turn(*base);
  EXPECT_TRUE(test::is_open(fd));
  const std::string all = test::read_all(fds.b);
  ASSERT_EQ(all.size(), before);
  test::turn(*base);
  EXPECT_EQ(test::read_all(fds.b), "bye");
  EXPECT_FALSE(test::is_open(fd));
  EXPECT_EQ(base->loop(0), 1) << "it keeps the loop alive no longer";
}

TEST_F(LateCloseNotifies, is_abandoned_after_a_second) {
  fill();
  const int fd = fds.a;
  ASSERT_TRUE(send_later());
  clock.t += 900'000;
  test::turn(*base);
  EXPECT_TRUE(test::is_open(fd));
  clock.t += 200'000;
  test::turn(*base);
  EXPECT_FALSE(test::is_open(fd));
}

TEST_F(LateCloseNotifies, is_abandoned_when_the_peer_has_closed) {
  fill();
  const int fd = fds.a;
  ASSERT_TRUE(send_later());
  ::close(fds.b.release());
  test::turn(*base);
  EXPECT_FALSE(test::is_open(fd));
}

TEST_F(LateCloseNotifies, is_abandoned_with_its_base) {
  fill();
  const int fd = fds.a;
  test::FaultAlloc memory;
  ASSERT_TRUE(send_later());
  base.reset();
  EXPECT_FALSE(test::is_open(fd));
  EXPECT_EQ(memory.live(), 0u);
}

TEST_F(LateCloseNotifies, ownership_stays_with_the_caller_when_an_allocation_fails) {
  for (long n = 1;; ++n) {
    test::FaultAlloc memory;
    EXPECT_TRUE(bytes.add("bye", 3));
    memory.fail_at(n);
    const int fd = fds.a;
    if (evi::send_close_notify_later(*base, fd, bytes)) {
      EXPECT_GT(n, 2);
      static_cast<void>(fds.a.release());
      base.reset();
      break;
    }
    EXPECT_TRUE(test::is_open(fd));
    EXPECT_EQ(bytes.length(), 3u) << n;
    ASSERT_TRUE(bytes.drain(bytes.length()));
    bytes.release_spare();
  }
}

}  // namespace
