#include "buffer/evbuffer.h"

#include <gtest/gtest.h>

#include <climits>
#include <optional>
#include <thread>

#include "buffers.h"
#include "support/events.h"
#include "support/fault_alloc.h"

namespace {

using test::Buffer;
using test::text;

TEST(Evbuffer, is_small_and_allocates_nothing_when_created) {
  static_assert(sizeof(evbuffer) <= 104);
  test::FaultAlloc memory;
  Buffer buffer;
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.first_length(), 0u);
  EXPECT_TRUE(buffer.drain(10));
  EXPECT_EQ(memory.requests(), 0);
}

TEST(Evbuffer, create_and_free_leak_nothing) {
  test::sweep([] {
    evbuffer *buffer = evbuffer::create();
    if (!buffer) return false;
    const bool added = test::add(*buffer, test::pattern(10000));
    {
      const evi::BufferUse use(*buffer);
      buffer->free_claim();
    }
    return added;
  });
}

// --- the spare ---

TEST(Spare, filling_and_draining_repeatedly_allocates_once) {
  test::FaultAlloc memory;
  Buffer buffer;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(test::add(buffer, "0123456789"));
    ASSERT_TRUE(buffer.drain(10));
  }
  EXPECT_EQ(memory.requests(), 1);
}

TEST(Spare, grows_to_at_most_4096_bytes_of_data) {
  test::FaultAlloc memory;
  Buffer buffer;
  for (const std::size_t size : {1u, 976u, 977u, 2001u, 4096u}) {
    ASSERT_TRUE(test::add(buffer, test::pattern(size)));
    ASSERT_TRUE(buffer.drain(size));
    EXPECT_EQ(memory.live(), 1u) << size;
  }
  const long before = memory.requests();
  ASSERT_TRUE(test::add(buffer, test::pattern(4096)));
  ASSERT_TRUE(buffer.drain(4096));
  EXPECT_EQ(memory.requests(), before);
  Buffer other(test::pattern(4097));
  ASSERT_TRUE(other.drain(4097));
  EXPECT_EQ(memory.live(), 1u) << "the larger one was kept";
}

TEST(Spare, can_be_released) {
  test::FaultAlloc memory;
  Buffer buffer("abc");
  ASSERT_TRUE(buffer.drain(3));
  EXPECT_EQ(memory.live(), 1u);
  buffer.release_spare();
  EXPECT_EQ(memory.live(), 0u);
  buffer.release_spare();
}

TEST(Spare, is_kept_while_reserved_space_refers_to_it) {
  test::FaultAlloc memory;
  Buffer buffer;
  evbuffer_iovec vec[2];
  ASSERT_EQ(buffer.reserve(10, vec, 2), 1);
  buffer.release_spare();
  ASSERT_EQ(memory.live(), 1u);
  std::memcpy(vec[0].iov_base, "0123456789", 10);
  // Neither is it replaced by a larger one that is drained, nor given to another buffer.
  Buffer source(test::pattern(4000));
  ASSERT_TRUE(buffer.append_all(source));
  ASSERT_TRUE(buffer.drain(4000));
  Buffer third("x");
  ASSERT_TRUE(buffer.append_all(third));
  vec[0].iov_len = 10;
  ASSERT_TRUE(buffer.commit(vec, 1));
  EXPECT_EQ(text(buffer), "x0123456789");
  ASSERT_TRUE(buffer.drain(100));
  buffer.release_spare();
}

TEST(Spare, of_the_destination_moves_to_the_source) {
  test::FaultAlloc memory;
  Buffer source, destination;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(test::add(source, "message"));
    ASSERT_TRUE(destination.append_all(source));
    ASSERT_TRUE(destination.drain(7));
  }
  EXPECT_LE(memory.requests(), 2);
}

// --- owners ---

struct Owner {
  static void changed(evbuffer &buffer, std::size_t added, std::size_t deleted, void *self) noexcept {
    Owner &owner = *static_cast<Owner *>(self);
    owner.log +=
        std::to_string(added) + "-" + std::to_string(deleted) + "=" + std::to_string(buffer.length()) + " ";
    owner.held_at_change = owner.held;
  }
  static void hold(void *self) noexcept { ++static_cast<Owner *>(self)->held; }
  static void release(void *self) noexcept { --static_cast<Owner *>(self)->held; }
  static constexpr evi::BufferOwner kOps = {changed, hold, release};

  Owner() { buffer.set_owner(kOps); }

  Buffer buffer;  // first, as kOps says
  std::string log;
  int held = 0;
  int held_at_change = 0;
};

TEST(Owner, is_notified_of_each_change_immediately) {
  Owner owner;
  ASSERT_TRUE(test::add(owner.buffer, "hello"));
  ASSERT_TRUE(owner.buffer.drain(2));
  Buffer other("xyz");
  ASSERT_TRUE(owner.buffer.append_all(other));
  ASSERT_TRUE(owner.buffer.drain(0));
  EXPECT_EQ(owner.log, "5-0=5 0-2=3 3-0=6 ");
}

TEST(Owner, keeps_its_buffer_when_the_caller_frees_it) {
  test::FaultAlloc memory;
  Owner owner;
  ASSERT_TRUE(test::add(owner.buffer, "hello"));
  {
    const evi::BufferUse use(owner.buffer);
    owner.buffer.free_claim();
  }
  EXPECT_EQ(text(owner.buffer), "hello");
}

TEST(Owner, is_held_while_user_callbacks_run) {
  Owner owner;
  test::ChangeLog log;
  log.watch(owner.buffer);
  {
    const evi::BufferUse use(owner.buffer);
    ASSERT_TRUE(test::add(owner.buffer, "x"));
    EXPECT_EQ(owner.held, 1);
  }
  EXPECT_EQ(owner.held_at_change, 1);
  EXPECT_EQ(owner.held, 0);
  EXPECT_EQ(log.text, "0+1-0 ");
}

// --- freezing, flags, limits ---

TEST(Evbuffer, frozen_ends_reject_changes) {
  Buffer buffer("0123456789"), other("abc");
  char out[4];
  evbuffer_iovec vec = {const_cast<char *>("x"), 1};
  buffer.freeze(evi::BufferEnd::back);
  EXPECT_TRUE(buffer.frozen(evi::BufferEnd::back));
  EXPECT_FALSE(test::add(buffer, "x"));
  EXPECT_FALSE(test::add(buffer, ""));
  EXPECT_EQ(buffer.add_iovec(&vec, 1), 0u);
  EXPECT_EQ(buffer.add_printf("%d", 1), -1);
  EXPECT_EQ(buffer.reserve(1, &vec, 1), -1);
  EXPECT_FALSE(buffer.commit(&vec, 0));
  EXPECT_FALSE(buffer.append_all(other));
  EXPECT_EQ(buffer.append_some(other, 1), -1);
  EXPECT_FALSE(buffer.append_shared(other));
  EXPECT_FALSE(buffer.add_reference("x", 0, 1, nullptr, nullptr));
  EXPECT_EQ(buffer.read_some(-1, 1), -1);
  EXPECT_TRUE(buffer.prepend("<", 1));
  EXPECT_TRUE(buffer.drain(1));
  EXPECT_TRUE(buffer.expand(100));
  buffer.unfreeze(evi::BufferEnd::back);

  buffer.freeze(evi::BufferEnd::front);
  EXPECT_FALSE(buffer.drain(1));
  EXPECT_FALSE(buffer.drain(0));
  EXPECT_EQ(buffer.remove(out, 1), -1);
  EXPECT_EQ(buffer.copyout(nullptr, out, 1), -1);
  EXPECT_EQ(buffer.copyout(nullptr, out, 0), 0);
  EXPECT_FALSE(buffer.prepend("x", 1));
  EXPECT_TRUE(buffer.prepend("x", 0));
  EXPECT_FALSE(buffer.prepend_all(other));
  EXPECT_FALSE(other.append_all(buffer));
  EXPECT_EQ(other.append_some(buffer, 1), -1);
  EXPECT_EQ(buffer.write_some(-1, 1), -1);
  EXPECT_TRUE(test::add(buffer, "\n"));
  EXPECT_EQ(buffer.read_line(nullptr, EVBUFFER_EOL_LF), nullptr);
  EXPECT_NE(buffer.pullup(-1), nullptr);
  buffer.unfreeze(evi::BufferEnd::front);
  EXPECT_EQ(text(buffer), "0123456789\n");
  EXPECT_EQ(text(other), "abc");
}

TEST(Evbuffer, max_read_takes_1_to_INT_MAX) {
  Buffer buffer;
  EXPECT_EQ(buffer.max_read(), 4096u);
  EXPECT_FALSE(buffer.set_max_read(0));
  EXPECT_FALSE(buffer.set_max_read(static_cast<std::size_t>(INT_MAX) + 1));
  EXPECT_EQ(buffer.max_read(), 4096u);
  EXPECT_TRUE(buffer.set_max_read(1));
  EXPECT_TRUE(buffer.set_max_read(INT_MAX));
  EXPECT_EQ(buffer.max_read(), static_cast<std::size_t>(INT_MAX));
}

TEST(Evbuffer, lengths_never_exceed_the_limit) {
  const char data[] = "x";
  Buffer huge;
  ASSERT_TRUE(huge.add_reference(data, 0, evi::kMaxBufferLength, nullptr, nullptr));
  EXPECT_EQ(huge.length(), evi::kMaxBufferLength);
  Buffer small("ab");
  EXPECT_FALSE(test::add(huge, "a"));
  EXPECT_FALSE(huge.prepend("a", 1));
  EXPECT_FALSE(huge.expand(1));
  EXPECT_EQ(huge.add_printf("a"), -1);
  EXPECT_FALSE(huge.append_all(small));
  EXPECT_FALSE(huge.prepend_all(small));
  EXPECT_FALSE(small.append_all(huge));
  EXPECT_EQ(huge.append_some(small, 1), -1);
  EXPECT_FALSE(huge.append_shared(small));
  EXPECT_FALSE(small.append_shared(huge));
  EXPECT_FALSE(huge.add_reference(data, 0, 1, nullptr, nullptr));
  evbuffer_iovec vec;
  EXPECT_EQ(huge.reserve(1, &vec, 1), -1);
  EXPECT_EQ(huge.length(), evi::kMaxBufferLength);
  EXPECT_EQ(text(small), "ab");
  ASSERT_TRUE(huge.drain(SIZE_MAX));
  EXPECT_TRUE(test::add(huge, "a"));
}

// CVE-2014-6272: sizes near the end of size_t wrapped into small allocations.
TEST(Evbuffer, oversized_lengths_fail_and_lose_no_data) {
  for (const std::size_t size :
       {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 4096, SIZE_MAX / 2 + 1, SIZE_MAX / 2, SIZE_MAX / 2 - 3}) {
    SCOPED_TRACE(size);
    Buffer buffer("kept");
    evbuffer_iovec vec[2];
    EXPECT_FALSE(buffer.add("x", size));
    EXPECT_FALSE(buffer.prepend("x", size));
    EXPECT_FALSE(buffer.expand(size));
    EXPECT_EQ(buffer.reserve(size, vec, 2), -1);
    EXPECT_EQ(buffer.reserve(size, vec, 1), -1);
    EXPECT_FALSE(buffer.add_reference("x", 5, size, nullptr, nullptr));
    EXPECT_FALSE(buffer.add_reference("x", size, SIZE_MAX / 2 + 1, nullptr, nullptr));
    vec[0] = vec[1] = {const_cast<char *>("x"), size};
    EXPECT_EQ(buffer.add_iovec(vec, 2), 0u);
    EXPECT_EQ(text(buffer), "kept");
  }
}

// --- locks ---

class Locked : public testing::Test {
 protected:
  void SetUp() override {
    if (!evi::kThreadSupport) GTEST_SKIP() << "built without threads";
    threads_.emplace();
  }

 private:
  std::optional<test::Threads> threads_;
};

TEST_F(Locked, a_buffer_gets_one_lock) {
  Buffer buffer;
  EXPECT_TRUE(buffer.enable_locking(nullptr));
  EXPECT_NE(buffer.lock(), nullptr);
  EXPECT_FALSE(buffer.enable_locking(nullptr));
}

TEST_F(Locked, a_borrowed_lock_is_not_freed) {
  evi::Lock lock;
  ASSERT_TRUE(lock.init());
  {
    Buffer buffer;
    EXPECT_TRUE(buffer.enable_locking(lock.raw()));
    EXPECT_EQ(buffer.lock(), lock.raw());
  }
  const evi::LockGuard held(lock);
}

TEST_F(Locked, failing_to_make_a_lock_is_reported) {
  test::sweep([] {
    Buffer buffer;
    return buffer.enable_locking(nullptr);
  });
}

// Two threads move bytes to and fro in opposite directions: no byte is lost, and neither waits for ever.
TEST_F(Locked, two_buffers_are_locked_in_one_order) {
  evbuffer *a = evbuffer_new();
  evbuffer *b = evbuffer_new();
  ASSERT_EQ(evbuffer_enable_locking(a, nullptr), 0);
  ASSERT_EQ(evbuffer_enable_locking(b, nullptr), 0);
  const auto move = [](evbuffer *from, evbuffer *to) {
    for (int i = 0; i < 2000; ++i) {
      evbuffer_add(from, "0123456789", 10);
      evbuffer_add_buffer(to, from);
      evbuffer_remove_buffer(from, to, 7);
    }
  };
  std::thread other([&] { move(b, a); });
  move(a, b);
  other.join();
  EXPECT_EQ(evbuffer_get_length(a) + evbuffer_get_length(b), 2u * 2000u * 10u);
  evbuffer_free(a);
  evbuffer_free(b);
}

// Must-not 5: bytes shared between buffers with locks of their own, which go in any order and on any thread.
TEST_F(Locked, shared_bytes_outlive_the_buffer_and_the_lock_they_came_from) {
  test::Cleanup cleanup;
  evbuffer *source = evbuffer_new();
  evbuffer *copy = evbuffer_new();
  ASSERT_EQ(evbuffer_enable_locking(source, nullptr), 0);
  ASSERT_EQ(evbuffer_enable_locking(copy, nullptr), 0);
  ASSERT_EQ(evbuffer_add_reference(source, "shared", 6, test::Cleanup::run, &cleanup), 0);
  ASSERT_EQ(evbuffer_add_buffer_reference(copy, source), 0);
  std::thread freeing([&] { evbuffer_free(source); });
  EXPECT_EQ(memcmp(evbuffer_pullup(copy, -1), "shared", 6), 0);
  freeing.join();
  EXPECT_EQ(cleanup.calls, 0);
  evbuffer_free(copy);
  EXPECT_EQ(cleanup.calls, 1);
}

// --- invariants ---

// The list seen as one that can be changed.
evi::Chain &first_of(evbuffer &buffer) { return const_cast<evi::Chain &>(*buffer.first_chain()); }

TEST(EvbufferInvariants, length_that_differs_from_the_chains_is_found) {
  Buffer buffer{"one", "two"};
  --first_of(buffer).tail;
  EXPECT_FALSE(buffer.check_invariants());
  ++first_of(buffer).tail;
}

TEST(EvbufferInvariants, short_check_of_a_long_list_sees_its_head_and_end) {
  Buffer buffer;
  for (std::size_t i = 0; i <= evi::kCheckedElements + 1; ++i) test::add_extents(buffer, {"ab"});
  evi::Chain *last = &first_of(buffer);
  evi::Chain *unseen = nullptr;
  for (std::size_t i = 0; last->next; ++i, last = last->next) {
    if (i == evi::kCheckedElements) unseen = last;
  }
  ASSERT_NE(unseen, nullptr);
  EXPECT_TRUE(buffer.check_invariants(evi::kCheckedElements));
  unseen->reserved = true;
  EXPECT_TRUE(buffer.check_invariants(evi::kCheckedElements));
  EXPECT_FALSE(buffer.check_invariants());
  unseen->reserved = false;
  for (evi::Chain *seen : {&first_of(buffer), last}) {
    seen->reserved = true;
    EXPECT_FALSE(buffer.check_invariants(evi::kCheckedElements));
    seen->reserved = false;
  }
}

#ifndef NDEBUG
TEST(EvbufferInvariants, are_checked_after_a_public_call_and_name_it) {
  evbuffer *buffer = evbuffer_new();
  ASSERT_EQ(evbuffer_add(buffer, "text", 4), 0);
  --first_of(*buffer).tail;
  EXPECT_DEATH(evbuffer_drain(buffer, 1), "buffer_api\\.cc:.*: assertion check_invariants");
  ++first_of(*buffer).tail;
  evbuffer_free(buffer);
}
#endif

}  // namespace
