#include "buffer/search.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "buffers.h"
#include "support/fault_alloc.h"
#include "support/guard_page.h"

namespace {

using test::Buffer;
using test::text;

// The same bytes in one extent, in extents of one byte, and everything between that has equal extents.
void in_all_cuts(std::string_view bytes, void (*check)(evbuffer &, const void *), const void *arg) {
  for (std::size_t cut = 1; cut <= std::max<std::size_t>(bytes.size(), 1); ++cut) {
    SCOPED_TRACE(testing::Message() << "extents of " << cut);
    Buffer buffer;
    for (std::size_t at = 0; at < bytes.size(); at += cut) {
      ASSERT_TRUE(
          buffer.add_reference(bytes.data() + at, 0, std::min(cut, bytes.size() - at), nullptr, nullptr));
    }
    check(buffer, arg);
  }
}

// --- positions ---

TEST(Position, may_be_any_offset_up_to_the_end) {
  Buffer buffer{"abc", "d", "efg"};
  for (std::size_t at = 0; at <= 7; ++at) {
    evbuffer_ptr ptr{};
    ASSERT_TRUE(buffer.set_position(ptr, at, EVBUFFER_PTR_SET));
    EXPECT_EQ(ptr.pos, static_cast<ev_ssize_t>(at));
    for (std::size_t more = 0; at + more <= 7; ++more) {
      evbuffer_ptr moved = ptr;
      ASSERT_TRUE(buffer.set_position(moved, more, EVBUFFER_PTR_ADD));
      EXPECT_EQ(moved.pos, static_cast<ev_ssize_t>(at + more));
      char byte = '\0';
      EXPECT_EQ(buffer.copyout(&moved, &byte, 1), at + more < 7 ? 1 : 0);
      if (at + more < 7) {
        EXPECT_EQ(byte, "abcdefg"[at + more]);
      }
    }
  }
}

TEST(Position, beyond_the_end_is_invalid_and_stays_invalid) {
  Buffer buffer("abc");
  for (const std::size_t at : {std::size_t{4}, std::size_t{1000}, SIZE_MAX / 2 + 1, SIZE_MAX}) {
    evbuffer_ptr ptr{};
    EXPECT_FALSE(buffer.set_position(ptr, at, EVBUFFER_PTR_SET));
    EXPECT_EQ(ptr.pos, -1);
    EXPECT_FALSE(buffer.set_position(ptr, 1, EVBUFFER_PTR_ADD));
    EXPECT_EQ(ptr.pos, -1);
    ASSERT_TRUE(buffer.set_position(ptr, 2, EVBUFFER_PTR_SET));
    EXPECT_FALSE(buffer.set_position(ptr, at, EVBUFFER_PTR_ADD));
    EXPECT_EQ(ptr.pos, -1);
  }
  evbuffer_ptr ptr{};
  EXPECT_FALSE(buffer.set_position(ptr, 0, static_cast<evbuffer_ptr_how>(7)));
}

TEST(Position, zero_is_valid_in_an_empty_buffer) {
  Buffer buffer;
  evbuffer_ptr ptr{};
  EXPECT_TRUE(buffer.set_position(ptr, 0, EVBUFFER_PTR_SET));
  EXPECT_EQ(ptr.pos, 0);
  EXPECT_EQ(buffer.search("", 0, &ptr, nullptr).pos, 0);
  EXPECT_EQ(buffer.search("x", 1, &ptr, nullptr).pos, -1);
}

TEST(Position, at_the_end_finds_bytes_added_later) {
  Buffer buffer("abc");
  evbuffer_ptr ptr{};
  ASSERT_TRUE(buffer.set_position(ptr, 3, EVBUFFER_PTR_SET));
  ASSERT_TRUE(test::add(buffer, "d"));
  EXPECT_EQ(buffer.search("d", 1, &ptr, nullptr).pos, 3);
}

// --- searches ---

TEST(Search, finds_the_first_occurrence_in_any_split_of_the_bytes) {
  struct Case {
    const char *bytes, *what;
    std::size_t start, end;  // npos: none given
  };
  constexpr std::size_t none = std::string::npos;
  const Case cases[] = {
      {"abcabcabd", "abd", none, none},
      {"abcabcabd", "abc", 1, none},
      {"aaaaaaab", "aab", none, none},
      {"aaaaaaaa", "aab", none, none},
      {"abc", "abcd", none, none},
      {"abc", "c", none, none},
      {"abc", "a", 1, none},
      {"abc", "", 2, none},
      {"abc", "", 3, none},
      {"0123456789", "45", 4, 6},
      {"0123456789", "456", 4, 6},
      {"0123456789", "5", 6, none},
      {"0123456789", "6", 4, 6},
      {"0123456789", "5", 8, 4},
      {"0123456789", "9", none, 10},
      {"0123456789", "9", none, 9},
      {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "aaaab", none, none},
      {"abababababababababababababababababababac", "ababac", none, none},
  };
  for (const Case &c : cases) {
    SCOPED_TRACE(testing::Message() << c.what << " in " << c.bytes);
    in_all_cuts(
        c.bytes,
        [](evbuffer &buffer, const void *arg) {
          const Case &c = *static_cast<const Case *>(arg);
          evbuffer_ptr start{}, end{};
          if (c.start != none) {
            ASSERT_TRUE(buffer.set_position(start, c.start, EVBUFFER_PTR_SET));
          }
          if (c.end != none) {
            ASSERT_TRUE(buffer.set_position(end, c.end, EVBUFFER_PTR_SET));
          }
          const std::string upto = std::string(c.bytes).substr(0, c.end);
          const std::size_t from = c.start == none ? 0 : c.start;
          const std::size_t at = from > upto.size() ? none : upto.find(c.what, from);
          const evbuffer_ptr found =
              buffer.search(c.what, std::strlen(c.what), c.start == none ? nullptr : &start,
                            c.end == none ? nullptr : &end);
          EXPECT_EQ(found.pos, at == none ? -1 : static_cast<ev_ssize_t>(at));
        },
        &c);
  }
}

TEST(Search, agrees_with_a_plain_one_on_random_bytes_of_two_kinds) {
  std::mt19937 random(20);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes, what;
    Buffer buffer;
    for (int i = static_cast<int>(random() % 8); i >= 0; --i) {
      std::string piece;
      for (int k = static_cast<int>(random() % 40); k >= 0; --k) piece += random() % 3 ? 'a' : 'b';
      ASSERT_TRUE(buffer.append_all(*std::make_unique<Buffer>(piece)));
      bytes += piece;
    }
    for (int k = static_cast<int>(random() % 9); k >= 0; --k) what += random() % 3 ? 'a' : 'b';
    const std::size_t start = random() % (bytes.size() + 1);
    evbuffer_ptr ptr{};
    ASSERT_TRUE(buffer.set_position(ptr, start, EVBUFFER_PTR_SET));
    const std::size_t want = bytes.find(what, start);
    ASSERT_EQ(buffer.search(what.data(), what.size(), &ptr, nullptr).pos,
              want == std::string::npos ? -1 : static_cast<ev_ssize_t>(want))
        << what << " in " << bytes << " from " << start;
  }
}

TEST(Search, reports_oversized_patterns_as_not_found) {
  Buffer buffer("abc");
  for (const std::size_t size : {SIZE_MAX, SIZE_MAX / 2 + 1, std::size_t{4}}) {
    EXPECT_EQ(buffer.search("abc", size, nullptr, nullptr).pos, -1);
  }
}

TEST(Search, does_not_read_beyond_the_bytes) {
  const test::GuardedBytes guarded("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r");
  Buffer buffer;
  ASSERT_TRUE(buffer.add_reference(guarded.data(), 0, guarded.size(), nullptr, nullptr));
  for (const char *what : {"b", "ab", "a\r\n", "aaaaaaaab", "\r\n", "\rx"}) {
    EXPECT_EQ(buffer.search(what, std::strlen(what), nullptr, nullptr).pos, -1) << what;
  }
  EXPECT_EQ(buffer.search("\r", 1, nullptr, nullptr).pos, 44);
  for (int style = EVBUFFER_EOL_ANY; style <= EVBUFFER_EOL_NUL; ++style) {
    std::size_t length = 9;
    const evbuffer_ptr end = buffer.search_eol(nullptr, &length, static_cast<evbuffer_eol_style>(style));
    EXPECT_EQ(end.pos, style == EVBUFFER_EOL_ANY ? 44 : -1);
    EXPECT_EQ(length, style == EVBUFFER_EOL_ANY ? 1u : 0u);
  }
}

// --- ends of lines ---

struct LineCase {
  std::string_view bytes;
  ev_ssize_t pos[5];  // by style: any, CRLF, strict CRLF, LF, NUL
  std::size_t length[5];
};

const LineCase kLineCases[] = {
    {"", {-1, -1, -1, -1, -1}, {}},
    {"abc", {-1, -1, -1, -1, -1}, {}},
    {"a\r\n", {1, 1, 1, 2, -1}, {2, 2, 2, 1, 0}},
    {"a\n", {1, 1, -1, 1, -1}, {1, 1, 0, 1, 0}},
    {"a\r", {1, -1, -1, -1, -1}, {1, 0, 0, 0, 0}},
    {"a\rb\n", {1, 3, -1, 3, -1}, {1, 1, 0, 1, 0}},
    {"\r\n\r\nx", {0, 0, 0, 1, -1}, {4, 2, 2, 1, 0}},
    {"a\n\r\nb", {1, 1, 2, 1, -1}, {3, 1, 2, 1, 0}},
    {"a\r\r\nb", {1, 2, 2, 3, -1}, {3, 2, 2, 1, 0}},
    {"\n", {0, 0, -1, 0, -1}, {1, 1, 0, 1, 0}},
    {{"ab\0cd\n", 6}, {5, 5, -1, 5, 2}, {1, 1, 0, 1, 1}},
    {"\r\r\r\n", {0, 2, 2, 3, -1}, {4, 2, 2, 1, 0}},
};

TEST(Lines, end_by_each_of_the_five_styles_in_any_split_of_the_bytes) {
  for (const LineCase &c : kLineCases) {
    SCOPED_TRACE(testing::PrintToString(c.bytes));
    in_all_cuts(
        c.bytes,
        [](evbuffer &buffer, const void *arg) {
          const LineCase &c = *static_cast<const LineCase *>(arg);
          for (int i = 0; i < 5; ++i) {
            std::size_t length = 99;
            const auto style = static_cast<evbuffer_eol_style>(i);
            EXPECT_EQ(buffer.search_eol(nullptr, &length, style).pos, c.pos[i]) << i;
            EXPECT_EQ(length, c.length[i]) << i;
            EXPECT_EQ(buffer.search_eol(nullptr, nullptr, style).pos, c.pos[i]) << i;
          }
        },
        &c);
  }
}

TEST(Lines, are_read_and_removed_with_their_end) {
  for (const LineCase &c : kLineCases) {
    for (int i = 0; i < 5; ++i) {
      SCOPED_TRACE(testing::Message() << testing::PrintToString(c.bytes) << " style " << i);
      for (std::size_t cut = 0; cut <= c.bytes.size(); ++cut) {
        Buffer buffer;
        ASSERT_TRUE(test::add(buffer, c.bytes.substr(0, cut)));
        ASSERT_TRUE(buffer.append_all(*std::make_unique<Buffer>(c.bytes.substr(cut))));
        std::size_t length = 99;
        char *line = buffer.read_line(&length, static_cast<evbuffer_eol_style>(i));
        if (c.pos[i] < 0) {
          EXPECT_EQ(line, nullptr);
          EXPECT_EQ(length, 0u);
          EXPECT_EQ(text(buffer), c.bytes);
          continue;
        }
        const std::size_t size = static_cast<std::size_t>(c.pos[i]);
        ASSERT_NE(line, nullptr);
        EXPECT_EQ(length, size);
        EXPECT_EQ(std::string(line, length + 1), std::string(c.bytes.substr(0, size)) + '\0');
        EXPECT_EQ(text(buffer), c.bytes.substr(size + c.length[i]));
        evi::mm_free(line);
      }
    }
  }
}

TEST(Lines, are_searched_from_a_position) {
  Buffer buffer{"a\r", "\nb", "\n"};
  evbuffer_ptr from{};
  std::size_t length = 0;
  ASSERT_TRUE(buffer.set_position(from, 2, EVBUFFER_PTR_SET));
  // The CR before the start is none of this line's.
  EXPECT_EQ(buffer.search_eol(&from, &length, EVBUFFER_EOL_CRLF).pos, 2);
  EXPECT_EQ(length, 1u);
  EXPECT_EQ(buffer.search_eol(&from, &length, EVBUFFER_EOL_CRLF_STRICT).pos, -1);
  ASSERT_TRUE(buffer.set_position(from, 3, EVBUFFER_PTR_SET));
  EXPECT_EQ(buffer.search_eol(&from, &length, EVBUFFER_EOL_LF).pos, 4);
  ASSERT_TRUE(buffer.set_position(from, 5, EVBUFFER_PTR_SET));
  EXPECT_EQ(buffer.search_eol(&from, &length, EVBUFFER_EOL_ANY).pos, -1);
  EXPECT_EQ(length, 0u);
  const evbuffer_ptr nowhere = {-1, {nullptr, 0}};
  EXPECT_EQ(buffer.search_eol(&nowhere, &length, EVBUFFER_EOL_ANY).pos, -1);
}

TEST(Lines, an_unknown_style_finds_no_line) {
  Buffer buffer("a\n");
  EXPECT_EQ(buffer.search_eol(nullptr, nullptr, static_cast<evbuffer_eol_style>(9)).pos, -1);
  EXPECT_EQ(buffer.read_line(nullptr, static_cast<evbuffer_eol_style>(9)), nullptr);
}

TEST(Lines, stay_in_the_buffer_when_the_copy_cannot_be_allocated) {
  Buffer buffer("line\nrest");
  test::ChangeLog log;
  log.watch(buffer);
  {
    test::FaultAlloc memory{1};
    std::size_t length = 9;
    EXPECT_EQ(buffer.read_line(&length, EVBUFFER_EOL_LF), nullptr);
    EXPECT_EQ(length, 0u);
  }
  EXPECT_EQ(text(buffer), "line\nrest");
  EXPECT_EQ(log.text, "");
}

}  // namespace
