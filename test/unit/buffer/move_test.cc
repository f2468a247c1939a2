#include <gtest/gtest.h>

#include "buffers.h"
#include "support/fault_alloc.h"

namespace {

using test::Buffer;
using test::ChangeLog;
using test::extents;
using test::text;
using Pieces = std::vector<std::string>;

TEST(AppendAll, moves_extents_as_they_are) {
  Buffer to{"ab", "c"}, from{"de", "f"};
  const unsigned char *bytes = from.first_chain()->head;
  ASSERT_TRUE(to.append_all(from));
  EXPECT_EQ(extents(to), Pieces({"ab", "c", "de", "f"}));
  EXPECT_EQ(to.first_chain()->next->next->head, bytes);
  EXPECT_TRUE(from.empty());
  ASSERT_TRUE(test::add(from, "new"));
  ASSERT_TRUE(test::add(to, "g"));
  EXPECT_EQ(text(to), "abcdefg");
  EXPECT_EQ(text(from), "new");
}

TEST(PrependAll, moves_extents_to_the_front) {
  Buffer to{"ab", "c"}, from{"de", "f"};
  ASSERT_TRUE(to.prepend_all(from));
  EXPECT_EQ(extents(to), Pieces({"de", "f", "ab", "c"}));
  EXPECT_TRUE(from.empty());
  Buffer empty, last("z");
  ASSERT_TRUE(empty.prepend_all(last));
  ASSERT_TRUE(test::add(empty, "!"));
  EXPECT_EQ(text(empty), "z!");
}

// #774, #778, #806, #358: nothing moved is nothing changed, frozen or not.
TEST(Move, an_empty_move_does_nothing) {
  Buffer to("abc"), empty;
  ChangeLog log;
  log.watch(to);
  for (const bool frozen : {false, true}) {
    if (frozen) to.freeze(evi::BufferEnd::back);
    if (frozen) to.freeze(evi::BufferEnd::front);
    EXPECT_TRUE(to.append_all(empty));
    EXPECT_TRUE(to.prepend_all(empty));
    EXPECT_TRUE(to.append_shared(empty));
    EXPECT_EQ(to.append_some(empty, 5), 0);
    EXPECT_EQ(empty.append_some(to, 0), 0);
    EXPECT_TRUE(to.append_all(to));
    EXPECT_TRUE(to.prepend_all(to));
    EXPECT_EQ(to.append_some(to, 2), 0);
  }
  EXPECT_EQ(text(to), "abc");
  EXPECT_EQ(log.text, "");
}

TEST(AppendSome, moves_exactly_the_requested_bytes) {
  const std::string all = "abcdefghij";
  for (std::size_t size = 0; size <= 12; ++size) {
    SCOPED_TRACE(size);
    Buffer to{"<", "-"}, from{"abc", "d", "efg", "hij"};
    const std::size_t want = std::min<std::size_t>(size, 10);
    EXPECT_EQ(to.append_some(from, size), static_cast<ev_ssize_t>(want));
    EXPECT_EQ(text(to), "<-" + all.substr(0, want));
    EXPECT_EQ(text(from), all.substr(want));
    ASSERT_TRUE(test::add(from, "+"));
    EXPECT_EQ(text(from), all.substr(want) + "+");
  }
}

TEST(AppendSome, copies_a_part_of_a_large_extent) {
  const std::string all = test::pattern(100000);
  Buffer to, from(all);
  std::string seen;
  while (!from.empty()) {
    ASSERT_GT(to.append_some(from, 6007), 0);
    seen = text(to);
    ASSERT_EQ(seen + text(from), all);
  }
  EXPECT_EQ(seen, all);
}

// Moved one by one, pieces of any size share chains; the last one has room for at most a page.
TEST(AppendSome, pieces_of_a_message_use_little_more_memory_than_their_bytes) {
  for (const std::size_t piece : {1, 10, 100, 976, 1460, 2048}) {
    evbuffer from, to;
    const std::string bytes(piece, 'x');
    std::size_t total = 0;
    while (total < 40000) {
      ASSERT_TRUE(test::add(from, bytes));
      ASSERT_EQ(to.append_some(from, piece), static_cast<ev_ssize_t>(piece));
      total += piece;
    }
    EXPECT_TRUE(from.empty());
    EXPECT_EQ(text(to), std::string(total, 'x'));
    std::size_t occupied = 0;
    for (const evi::Chain *c = to.first_chain(); c; c = c->next) occupied += sizeof(*c) + c->capacity();
    EXPECT_LE(occupied, total + total / 10 + 4096) << piece;
    EXPECT_TRUE(to.check_invariants());
    EXPECT_TRUE(from.check_invariants());
  }
}

TEST(AppendSome, moves_full_or_large_chains_without_copying) {
  for (const std::size_t size : {test::kFirstRoom, std::size_t{2049}, std::size_t{100000}}) {
    Buffer to("ab"), from(std::string(size, 'x'));
    const unsigned char *bytes = from.first_chain()->head;
    EXPECT_EQ(to.append_some(from, size), static_cast<ev_ssize_t>(size));
    EXPECT_EQ(to.first_chain()->next->head, bytes);
  }
  Buffer empty, from("c");
  const unsigned char *bytes = from.first_chain()->head;
  EXPECT_EQ(empty.append_some(from, 1), 1);
  EXPECT_EQ(empty.first_chain()->head, bytes);
}

TEST(AppendSome, does_not_copy_references) {
  static const char data[] = "reference";
  Buffer to("ab"), from;
  ASSERT_TRUE(from.add_reference(data, 0, 9, nullptr, nullptr));
  EXPECT_EQ(to.append_some(from, 9), 9);
  EXPECT_EQ(reinterpret_cast<const char *>(to.first_chain()->next->head), data);
}

// The chain is moved if there is no memory to copy to.
TEST(AppendSome, few_bytes_need_no_allocation) {
  test::FaultAlloc memory;
  Buffer to(std::string(test::kFirstRoom, 'a')), from("few");
  memory.fail_at(1, true);
  EXPECT_EQ(to.append_some(from, 3), 3);
  EXPECT_EQ(extents(to).back(), "few");
  memory.fail_at(0);
}

// A buffer that never holds much makes no large chains, however much passes through it.
TEST(Add, chain_sizes_grow_with_the_length_of_the_buffer) {
  evbuffer buffer;
  ASSERT_TRUE(test::add(buffer, "first"));
  for (int i = 0; i < 100000; ++i) {
    ASSERT_TRUE(test::add(buffer, "12345"));
    ASSERT_TRUE(buffer.drain(5));
    ASSERT_LE(buffer.first_chain()->capacity(), test::kFirstRoom);
  }
}

TEST(Move, invokes_callbacks_of_both_buffers) {
  Buffer to("abcd"), from("xyz");
  ChangeLog to_log, from_log;
  to_log.watch(to);
  from_log.watch(from);
  ASSERT_TRUE(to.append_all(from));
  EXPECT_EQ(to_log.take(), "4+3-0 ");
  EXPECT_EQ(from_log.take(), "3+0-3 ");
  ASSERT_EQ(from.append_some(to, 5), 5);
  EXPECT_EQ(to_log.take(), "7+0-5 ");
  EXPECT_EQ(from_log.take(), "0+5-0 ");
  ASSERT_TRUE(from.prepend_all(to));
  EXPECT_EQ(to_log.take(), "2+0-2 ");
  EXPECT_EQ(from_log.take(), "5+2-0 ");
  ASSERT_TRUE(to.append_shared(from));
  EXPECT_EQ(to_log.take(), "0+7-0 ");
  EXPECT_EQ(from_log.take(), "");
}

// --- sharing ---

TEST(Share, is_a_snapshot_of_the_source) {
  Buffer from{"abc", "def"}, to("<");
  ASSERT_TRUE(to.append_shared(from));
  ASSERT_TRUE(test::add(from, "ghi"));
  ASSERT_TRUE(from.drain(2));
  EXPECT_EQ(text(to), "<abcdef");
  EXPECT_EQ(text(from), "cdefghi");
  ASSERT_TRUE(from.drain(100));
  ASSERT_TRUE(test::add(from, "overwrite?"));
  EXPECT_EQ(text(to), "<abcdef");
  ASSERT_TRUE(test::add(to, ">"));
  EXPECT_EQ(text(to), "<abcdef>");
}

// CVE-2026-63381: an empty destination whose chains the failed or empty reference left dangling.
TEST(Share, works_with_a_destination_that_was_drained) {
  Buffer to("gone"), from("abc"), none;
  ASSERT_TRUE(to.drain(4));
  EXPECT_TRUE(to.append_shared(none));
  EXPECT_TRUE(to.check_invariants());
  EXPECT_TRUE(to.append_shared(from));
  EXPECT_EQ(text(to), "abc");
  ASSERT_TRUE(to.drain(3));
  EXPECT_TRUE(to.append_shared(from));
  ASSERT_TRUE(test::add(to, "d"));
  EXPECT_EQ(text(to), "abcd");
  evbuffer_iovec vec[2];
  ASSERT_GE(none.reserve(100, vec, 2), 1);
  EXPECT_TRUE(none.append_shared(from));
  EXPECT_EQ(text(none), "abc");
}

TEST(Share, fails_with_itself_and_with_shared_bytes) {
  Buffer from("abc"), middle, to("x");
  EXPECT_FALSE(from.append_shared(from));
  ASSERT_TRUE(middle.append_shared(from));
  EXPECT_FALSE(to.append_shared(middle));
  // One shared extent among others is enough, and nothing of them is kept.
  ASSERT_TRUE(middle.prepend("front", 5));
  EXPECT_FALSE(to.append_shared(middle));
  EXPECT_EQ(text(to), "x");
}

TEST(Share, runs_reference_cleanups_after_the_last_reader) {
  test::Cleanup cleanup;
  const char data[] = "abcdef";
  Buffer first, second;
  {
    Buffer from;
    ASSERT_TRUE(from.add_reference(data, 0, 6, test::Cleanup::run, &cleanup));
    ASSERT_TRUE(first.append_shared(from));
    ASSERT_TRUE(from.drain(1));
    ASSERT_TRUE(second.append_shared(from));
  }
  EXPECT_EQ(text(first), "abcdef");
  EXPECT_EQ(text(second), "bcdef");
  ASSERT_TRUE(first.drain(6));
  ASSERT_TRUE(second.drain(4));
  EXPECT_EQ(cleanup.calls, 0);
  ASSERT_TRUE(second.drain(1));
  EXPECT_EQ(cleanup.calls, 1);
  EXPECT_EQ(cleanup.data, data);
  EXPECT_EQ(cleanup.size, 6u);
}

// --- references ---

TEST(Reference, is_not_copied_and_is_cleaned_up_after_its_last_byte) {
  test::Cleanup cleanup;
  const char data[] = "0123456789";
  Buffer buffer("<");
  ASSERT_TRUE(buffer.add_reference(data, 0, 10, test::Cleanup::run, &cleanup));
  EXPECT_EQ(buffer.first_chain()->next->head, reinterpret_cast<const unsigned char *>(data));
  ASSERT_TRUE(test::add(buffer, ">"));
  ASSERT_TRUE(buffer.drain(10));
  EXPECT_EQ(cleanup.calls, 0);
  ASSERT_TRUE(buffer.drain(1));
  EXPECT_EQ(cleanup.calls, 1);
  EXPECT_EQ(cleanup.data, data);
  EXPECT_EQ(cleanup.size, 10u);
  EXPECT_EQ(text(buffer), ">");
}

TEST(Reference, with_an_offset_adds_the_rest_and_passes_the_whole_length_to_the_cleanup) {
  test::Cleanup cleanup;
  const char data[] = "0123456789";
  {
    Buffer buffer;
    ASSERT_TRUE(buffer.add_reference(data, 4, 3, test::Cleanup::run, &cleanup));
    EXPECT_EQ(text(buffer), "456");
  }
  EXPECT_EQ(cleanup.calls, 1);
  EXPECT_EQ(cleanup.data, data);
  EXPECT_EQ(cleanup.size, 7u);
}

TEST(Reference, an_empty_reference_is_cleaned_up_immediately) {
  test::Cleanup cleanup;
  Buffer buffer;
  EXPECT_TRUE(buffer.add_reference("abc", 0, 0, test::Cleanup::run, &cleanup));
  EXPECT_EQ(cleanup.calls, 1);
  EXPECT_TRUE(buffer.add_reference("abc", 0, 0, nullptr, nullptr));
  EXPECT_TRUE(buffer.empty());
}

TEST(Reference, the_cleanup_moves_with_the_bytes) {
  test::Cleanup cleanup;
  Buffer to;
  {
    Buffer from;
    ASSERT_TRUE(from.add_reference("abcdef", 0, 6, test::Cleanup::run, &cleanup));
    // A part is copied, the rest stays.
    ASSERT_EQ(to.append_some(from, 2), 2);
    ASSERT_TRUE(to.append_all(from));
  }
  EXPECT_EQ(cleanup.calls, 0);
  EXPECT_EQ(text(to), "abcdef");
  ASSERT_TRUE(to.drain(6));
  EXPECT_EQ(cleanup.calls, 1);
}

// --- lack of memory ---

TEST(Move, changes_nothing_when_out_of_memory) {
  const std::string big = test::pattern(5000);
  test::sweep([&] {
    test::Cleanup cleanup;
    bool good = true;
    {
      Buffer from, to;
      good = test::add(from, big) && good;
      Buffer more;
      good = test::add(more, big) && from.append_all(more) && good;
      const bool referenced = from.add_reference(big.data(), 0, 100, test::Cleanup::run, &cleanup);
      good = referenced && good;
      const std::string all = text(from);
      const ev_ssize_t moved = to.append_some(from, 3000);
      EXPECT_EQ(text(to) + text(from), all);
      EXPECT_EQ(text(to).size(), moved < 0 ? 0u : static_cast<std::size_t>(moved));
      good = moved == 3000 && good;
      const std::string before = text(to);
      const bool shared = to.append_shared(from);
      EXPECT_EQ(text(to), shared ? before + text(from) : before);
      good = shared && good;
      EXPECT_EQ(cleanup.calls, 0);
      cleanup.calls = referenced ? 0 : 1;
    }
    EXPECT_EQ(cleanup.calls, 1);
    return good;
  });
}

}  // namespace
