#include "buffer/callbacks.h"

#include <gtest/gtest.h>

#include <functional>

#include "buffers.h"
#include "support/events.h"
#include "support/fault_alloc.h"

namespace {

using test::Buffer;
using test::ChangeLog;
using test::text;

// A callback that is a lambda.
struct Hook {
  std::function<void(evbuffer &, const evbuffer_cb_info &)> fn;
  int calls = 0;

  static void run(evbuffer *buffer, const evbuffer_cb_info *info, void *self) {
    Hook &hook = *static_cast<Hook *>(self);
    ++hook.calls;
    if (hook.fn) hook.fn(*buffer, *info);
  }
  evbuffer_cb_entry *add_to(evbuffer &buffer) { return buffer.add_callback(run, this); }
};

TEST(Callbacks, receive_each_change_newest_callback_first) {
  Buffer buffer("abc");
  std::string order;
  Hook first{[&](evbuffer &, const evbuffer_cb_info &) { order += "1"; }};
  Hook second{[&](evbuffer &, const evbuffer_cb_info &) { order += "2"; }};
  first.add_to(buffer);
  second.add_to(buffer);
  ASSERT_TRUE(test::add(buffer, "d"));
  ASSERT_TRUE(buffer.drain(2));
  EXPECT_EQ(order, "2121");
}

TEST(Callbacks, receive_exact_lengths) {
  Buffer buffer("abc");
  ChangeLog log;
  log.watch(buffer);
  ASSERT_TRUE(test::add(buffer, "defg"));
  ASSERT_TRUE(buffer.drain(2));
  ASSERT_TRUE(buffer.drain(100));
  ASSERT_TRUE(buffer.prepend("xy", 2));
  EXPECT_EQ(log.take(), "3+4-0 7+0-2 5+0-5 0+2-0 ");
}

TEST(Callbacks, are_found_by_function_and_argument_or_by_entry) {
  Buffer buffer;
  Hook a, b;
  a.add_to(buffer);
  evbuffer_cb_entry *entry = b.add_to(buffer);
  EXPECT_FALSE(buffer.remove_callback(Hook::run, nullptr));
  EXPECT_TRUE(buffer.remove_callback(Hook::run, &a));
  EXPECT_FALSE(buffer.remove_callback(Hook::run, &a));
  ASSERT_TRUE(test::add(buffer, "x"));
  buffer.remove_callback(*entry);
  ASSERT_TRUE(test::add(buffer, "x"));
  EXPECT_EQ(a.calls, 0);
  EXPECT_EQ(b.calls, 1);
}

TEST(Callbacks, disabled_callbacks_do_not_receive_changes) {
  Buffer buffer;
  ChangeLog log;
  evbuffer_cb_entry *entry = buffer.add_callback(ChangeLog::append, &log);
  ASSERT_EQ(evbuffer_cb_clear_flags(&buffer, entry, EVBUFFER_CB_ENABLED), 0);
  ASSERT_TRUE(test::add(buffer, "missed"));
  ASSERT_EQ(evbuffer_cb_clear_flags(&buffer, entry, 0xfffe), 0);
  ASSERT_EQ(evbuffer_cb_set_flags(&buffer, entry, 0xfffe), 0);
  ASSERT_TRUE(test::add(buffer, "too"));
  ASSERT_EQ(evbuffer_cb_set_flags(&buffer, entry, EVBUFFER_CB_ENABLED), 0);
  ASSERT_TRUE(test::add(buffer, "!"));
  EXPECT_EQ(log.text, "9+1-0 ");
}

TEST(Callbacks, may_change_the_buffer_they_are_invoked_for) {
  Buffer buffer;
  ChangeLog log;
  Hook halve{[](evbuffer &b, const evbuffer_cb_info &info) {
    if (info.n_added) {
      EXPECT_TRUE(b.drain(info.n_added / 2));
    }
  }};
  halve.add_to(buffer);
  log.watch(buffer);
  ASSERT_TRUE(test::add(buffer, "0123456789"));
  EXPECT_EQ(text(buffer), "56789");
  EXPECT_EQ(log.take(), "0+10-0 10+0-5 ");
}

TEST(Callbacks, may_empty_the_other_buffer_of_a_move) {
  Buffer to("abc"), from{"de", "fgh"};
  Hook drain{[](evbuffer &b, const evbuffer_cb_info &) { EXPECT_TRUE(b.drain(SIZE_MAX)); }};
  Hook drain_to{[&](evbuffer &, const evbuffer_cb_info &) { EXPECT_TRUE(to.drain(SIZE_MAX)); }};
  drain.add_to(to);
  drain_to.add_to(from);
  EXPECT_EQ(to.append_some(from, 4), 4);
  EXPECT_TRUE(to.empty());
  EXPECT_EQ(text(from), "h");
  EXPECT_TRUE(to.append_all(from));
  EXPECT_TRUE(to.empty());
}

// The report of a move to its second buffer is that of the move, whatever the first one's callbacks did
// meanwhile.
TEST(Callbacks, get_exact_numbers_of_a_move_after_the_other_buffer_was_emptied) {
  const struct {
    const char *name;
    bool (*move)(evbuffer &to, evbuffer &from);
    // Whose callback empties the other buffer, and what is reported to that one's callback.
    bool by_source;
    const char *reported;
  } cases[] = {
      {"append all", [](evbuffer &to, evbuffer &from) { return to.append_all(from); }, true, "9+0-9 3+6-0 "},
      {"prepend all", [](evbuffer &to, evbuffer &from) { return to.prepend_all(from); }, true,
       "9+0-9 3+6-0 "},
      {"append some", [](evbuffer &to, evbuffer &from) { return to.append_some(from, 4) == 4; }, false,
       "2+0-2 6+0-4 "},
  };
  for (const auto &c : cases) {
    SCOPED_TRACE(c.name);
    Buffer to("abc"), from("defghi");
    Buffer &first = c.by_source ? from : to;
    Buffer &second = c.by_source ? to : from;
    Hook empty_second{[&](evbuffer &, const evbuffer_cb_info &) { EXPECT_TRUE(second.drain(SIZE_MAX)); }};
    ChangeLog log;
    empty_second.add_to(first);
    log.watch(second);
    EXPECT_TRUE(c.move(to, from));
    EXPECT_EQ(log.take(), c.reported);
  }
}

TEST(Callbacks, may_remove_themselves_each_other_and_all) {
  for (const int how : {0, 1, 2}) {
    SCOPED_TRACE(how);
    Buffer buffer;
    Hook oldest, remover, newest;
    oldest.add_to(buffer);
    evbuffer_cb_entry *own = remover.add_to(buffer);
    newest.add_to(buffer);
    remover.fn = [&](evbuffer &b, const evbuffer_cb_info &) {
      if (how == 0) b.remove_callback(*own);
      if (how == 1 && remover.calls == 1) {
        EXPECT_TRUE(b.remove_callback(Hook::run, &oldest));
        EXPECT_TRUE(b.remove_callback(Hook::run, &newest));
      }
      if (how == 2) b.remove_all_callbacks();
      // A change from inside sees the list as it is now.
      if (remover.calls == 1) {
        EXPECT_TRUE(test::add(b, "y"));
      }
    };
    ASSERT_TRUE(test::add(buffer, "x"));
    EXPECT_TRUE(buffer.check_invariants());
    ASSERT_TRUE(test::add(buffer, "z"));
    constexpr int want[3][3] = {{3, 1, 3}, {0, 3, 1}, {0, 1, 1}};
    EXPECT_EQ(oldest.calls, want[how][0]);
    EXPECT_EQ(remover.calls, want[how][1]);
    EXPECT_EQ(newest.calls, want[how][2]);
  }
}

TEST(Callbacks, added_by_a_callback_begin_with_the_next_change) {
  Buffer buffer;
  Hook late;
  Hook adder{[&](evbuffer &b, const evbuffer_cb_info &) {
    if (adder.calls == 1) late.add_to(b);
  }};
  adder.add_to(buffer);
  ASSERT_TRUE(test::add(buffer, "x"));
  EXPECT_EQ(late.calls, 0);
  ASSERT_TRUE(test::add(buffer, "x"));
  EXPECT_EQ(late.calls, 1);
}

// Must-not 4: a callback frees the buffer that the calls on the stack are using.
TEST(Callbacks, may_free_the_buffer) {
  test::FaultAlloc memory;
  for (const bool nested : {false, true}) {
    evbuffer *buffer = evbuffer_new();
    Hook free_it{[&](evbuffer &b, const evbuffer_cb_info &) {
      if (nested && free_it.calls == 1) {
        evbuffer_add(&b, "again", 5);
      } else {
        evbuffer_free(&b);
      }
    }};
    free_it.add_to(*buffer);
    EXPECT_EQ(evbuffer_add(buffer, "x", 1), 0);
    EXPECT_EQ(memory.live(), 0u);
  }
}

TEST(Callbacks, set_with_setcb_receive_lengths_and_replace_all_others) {
  struct Lengths {
    static void run(evbuffer *, std::size_t before, std::size_t after, void *self) {
      static_cast<Lengths *>(self)->log += std::to_string(before) + ">" + std::to_string(after) + " ";
    }
    std::string log;
  } lengths;
  Buffer buffer("abc");
  Hook other;
  other.add_to(buffer);
  ASSERT_TRUE(buffer.replace_callbacks(Lengths::run, &lengths));
  ASSERT_TRUE(test::add(buffer, "de"));
  ASSERT_TRUE(buffer.drain(4));
  EXPECT_EQ(lengths.log, "3>5 5>1 ");
  EXPECT_EQ(other.calls, 0);
  EXPECT_FALSE(buffer.remove_callback(nullptr, &lengths));
  ASSERT_TRUE(buffer.replace_callbacks(nullptr, nullptr));
  ASSERT_TRUE(test::add(buffer, "f"));
  EXPECT_EQ(lengths.log, "3>5 5>1 ");
}

TEST(Callbacks, failing_to_add_is_reported) {
  test::sweep([] {
    Buffer buffer;
    Hook hook;
    const bool added = hook.add_to(buffer) != nullptr;
    const bool replaced =
        buffer.replace_callbacks([](evbuffer *, std::size_t, std::size_t, void *) {}, nullptr);
    return added && replaced;
  });
}

// --- deferred ---

class Deferred : public testing::Test {
 protected:
  void run_loop() { EXPECT_GE(base_->loop(EVLOOP_NONBLOCK), 0); }

  test::Base base_ = test::make_base();
};

TEST_F(Deferred, run_from_the_loop_with_the_sum_of_changes) {
  Buffer buffer("abc");
  ChangeLog log;
  log.watch(buffer);
  ASSERT_TRUE(buffer.defer_callbacks(*base_));
  ASSERT_TRUE(test::add(buffer, "defg"));
  ASSERT_TRUE(buffer.drain(2));
  ASSERT_TRUE(test::add(buffer, "h"));
  EXPECT_EQ(log.text, "");
  run_loop();
  EXPECT_EQ(log.take(), "3+5-2 ");
  run_loop();
  EXPECT_EQ(log.take(), "");
  ASSERT_TRUE(buffer.drain(1));
  run_loop();
  EXPECT_EQ(log.take(), "6+0-1 ");
}

// Changes are counted only while there are callbacks: counts that no longer lead to the present length would
// give a length before the change that the buffer never had. As in libevent, they are dropped.
TEST_F(Deferred, changes_counted_for_removed_callbacks_are_dropped_when_others_followed_uncounted) {
  const struct {
    const char *name;
    std::size_t uncounted_add, uncounted_drain, counted_add;
    const char *reported;
  } cases[] = {
      {"no change", 0, 0, 0, "0+100-0 "},
      {"counted", 0, 0, 7, "0+107-0 "},
      {"uncounted drain", 0, 100, 0, ""},
      {"uncounted drain, then counted", 0, 100, 7, "0+7-0 "},
      {"uncounted add", 50, 0, 0, ""},
      {"uncounted add, then counted", 50, 0, 7, "150+7-0 "},
      {"uncounted changes that cancel out", 50, 50, 0, "0+100-0 "},
  };
  for (const auto &c : cases) {
    SCOPED_TRACE(c.name);
    Buffer buffer;
    ChangeLog log;
    log.watch(buffer);
    ASSERT_TRUE(buffer.defer_callbacks(*base_));
    ASSERT_TRUE(test::add(buffer, test::pattern(100)));
    buffer.remove_all_callbacks();
    ASSERT_TRUE(test::add(buffer, test::pattern(c.uncounted_add)));
    ASSERT_TRUE(buffer.drain(c.uncounted_drain));
    log.watch(buffer);
    ASSERT_TRUE(test::add(buffer, test::pattern(c.counted_add)));
    run_loop();
    run_loop();
    EXPECT_EQ(log.take(), c.reported);
  }
}

TEST_F(Deferred, bytes_added_by_a_cleanup_function_are_part_of_the_sum) {
  Buffer buffer;
  ChangeLog log;
  const auto refill = [](const void *, std::size_t, void *arg) {
    EXPECT_TRUE(test::add(*static_cast<evbuffer *>(arg), "again"));
  };
  ASSERT_TRUE(buffer.add_reference("0123456789", 0, 10, refill, &buffer));
  log.watch(buffer);
  ASSERT_TRUE(buffer.defer_callbacks(*base_));
  ASSERT_TRUE(buffer.drain(10));
  run_loop();
  EXPECT_EQ(log.take(), "10+5-10 ");
}

TEST_F(Deferred, keep_a_freed_buffer_allocated_until_they_ran) {
  test::FaultAlloc memory;
  evbuffer *buffer = evbuffer_new();
  Hook hook;
  ASSERT_NE(hook.add_to(*buffer), nullptr);
  ASSERT_EQ(evbuffer_defer_callbacks(buffer, base_.get()), 0);
  ASSERT_EQ(evbuffer_add(buffer, "x", 1), 0);
  evbuffer_free(buffer);
  EXPECT_EQ(hook.calls, 0);
  EXPECT_GT(memory.live(), 0u);
  run_loop();
  EXPECT_EQ(hook.calls, 1);
  EXPECT_EQ(memory.live(), 0u);
}

TEST_F(Deferred, the_base_may_be_freed_before_they_run) {
  test::FaultAlloc memory;
  evbuffer *buffer = evbuffer_new();
  Hook hook;
  ASSERT_NE(hook.add_to(*buffer), nullptr);
  ASSERT_EQ(evbuffer_defer_callbacks(buffer, base_.get()), 0);
  ASSERT_EQ(evbuffer_add(buffer, "x", 1), 0);
  base_.reset();
  EXPECT_EQ(hook.calls, 0);
  evbuffer_free(buffer);
  EXPECT_EQ(memory.live(), 0u);
}

TEST_F(Deferred, may_free_or_change_the_buffer) {
  test::FaultAlloc memory;
  evbuffer *buffer = evbuffer_new();
  Hook hook{[&](evbuffer &b, const evbuffer_cb_info &info) {
    if (hook.calls == 1) {
      EXPECT_EQ(info.n_added, 1u);
      evbuffer_add(&b, "yz", 2);
    } else {
      EXPECT_EQ(info.n_added, 2u);
      evbuffer_free(&b);
    }
  }};
  ASSERT_NE(hook.add_to(*buffer), nullptr);
  ASSERT_EQ(evbuffer_defer_callbacks(buffer, base_.get()), 0);
  ASSERT_EQ(evbuffer_add(buffer, "x", 1), 0);
  run_loop();
  run_loop();
  EXPECT_EQ(hook.calls, 2);
  EXPECT_EQ(memory.live(), 0u);
}

TEST_F(Deferred, a_disabled_callback_is_not_run) {
  Buffer buffer;
  Hook hook;
  evbuffer_cb_entry *entry = hook.add_to(buffer);
  ASSERT_TRUE(buffer.defer_callbacks(*base_));
  ASSERT_TRUE(test::add(buffer, "x"));
  entry->enabled = false;
  run_loop();
  EXPECT_EQ(hook.calls, 0);
}

TEST_F(Deferred, move_to_another_base_with_pending_changes) {
  test::Base other = test::make_base();
  Buffer buffer;
  ChangeLog log;
  log.watch(buffer);
  ASSERT_TRUE(buffer.defer_callbacks(*base_));
  ASSERT_TRUE(test::add(buffer, "x"));
  ASSERT_TRUE(buffer.defer_callbacks(*other));
  run_loop();
  EXPECT_EQ(log.take(), "");
  EXPECT_GE(other->loop(EVLOOP_NONBLOCK), 0);
  EXPECT_EQ(log.take(), "0+1-0 ");
}

TEST_F(Deferred, hold_the_owner_until_they_ran) {
  struct Owner {
    Buffer buffer;  // first, as ops says
    int held = 0, changes = 0;
  } owner;
  static constexpr evi::BufferOwner ops = {
      [](evbuffer &, std::size_t, std::size_t, void *o) noexcept { ++static_cast<Owner *>(o)->changes; },
      [](void *o) noexcept { ++static_cast<Owner *>(o)->held; },
      [](void *o) noexcept { --static_cast<Owner *>(o)->held; }};
  Buffer &buffer = owner.buffer;
  buffer.set_owner(ops);
  Hook hook{[&](evbuffer &, const evbuffer_cb_info &) { EXPECT_GE(owner.held, 1); }};
  hook.add_to(buffer);
  ASSERT_TRUE(buffer.defer_callbacks(*base_));
  ASSERT_TRUE(test::add(buffer, "x"));
  EXPECT_EQ(owner.changes, 1);
  EXPECT_EQ(owner.held, 1);
  run_loop();
  EXPECT_EQ(hook.calls, 1);
  EXPECT_EQ(owner.held, 0);
}

TEST_F(Deferred, failing_to_defer_is_reported) {
  EXPECT_EQ(evbuffer_defer_callbacks(std::make_unique<Buffer>().get(), nullptr), -1);
  test::sweep([this] {
    Buffer buffer;
    return buffer.defer_callbacks(*base_);
  });
}

}  // namespace
