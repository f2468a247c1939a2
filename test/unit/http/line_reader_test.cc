// Tests of LineReader: lines in one chain and over several.
#include "http/line_reader.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "event2/buffer.h"
#include "owned_buffer.h"
#include "support/fault_alloc.h"

namespace {

using evi::LineReader;

using Buffer = test::OwnedBuffer;

// In extents of `extent` bytes, each a chain of its own.
void add_in_extents(evbuffer *to, const std::string &text, std::size_t extent) {
  for (std::size_t at = 0; at < text.size(); at += extent) {
    const std::size_t size = std::min(extent, text.size() - at);
    ASSERT_EQ(evbuffer_add_reference(to, text.data() + at, size, nullptr, nullptr), 0);
  }
}

// `pending` is set to the size of the unfinished line.
std::vector<std::string> lines_of(LineReader &reader, evbuffer *from, std::size_t &pending) {
  std::vector<std::string> lines;
  std::string_view line;
  reader.begin(from);
  while (reader.next(line) == LineReader::Result::found) lines.emplace_back(line);
  pending = reader.pending();
  reader.end();
  return lines;
}

TEST(LineReader, lines_do_not_depend_on_the_chains) {
  const std::string text = "one\r\n\ntwo\n" + std::string(3000, 'x') + "\r\nrest";
  for (const std::size_t extent : {1, 2, 3, 7, 1000, 5000}) {
    const Buffer buffer{evbuffer_new()};
    add_in_extents(buffer.get(), text, extent);
    LineReader reader;
    std::size_t pending = 0;
    const auto lines = lines_of(reader, buffer.get(), pending);
    ASSERT_EQ(lines.size(), 4u) << extent;
    EXPECT_EQ(lines[0], "one\r\n");
    EXPECT_EQ(lines[1], "\n");
    EXPECT_EQ(lines[3].size(), 3002u);
    EXPECT_EQ(evbuffer_get_length(buffer.get()), 4u);
    EXPECT_EQ(pending, 4u);
  }
}

TEST(LineReader, search_continues_where_it_stopped) {
  const Buffer buffer{evbuffer_new()};
  LineReader reader;
  std::size_t pending = 0;
  for (int i = 0; i < 100; ++i) {
    evbuffer_add(buffer.get(), "x", 1);
    EXPECT_TRUE(lines_of(reader, buffer.get(), pending).empty());
    EXPECT_EQ(pending, static_cast<std::size_t>(i) + 1);
  }
  evbuffer_add(buffer.get(), "\nab\nc", 5);
  const auto lines = lines_of(reader, buffer.get(), pending);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], std::string(100, 'x') + "\n");
  EXPECT_EQ(lines[1], "ab\n");
}

// Where a line spans extents, and where the beginning of a long one is set aside.
TEST(LineReader, failed_allocation_is_reported) {
  for (const std::string &text : {std::string(3999, 'x') + "\n", std::string(5000, 'x')}) {
    test::FaultAlloc memory;
    const Buffer buffer{evbuffer_new()};
    add_in_extents(buffer.get(), text, 1000);
    LineReader reader;
    std::string_view line;
    reader.begin(buffer.get());
    memory.fail_at(1, true);
    EXPECT_EQ(reader.next(line), LineReader::Result::failed);
    reader.end();
    EXPECT_EQ(evbuffer_get_length(buffer.get()), text.size());
  }
}

// What has been set aside is neither in the buffer nor lost.
TEST(LineReader, long_lines_leave_the_buffer_before_their_end) {
  for (const std::size_t piece : {1, 7, 500, 3000, 6000}) {
    const Buffer buffer{evbuffer_new()};
    LineReader reader;
    std::size_t pending = 0;
    std::string text;
    while (text.size() < 20000) {
      const std::string more(piece, static_cast<char>('a' + text.size() % 26));
      text += more;
      ASSERT_EQ(evbuffer_add(buffer.get(), more.data(), more.size()), 0);
      EXPECT_TRUE(lines_of(reader, buffer.get(), pending).empty());
      EXPECT_EQ(pending, text.size());
    }
    EXPECT_EQ(evbuffer_get_length(buffer.get()), 0u);
    ASSERT_EQ(evbuffer_add(buffer.get(), "\r\nnext\n", 7), 0);
    const auto lines = lines_of(reader, buffer.get(), pending);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0], text + "\r\n");
    EXPECT_EQ(lines[1], "next\n");
    EXPECT_EQ(pending, 0u);
  }
}

TEST(LineReader, line_end_is_lf_or_crlf) {
  EXPECT_EQ(evi::without_line_end("a\r\n"), "a");
  EXPECT_EQ(evi::without_line_end("a\n"), "a");
  EXPECT_EQ(evi::without_line_end("\n"), "");
  EXPECT_EQ(evi::without_line_end("\r\r\n"), "\r");
}

}  // namespace
