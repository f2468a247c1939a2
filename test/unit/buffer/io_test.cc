#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "buffers.h"
#include "support/events.h"
#include "support/fault_alloc.h"

namespace {

using evi::ReadChunk;
using test::Buffer;
using test::extents;
using test::kFirstRoom;
using test::text;

constexpr std::size_t kChunk = 65536;

void send(int fd, const std::string &bytes) {
  ASSERT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
}

test::Pair big_socket_pair() {
  test::Pair pair = test::socket_pair();
  const int size = 1 << 20;
  EXPECT_EQ(setsockopt(pair.b, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
  return pair;
}

struct Owned : Buffer {
  Owned() {
    static constexpr evi::BufferOwner ops = {[](evbuffer &, std::size_t, std::size_t, void *) noexcept {},
                                             [](void *) noexcept {}, [](void *) noexcept {}};
    set_owner(ops);
  }
};

// --- reading as evbuffer_read does ---

TEST(ReadSome, reads_available_bytes_up_to_its_limits) {
  constexpr struct {
    std::size_t there, limit, max_read, want;
  } cases[] = {
      {10, 3, 4096, 3},           {10, 4096, 4096, 10},       {10, SIZE_MAX / 2, 4096, 10},
      {10000, 10000, 4096, 4096}, {10000, 10000, 6000, 6000}, {10000, 10000, 1, 1},
      {5000, 0, 4096, 0},         {10, 1, 4096, 1},           {60000, 1 << 30, 1 << 30, 60000},
  };
  for (const auto &c : cases) {
    for (const std::size_t before : {0u, 10u, 970u, 976u}) {
      SCOPED_TRACE(testing::Message()
                   << c.there << " " << c.limit << " " << c.max_read << " after " << before);
      test::Pair pair = big_socket_pair();
      const std::string bytes = test::pattern(c.there);
      send(pair.b, bytes);
      Buffer buffer(test::pattern(before, 5));
      ASSERT_TRUE(buffer.set_max_read(c.max_read));
      test::ChangeLog log;
      log.watch(buffer);
      EXPECT_EQ(buffer.read_some(pair.a, c.limit), static_cast<ev_ssize_t>(c.want));
      EXPECT_EQ(text(buffer), test::pattern(before, 5) + bytes.substr(0, c.want));
      EXPECT_EQ(log.text.empty(), c.want == 0);
    }
  }
}

TEST(ReadSome, distinguishes_eof_errors_and_would_block) {
  test::Pair pair = test::make_pipe();
  Buffer buffer;
  evi::set_socket_error(0);
  EXPECT_EQ(buffer.read_some(pair.a, 100), -1);
  EXPECT_EQ(evi::last_socket_error(), evi::kWouldBlock);
  pair.close_b();
  EXPECT_EQ(buffer.read_some(pair.a, 100), 0);
  EXPECT_EQ(buffer.read_some(-1, 100), -1);
  EXPECT_EQ(evi::last_socket_error(), test::kNoSocketThere);
  EXPECT_TRUE(buffer.empty());
}

// Must-not 23: a message of a few bytes does not keep the 4 KiB that were ready for it.
TEST(ReadSome, a_small_message_occupies_a_small_chain) {
  test::Pair pair = test::make_pipe();
  Buffer buffer, kept;
  for (int i = 0; i < 10; ++i) {
    send(pair.b, "small");
    ASSERT_EQ(buffer.read_some(pair.a, 4096), 5);
    EXPECT_LE(buffer.first_chain()->capacity(), kFirstRoom);
    ASSERT_TRUE(kept.append_all(buffer));
  }
}

TEST(ReadSome, reads_nothing_when_out_of_memory_and_loses_no_data) {
  test::Pair pair = test::make_pipe();
  const std::string bytes = test::pattern(3000);
  send(pair.b, bytes);
  Buffer buffer;
  {
    test::FaultAlloc memory{1};
    EXPECT_EQ(buffer.read_some(pair.a, 4096), -1);
    EXPECT_EQ(evi::last_socket_error(), evi::kNoMemory);
  }
  EXPECT_EQ(buffer.read_some(pair.a, 4096), 3000);
  EXPECT_EQ(text(buffer), bytes);
}

// --- reading into a loop's chunk ---

TEST(ReadInto, a_small_message_is_copied_and_the_chunk_is_kept) {
  test::Pair pair = big_socket_pair();
  ReadChunk spare;
  Buffer buffer;
  for (const std::size_t size : {1u, 100u, 976u, 977u, 5000u, 16384u}) {
    SCOPED_TRACE(size);
    Buffer fresh;
    send(pair.b, test::pattern(size));
    ASSERT_EQ(fresh.read_into(pair.a, SIZE_MAX, spare, kChunk), static_cast<ev_ssize_t>(size));
    EXPECT_EQ(text(fresh), test::pattern(size));
    ASSERT_NE(spare.chain, nullptr);
    EXPECT_EQ(spare.chain->length(), 0u);
    EXPECT_LE(fresh.first_chain()->capacity(),
              std::max<std::size_t>(kFirstRoom, 2 * size + sizeof(evi::Chain)));
  }
}

TEST(ReadInto, a_full_chunk_is_linked_without_a_copy) {
  test::Pair pair = big_socket_pair();
  ReadChunk spare;
  Owned buffer;
  send(pair.b, test::pattern(40000));
  ASSERT_EQ(buffer.read_into(pair.a, SIZE_MAX, spare, kChunk), 40000);
  EXPECT_EQ(spare.chain, nullptr);
  EXPECT_EQ(text(buffer), test::pattern(40000));
  EXPECT_EQ(buffer.first_chain()->capacity(), kChunk);
  // The next one goes behind it; what remains of it there is room for.
  send(pair.b, test::pattern(30000, 1));
  ASSERT_EQ(buffer.read_into(pair.a, SIZE_MAX, spare, kChunk), 30000);
  EXPECT_EQ(text(buffer), test::pattern(40000) + test::pattern(30000, 1));
  EXPECT_EQ(extents(buffer)[0].size(), kChunk);
  EXPECT_NE(spare.chain, nullptr);
  // Drained, it is the owner's to take back.
  EXPECT_EQ(buffer.take_idle_chunk(), nullptr);
  ASSERT_TRUE(buffer.drain(kChunk));
  evi::Chain *back = buffer.take_idle_chunk();
  ASSERT_NE(back, nullptr);
  EXPECT_EQ(back->capacity(), kChunk);
  EXPECT_EQ(back->length(), 0u);
  evi::chain_release(back);
  EXPECT_EQ(buffer.take_idle_chunk(), nullptr);
}

TEST(ReadInto, a_medium_read_shrinks_the_chunk_to_its_bytes) {
  test::Pair pair = big_socket_pair();
  ReadChunk spare;
  Owned buffer;
  send(pair.b, test::pattern(80000));
  ASSERT_EQ(buffer.read_into(pair.a, SIZE_MAX, spare, 4 * kChunk), 80000);
  EXPECT_EQ(spare.chain, nullptr);
  EXPECT_EQ(text(buffer), test::pattern(80000));
  EXPECT_EQ(buffer.first_chain()->capacity(), 80000u);
  ASSERT_TRUE(buffer.drain(80000));
  EXPECT_EQ(buffer.take_idle_chunk(), nullptr);
}

TEST(ReadInto, a_drained_chunk_is_kept_only_for_an_owner_and_until_it_is_released) {
  test::FaultAlloc memory;
  test::Pair pair = big_socket_pair();
  for (const bool owned : {false, true}) {
    ReadChunk spare;
    Buffer plain;
    Owned owner;
    Buffer &buffer = owned ? owner : plain;
    send(pair.b, test::pattern(50000));
    ASSERT_EQ(buffer.read_into(pair.a, SIZE_MAX, spare, kChunk), 50000);
    ASSERT_TRUE(buffer.drain(50000));
    EXPECT_EQ(memory.live(), owned ? 1u : 0u);
    buffer.release_spare();
    EXPECT_EQ(memory.live(), 0u);
  }
}

TEST(ReadInto, uses_the_small_spare_chain_first) {
  test::Pair pair = big_socket_pair();
  test::FaultAlloc memory;
  ReadChunk spare;
  Buffer buffer;
  for (int i = 0; i < 50; ++i) {
    send(pair.b, "message");
    ASSERT_EQ(buffer.read_into(pair.a, SIZE_MAX, spare, kChunk), 7);
    ASSERT_TRUE(buffer.drain(7));
  }
  EXPECT_LE(memory.requests(), 2);
  // More than it holds goes on in the chunk.
  send(pair.b, test::pattern(60000));
  ASSERT_EQ(buffer.read_into(pair.a, SIZE_MAX, spare, kChunk), 60000);
  EXPECT_EQ(text(buffer), test::pattern(60000));
}

TEST(ReadInto, does_not_use_reserved_space) {
  test::Pair pair = big_socket_pair();
  ReadChunk spare;
  Buffer buffer;
  evbuffer_iovec vec;
  ASSERT_EQ(buffer.reserve(10, &vec, 1), 1);
  std::memset(vec.iov_base, 'r', 10);
  send(pair.b, "message");
  ASSERT_EQ(buffer.read_into(pair.a, SIZE_MAX, spare, kChunk), 7);
  EXPECT_EQ(std::string(static_cast<char *>(vec.iov_base), 10), std::string(10, 'r'));
}

TEST(ReadInto, obeys_its_limit_including_zero) {
  test::Pair pair = big_socket_pair();
  ReadChunk spare;
  Buffer buffer("0123456789");
  send(pair.b, test::pattern(30000));
  EXPECT_EQ(buffer.read_into(pair.a, 0, spare, kChunk), -1);
  EXPECT_EQ(evi::last_socket_error(), evi::kWouldBlock);
  EXPECT_EQ(spare.chain, nullptr);
  EXPECT_EQ(buffer.read_into(pair.a, 5, spare, kChunk), 5);
  EXPECT_EQ(spare.chain, nullptr) << "there was room";
  EXPECT_EQ(buffer.read_into(pair.a, 20000, spare, kChunk), 20000);
  EXPECT_EQ(text(buffer), "0123456789" + test::pattern(30000).substr(0, 20005));
}

TEST(ReadInto, reports_eof_errors_and_frozen_ends) {
  test::Pair pair = big_socket_pair();
  ReadChunk spare;
  Buffer buffer;
  EXPECT_EQ(buffer.read_into(pair.a, 100, spare, kChunk), -1);
  EXPECT_EQ(evi::last_socket_error(), evi::kWouldBlock);
  pair.close_b();
  EXPECT_EQ(buffer.read_into(pair.a, 100, spare, kChunk), 0);
  buffer.freeze(evi::BufferEnd::back);
  EXPECT_EQ(buffer.read_into(pair.a, 100, spare, kChunk), -1);
  EXPECT_EQ(evi::last_socket_error(), evi::kNotPermitted);
}

TEST(ReadInto, loses_no_data_whichever_allocation_fails) {
  for (const std::size_t size : {100u, 20000u, 50000u}) {
    SCOPED_TRACE(size);
    test::sweep([size] {
      test::Pair pair = big_socket_pair();
      send(pair.b, test::pattern(size));
      ReadChunk spare;
      Buffer buffer;
      bool good = true;
      evi::set_socket_error(0);
      ev_ssize_t got = buffer.read_into(pair.a, SIZE_MAX, spare, kChunk);
      if (got < 0) {
        EXPECT_EQ(evi::last_socket_error(), evi::kNoMemory);
        good = false;
        got = buffer.read_into(pair.a, SIZE_MAX, spare, kChunk);
      }
      EXPECT_EQ(got, static_cast<ev_ssize_t>(size));
      EXPECT_EQ(text(buffer), test::pattern(size));
      return good;
    });
  }
}

// --- writing ---

TEST(WriteSome, sends_many_extents_and_drains_the_bytes_written) {
  test::Pair pair = big_socket_pair();
  Buffer buffer;
  std::string want;
  for (int i = 0; i < 300; ++i) {
    const std::string piece = test::pattern(10, static_cast<unsigned>(i));
    test::add_extents(buffer, {piece});
    want += piece;
  }
  test::ChangeLog log;
  log.watch(buffer);
  EXPECT_EQ(buffer.write_some(pair.b, 5), 5);
  EXPECT_EQ(log.take(), "3000+0-5 ");
  EXPECT_EQ(buffer.write_some(pair.b, SIZE_MAX), 1275);
  EXPECT_EQ(log.take(), "2995+0-1275 ");
  while (!buffer.empty()) ASSERT_GT(buffer.write_some(pair.b, 1000), 0);
  Buffer received;
  while (received.length() < want.size()) ASSERT_GT(received.read_some(pair.a, 4096), 0);
  EXPECT_EQ(text(received), want);
}

TEST(WriteSome, stops_when_the_socket_is_full) {
  test::Pair pair = test::socket_pair();
  const std::string bytes = test::pattern(8 << 20);
  Buffer buffer(bytes);
  std::size_t sent = 0;
  ev_ssize_t put = 0;
  while ((put = buffer.write_some(pair.b, SIZE_MAX)) > 0) sent += static_cast<std::size_t>(put);
  EXPECT_EQ(put, -1);
  EXPECT_EQ(evi::last_socket_error(), evi::kWouldBlock);
  EXPECT_GT(sent, 0u);
  EXPECT_EQ(text(buffer), bytes.substr(sent));
}

TEST(WriteSome, keeps_all_data_on_an_error) {
  Buffer buffer("abc"), empty;
  EXPECT_EQ(buffer.write_some(-1, SIZE_MAX), -1);
  EXPECT_EQ(evi::last_socket_error(), test::kNoSocketThere);
  EXPECT_EQ(text(buffer), "abc");
  EXPECT_EQ(buffer.write_some(-1, 0), 0);
  EXPECT_EQ(empty.write_some(-1, 10), 0);
  buffer.freeze(evi::BufferEnd::front);
  EXPECT_EQ(buffer.write_some(-1, 10), -1);
  EXPECT_EQ(evi::last_socket_error(), evi::kNotPermitted);
}

TEST(WriteSome, runs_the_cleanup_of_references_it_sent) {
  test::Pair pair = test::make_pipe();
  test::Cleanup cleanup;
  Buffer buffer("<");
  ASSERT_TRUE(buffer.add_reference("0123456789", 0, 10, test::Cleanup::run, &cleanup));
  EXPECT_EQ(buffer.write_some(pair.b, 10), 10);
  EXPECT_EQ(cleanup.calls, 0);
  EXPECT_EQ(buffer.write_some(pair.b, 10), 1);
  EXPECT_EQ(cleanup.calls, 1);
}

// --- HoldFront ---

std::string held_text(const evbuffer_iovec *vec, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all.append(static_cast<const char *>(vec[i].iov_base), vec[i].iov_len);
  return all;
}

void release_all(evi::Chain **held, int count) {
  for (int i = 0; i < count; ++i) evi::chain_release(held[i]);
}

TEST(HoldFront, returns_at_most_the_requested_bytes) {
  Buffer buffer;
  test::add_extents(buffer, {"abc", "defg", "hi"});
  evbuffer_iovec vec[3];
  evi::Chain *held[3];
  ASSERT_EQ(buffer.hold_front(5, vec, held, 3), 2);
  EXPECT_EQ(held_text(vec, 2), "abcde");
  release_all(held, 2);
  ASSERT_EQ(buffer.hold_front(SIZE_MAX, vec, held, 1), 1);
  EXPECT_EQ(held_text(vec, 1), "abc");
  release_all(held, 1);
  EXPECT_EQ(buffer.hold_front(0, vec, held, 3), 0);
  Buffer empty;
  EXPECT_EQ(empty.hold_front(10, vec, held, 3), 0);
}

TEST(HoldFront, held_bytes_survive_changes_of_the_buffer) {
  evbuffer_iovec vec[2];
  evi::Chain *held[2];
  {
    Buffer buffer;
    test::add_extents(buffer, {"abc", "defg"});
    ASSERT_EQ(buffer.hold_front(SIZE_MAX, vec, held, 2), 2);
    ASSERT_TRUE(test::add(buffer, "behind"));
    ASSERT_TRUE(buffer.prepend("in front", 8));
    ASSERT_NE(buffer.pullup(-1), nullptr);
    EXPECT_EQ(held_text(vec, 2), "abcdefg");
    ASSERT_TRUE(buffer.drain(10));
    ASSERT_TRUE(test::add(buffer, test::pattern(5000)));
    EXPECT_EQ(held_text(vec, 2), "abcdefg");
  }
  EXPECT_EQ(held_text(vec, 2), "abcdefg");
  release_all(held, 2);
}

TEST(HoldFront, reference_cleanup_runs_on_release) {
  test::Cleanup cleanup;
  evbuffer_iovec vec[1];
  evi::Chain *held[1];
  {
    Buffer buffer;
    ASSERT_TRUE(buffer.add_reference("0123456789", 0, 10, test::Cleanup::run, &cleanup));
    ASSERT_EQ(buffer.hold_front(SIZE_MAX, vec, held, 1), 1);
    ASSERT_TRUE(buffer.drain(10));
  }
  EXPECT_EQ(cleanup.calls, 0);
  release_all(held, 1);
  EXPECT_EQ(cleanup.calls, 1);
}

}  // namespace
