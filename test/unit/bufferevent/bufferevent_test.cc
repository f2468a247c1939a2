// Properties common to all bufferevents: size, references, freeing, base, descriptor, allocation failures.
#include "bufferevent/bufferevent.h"
#include "bufferevent/loop_chunks.h"

#include <malloc.h>

#include "bufferevents.h"
#include "core/deferred.h"
#include "event2/bufferevent_compat.h"
#include "support/fault_alloc.h"

namespace {

using test::Bev;

TEST(bufferevent, a_connection_takes_one_allocation_of_bounded_size) {
  auto base = test::make_base();
  auto fds = test::socket_pair();
  ASSERT_TRUE(evi::prepare_loop_chunks(*base));
  test::FaultAlloc memory;
  bufferevent *bev = bufferevent_socket_new(base.get(), fds.a, 0);
  EXPECT_EQ(memory.live(), 1u);
  EXPECT_LE(malloc_usable_size(bev) + sizeof(std::size_t) + 24, 704u);
  bufferevent_free(bev);
  EXPECT_EQ(memory.live(), 0u);
}

TEST(bufferevent, the_public_struct_is_at_offset_zero) {
  auto base = test::make_base();
  Bev bev(*base, test::kNoFd);
  const bufferevent *shown = bev;
  EXPECT_EQ(static_cast<const void *>(shown), static_cast<const void *>(&*bev));
  EXPECT_EQ(shown->input, &bev->input_buffer());
  EXPECT_EQ(shown->be_ops, &evi::socket_ops);
}

TEST(bufferevent, an_owned_fd_is_closed_exactly_once) {
  auto base = test::make_base();
  auto fds = test::socket_pair();
  const int fd = fds.a.release();
  Bev bev(*base, fd, BEV_OPT_CLOSE_ON_FREE);
  bufferevent_incref(bev);
  bufferevent *kept = bev.release();
  bufferevent_free(kept);
  bufferevent_free(kept);
  EXPECT_TRUE(test::is_open(fd));
  EXPECT_EQ(bufferevent_decref(kept), 1);
  EXPECT_FALSE(test::is_open(fd));
}

TEST(bufferevent, freed_in_a_callback_it_stays_allocated_until_the_callbacks_end) {
  auto base = test::make_base();
  auto fds = test::socket_pair();
  Bev bev(*base, fds.a);
  bev.on_event = [&](short) {
    bufferevent *raw = bev;
    bev.free();
    // Still memory of ours, and dead.
    EXPECT_EQ(bufferevent_enable(raw, EV_READ), -1);
    bufferevent_write(raw, "x", 1);
    bufferevent_trigger_event(raw, BEV_EVENT_EOF, 0);
    bufferevent_setfd(raw, -1);
  };
  bufferevent_trigger_event(bev, BEV_EVENT_EOF, 0);
  EXPECT_EQ(bev.log(), "e10");
}

TEST(bufferevent, check_invariants_notices_states_that_contradict_each_other) {
  auto base = test::make_base();
  auto fds = test::socket_pair();
  Bev bev(*base, fds.a);
  EXPECT_TRUE(bev->check_invariants());
  bev->socket_.connecting = true;  // with nothing armed for its end
  EXPECT_FALSE(bev->check_invariants());
  bev->socket_.connecting = false;
  bev->input_buffer().unfreeze(evi::BufferEnd::back);
  evbuffer_add(bev->input, "xy", 2);
  bev->wm_read.high = 2;  // without holding reading back
  EXPECT_FALSE(bev->check_invariants());
  bev->wm_read.high = 0;
  EXPECT_TRUE(bev->check_invariants());
}

TEST(bufferevent, an_evbuffer_callback_may_free_the_bufferevent) {
  auto base = test::make_base();
  for (const int options : {0, static_cast<int>(BEV_OPT_DEFER_CALLBACKS)}) {
    auto fds = test::socket_pair();
    for (const bool reading : {true, false}) {
      Bev bev(*base, fds.a, options);
      const auto free_it = [](evbuffer *, const evbuffer_cb_info *, void *arg) {
        static_cast<Bev *>(arg)->free();
      };
      evbuffer_add_cb(reading ? bev->input : bev->output, free_it, &bev);
      if (reading) {
        bufferevent_enable(bev, EV_READ);
        test::put(fds.b);
        test::turn(*base);
      } else {
        bev.put("x");
      }
      EXPECT_EQ(static_cast<bufferevent *>(bev), nullptr);
      EXPECT_EQ(bev.log(), "");
    }
  }
}

TEST(bufferevent, an_evbuffer_callback_for_drained_output_may_free_the_bufferevent) {
  auto base = test::make_base();
  auto fds = test::socket_pair();
  Bev bev(*base, fds.a);
  bev.put("x");
  evbuffer_add_cb(
      bev->output, [](evbuffer *, const evbuffer_cb_info *, void *arg) { static_cast<Bev *>(arg)->free(); },
      &bev);
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(test::read_all(fds.b), "x");
  EXPECT_EQ(bev.log(), "");
}

TEST(bufferevent, deferred_evbuffer_callbacks_keep_the_bufferevent_allocated) {
  auto base = test::make_base();
  auto fds = test::socket_pair();
  Bev bev(*base, fds.a);
  int calls = 0;
  evbuffer_add_cb(
      bev->output, [](evbuffer *, const evbuffer_cb_info *, void *arg) { ++*static_cast<int *>(arg); },
      &calls);
  evbuffer_defer_callbacks(bev->output, base.get());
  bev.put("x");
  bev.free();
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(calls, 1);
}

TEST(bufferevent, freeing_removes_queued_work) {
  auto base = test::make_base();
  auto fds = test::socket_pair();
  {
    Bev bev(*base, fds.a, BEV_OPT_DEFER_CALLBACKS);
    bev.put("x");
    bufferevent_trigger(bev, EV_READ, 0);
  }
  EXPECT_EQ(base->loop(0), 1);
  EXPECT_EQ(test::read_all(fds.b), "");
  EXPECT_TRUE(base->check_invariants());
}

TEST(bufferevent, a_bufferevent_may_be_freed_after_its_base) {
  auto base = test::make_base();
  auto fds = test::socket_pair();
  test::FaultAlloc memory;
  Bev bev(*base, fds.a, BEV_OPT_DEFER_CALLBACKS);
  evbuffer_add_cb(
      bev->input, [](evbuffer *, const evbuffer_cb_info *, void *) {}, nullptr);
  ASSERT_EQ(evbuffer_defer_callbacks(bev->input, base.get()), 0);
  bufferevent_enable(bev, EV_READ | EV_WRITE);
  bev.put("x");
  test::put(fds.b);
  bufferevent_trigger(bev, EV_READ, 0);
  bev->input_buffer().unfreeze(evi::BufferEnd::back);
  evbuffer_add(bev->input, "y", 1);
  base.reset();
  bev.free();
  EXPECT_EQ(memory.live(), 0u);
}

TEST(bufferevent, replacing_the_fd_closes_the_old_one_if_owned) {
  auto base = test::make_base();
  for (const bool owned : {true, false}) {
    auto first = test::socket_pair();
    auto second = test::socket_pair();
    const int old = first.a.release();
    const int fresh = second.a.release();
    Bev bev(*base, old, owned ? BEV_OPT_CLOSE_ON_FREE : 0);
    bufferevent_enable(bev, EV_READ);
    EXPECT_EQ(bufferevent_replacefd(bev, fresh), 0);
    EXPECT_EQ(test::is_open(old), !owned);
    EXPECT_EQ(bufferevent_getfd(bev), fresh);
    test::put(second.b);
    test::turn(*base);
    EXPECT_EQ(bev.text(), "x");
    EXPECT_EQ(bufferevent_replacefd(bev, test::kNoFd), 0);
    EXPECT_EQ(bufferevent_getfd(bev), test::kNoFd);
    EXPECT_EQ(test::is_open(fresh), !owned);
    if (!owned) close(old), close(fresh);
  }
}

TEST(bufferevent, queued_work_moves_to_the_new_base) {
  auto old = test::make_base();
  auto fresh = test::make_base();
  auto fds = test::socket_pair();
  Bev bev(*old, fds.a, BEV_OPT_DEFER_CALLBACKS);
  bev.put("x");
  bufferevent_trigger(bev, EV_READ, 0);
  EXPECT_EQ(bufferevent_base_set(fresh.get(), bev), 0);
  EXPECT_EQ(old->loop(0), 1);
  EXPECT_EQ(test::read_all(fds.b), "");
  EXPECT_EQ(fresh->loop(0), 1);
  EXPECT_EQ(test::read_all(fds.b), "x");
  EXPECT_EQ(bev.log(), "rw");
}

TEST(bufferevent, a_bufferevent_without_a_base_starts_when_it_gets_one) {
  auto base = test::make_base();
  auto fds = test::socket_pair();
  bufferevent *bev = bufferevent_new(fds.a, nullptr, nullptr, nullptr, nullptr);
  ASSERT_NE(bev, nullptr);
  EXPECT_EQ(bufferevent_get_base(bev), nullptr);
  EXPECT_EQ(bufferevent_get_priority(bev), 0);
  EXPECT_EQ(bufferevent_priority_set(bev, 0), -1);
  EXPECT_EQ(bufferevent_enable(bev, EV_READ), -1);
  EXPECT_EQ(bufferevent_write(bev, "x", 1), 0);
  bufferevent_settimeout(bev, 1, 1);
  EXPECT_EQ(bufferevent_base_set(base.get(), bev), 0);
  test::turn(*base);
  EXPECT_EQ(test::read_all(fds.b), "x");
  bufferevent_free(bev);
}

TEST(bufferevent, reading_stays_suspended_until_every_reason_is_removed) {
  auto base = test::make_base();
  auto fds = test::socket_pair();
  Bev bev(*base, fds.a);
  bufferevent_enable(bev, EV_READ);
  bev->suspend(EV_READ | EV_WRITE, evi::kBandwidth);
  bev->suspend(EV_READ, evi::kGroupBandwidth);
  bev.put("out");
  test::put(fds.b);
  test::turn(*base);
  EXPECT_EQ(bev.log(), "");
  EXPECT_EQ(bufferevent_get_enabled(bev), EV_READ | EV_WRITE);
  bev->resume(EV_READ | EV_WRITE, evi::kBandwidth);
  test::turn(*base);
  EXPECT_EQ(bev.log(), "w");
  bev->resume(EV_READ, evi::kGroupBandwidth);
  test::turn(*base);
  EXPECT_EQ(bev.log(), "r");
  bev->suspend(EV_WRITE, evi::kBandwidth);
  bufferevent_disable(bev, EV_WRITE);
  bev->resume(EV_WRITE, evi::kBandwidth);
  bev.put("x");
  test::turn(*base);
  EXPECT_EQ(bev.log(), "");
}

// --- no memory ---

TEST(bufferevent, creation_survives_every_allocation_failure) {
  if (!evi::kThreadSupport) GTEST_SKIP() << "built without threads";
  test::Threads threads;
  auto base = test::make_base();
  ASSERT_TRUE(evi::prepare_loop_chunks(*base));
  const long allocations = test::sweep([&] {
    bufferevent *bev = bufferevent_socket_new(base.get(), test::kNoFd, BEV_OPT_THREADSAFE);
    if (!bev) return false;
    const bool set = bufferevent_set_max_single_read(bev, 100) == 0;
    bufferevent_free(bev);
    return set;
  });
  EXPECT_GE(allocations, 3);
}

TEST(bufferevent, transfer_survives_every_allocation_failure) {
  const std::string data(20'000, 'x');
  test::sweep([&] {
    auto fds = test::socket_pair();
    test::QuietLog quiet;
    test::Base base = test::make_base();
    if (!base) return false;
    bufferevent *a = bufferevent_socket_new(base.get(), fds.a, 0);
    bufferevent *b = bufferevent_socket_new(base.get(), fds.b, 0);
    std::string got;
    const bool good =
        a && b && bufferevent_enable(b, EV_READ) == 0 && bufferevent_write(a, data.data(), data.size()) == 0;
    if (good) {
      const auto take = [](bufferevent *bev, void *arg) {
        char block[4096];
        while (const std::size_t n = bufferevent_read(bev, block, sizeof(block)))
          static_cast<std::string *>(arg)->append(block, n);
      };
      bufferevent_setcb(b, take, nullptr, nullptr, &got);
      test::turn(*base, 10);
    }
    if (a) bufferevent_free(a);
    if (b) bufferevent_free(b);
    return good && got == data;
  });
}

}  // namespace
