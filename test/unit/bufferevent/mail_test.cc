// Writers that find the lock taken: their output arrives in order, and no writer blocks.
#include "event2/event-config.h"
#ifndef EVENT__DISABLE_THREAD_SUPPORT
#include "bufferevent/mail.h"

#include <thread>

#include "bufferevents.h"

namespace {

using test::Bev;

struct MailTest : testing::Test {
  test::Threads threads;
  test::Base base = test::make_base();
  test::Pair fds = test::socket_pair();
  Bev bev{*base, fds.a, BEV_OPT_THREADSAFE};

  // Runs on another thread while this one holds the lock.
  template <typename F>
  void while_locked(F f) {
    bufferevent_lock(bev);
    std::thread(f).join();
    bufferevent_unlock(bev);
  }
  std::size_t output_length() { return evbuffer_get_length(bev->output); }
};

TEST_F(MailTest, writing_to_a_locked_bufferevent_does_not_block) {
  while_locked([&] { EXPECT_EQ(bev.put("hello"), 0); });
  EXPECT_EQ(output_length(), 5u);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(test::read_all(fds.b), "hello");
}

TEST_F(MailTest, the_loop_collects_the_mail) {
  while_locked([&] { EXPECT_EQ(bev.put("hello"), 0); });
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(test::read_all(fds.b), "hello");
  EXPECT_EQ(bev.log(), "w");
}

TEST_F(MailTest, bytes_of_a_writer_keep_their_order_across_write_functions) {
  while_locked([&] {
    bev.put("1");
    bev.put("2");
    evbuffer *more = evbuffer_new();
    evbuffer_add(more, "3", 1);
    EXPECT_EQ(bufferevent_write_buffer(bev, more), 0);
    EXPECT_EQ(evbuffer_get_length(more), 0u);
    evbuffer_free(more);
  });
  EXPECT_EQ(evbuffer_add(bev->output, "4", 1), 0);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(test::read_all(fds.b), "1234");
}

TEST_F(MailTest, moving_input_to_a_locked_output_does_not_block) {
  auto pair = test::socket_pair();
  Bev source(*base, pair.a, BEV_OPT_THREADSAFE);
  bufferevent_enable(source, EV_READ);
  test::write_all(pair.b, "through");
  test::turn(*base);
  while_locked([&] { EXPECT_EQ(bufferevent_read_buffer(source, bev->output), 0); });
  EXPECT_EQ(source.text(), "");
  test::turn(*base);
  EXPECT_EQ(test::read_all(fds.b), "through");
}

TEST_F(MailTest, freeing_discards_the_mail) {
  while_locked([&] { bev.put("lost"); });
  bev.free();
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(test::read_all(fds.b), "");
}

TEST_F(MailTest, freeing_while_locked_discards_the_mail) {
  bufferevent_lock(bev);
  std::thread([&] { bev.put("lost"); }).join();
  bufferevent *raw = bev.release();
  bufferevent_free(raw);
  bufferevent_unlock(raw);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(test::read_all(fds.b), "");
}

}  // namespace

#endif
