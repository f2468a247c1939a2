// Tests of framing: which fields frame a body how, and lines of chunks at their bounds.
#include "http/framing.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/headers.h"
#include "http/limits.h"

namespace {

using evi::ChunkLines;
using evi::Framing;
using Kind = evi::Framing::Kind;

using Fields = std::vector<std::pair<const char *, const char *>>;

Framing framing_of(const Fields &fields) {
  evkeyvalq list;
  evi::headers_init(list);
  for (const auto &[name, value] : fields) EXPECT_TRUE(evi::headers_append(list, name, value));
  const Framing framing = evi::request_framing(list);
  evi::headers_clear(list);
  return framing;
}

TEST(RequestFraming, is_that_of_the_fields) {
  const struct {
    Fields fields;
    Kind kind;
    std::uint64_t bytes;
  } rows[] = {
      {{}, Kind::none, 0},
      {{{"Content-Type", "5"}, {"Content-Length-2", "5"}}, Kind::none, 0},
      {{{"content-LENGTH", "003"}}, Kind::length, 3},
      {{{"Content-Length", "0"}}, Kind::length, 0},
      {{{"Content-Length", "9223372036854775807"}}, Kind::length, evi::kMaxBody},
      {{{"Content-Length", "9223372036854775808"}}, Kind::bad, 0},
      {{{"Content-Length", "18446744073709551616"}}, Kind::bad, 0},
      {{{"Content-Length", ""}}, Kind::bad, 0},
      {{{"Content-Length", " 1"}}, Kind::bad, 0},
      {{{"Content-Length", "+1"}}, Kind::bad, 0},
      {{{"Content-Length", "-1"}}, Kind::bad, 0},
      {{{"Content-Length", "0x1"}}, Kind::bad, 0},
      {{{"Content-Length", "1, 1"}}, Kind::bad, 0},
      {{{"Content-Length", "1"}, {"Content-Length", "1"}}, Kind::bad, 0},
      {{{"Transfer-Encoding", "CHUNKED"}}, Kind::chunked, 0},
      {{{"Transfer-Encoding", "gzip, chunked;a=b"}}, Kind::chunked, 0},
      {{{"Transfer-Encoding", "gzip"}, {"Transfer-Encoding", "chunked"}}, Kind::chunked, 0},
      {{{"Transfer-Encoding", "chunked, gzip"}}, Kind::bad, 0},
      {{{"Transfer-Encoding", "chunked, chunked"}}, Kind::bad, 0},
      {{{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}, Kind::bad, 0},
      {{{"Transfer-Encoding", "gzip"}}, Kind::bad, 0},
      {{{"Transfer-Encoding", "xchunked"}}, Kind::bad, 0},
      {{{"Transfer-Encoding", "\"chunked\""}}, Kind::bad, 0},
      {{{"Transfer-Encoding", ""}}, Kind::bad, 0},
      {{{"Transfer-Encoding", "chunked"}, {"Content-Length", "1"}}, Kind::bad, 0},
      {{{"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}}, Kind::bad, 0},
  };
  for (const auto &row : rows) {
    std::string name;
    for (const auto &[field, value] : row.fields) name += std::string(field) + ": " + value + "; ";
    const Framing framing = framing_of(row.fields);
    EXPECT_EQ(framing.kind, row.kind) << name;
    EXPECT_EQ(framing.bytes, row.bytes) << name;
  }
}

TEST(ChunkLines, size_is_hexadecimal_and_extensions_are_ignored) {
  const struct {
    std::string_view line;
    std::uint64_t size;
  } rows[] = {{"0\r\n", 0},
              {"aB\r\n", 0xab},
              {"1;x=\"y\"\r\n", 1},
              {"1;\r\n", 1},
              {"0000000000000010\r\n", 16},
              {"7fffffffffffffff\r\n", evi::kMaxBody}};
  for (const auto &row : rows) {
    std::uint64_t size = 99;
    EXPECT_TRUE(ChunkLines().parse(row.line, size)) << row.line;
    EXPECT_EQ(size, row.size) << row.line;
  }
}

TEST(ChunkLines, malformed_lines_are_refused) {
  using namespace std::string_view_literals;
  std::uint64_t size = 0;
  for (const auto bad : {""sv, "1"sv, "\n"sv, "\r\n"sv, "1\n"sv, "1 \r\n"sv, " 1\r\n"sv, "+1\r\n"sv,
                         "0x1\r\n"sv, "1x\r\n"sv, ";x\r\n"sv, "8000000000000000\r\n"sv,
                         "00000000000000001\r\n"sv, "1;\r\r\n"sv, "1;\0\r\n"sv, "x\r\n"sv}) {
    EXPECT_FALSE(ChunkLines().parse(bad, size)) << bad;
  }
}

// Chunks of a byte each, which bring as much as their overhead is allowed to be.
TEST(ChunkLines, small_chunks_without_extensions_are_not_limited) {
  std::uint64_t size = 0;
  ChunkLines lines;
  for (int i = 0; i < 100000; ++i) ASSERT_TRUE(lines.parse("1\r\n", size));
}

TEST(ChunkLines, overhead_is_accepted_up_to_its_bound) {
  // Of an empty chunk's line, with the line end behind its data.
  const std::size_t allowed = evi::kFreeChunkOverhead + evi::kMaxChunkOverhead - 2;
  const auto line_of = [](std::size_t bytes) { return "0;" + std::string(bytes - 4, 'x') + "\r\n"; };
  std::uint64_t size = 0;
  EXPECT_TRUE(ChunkLines().parse(line_of(allowed), size));
  EXPECT_FALSE(ChunkLines().parse(line_of(allowed + 1), size));
  // The sum over lines counts.
  ChunkLines lines;
  EXPECT_TRUE(lines.parse(line_of(allowed), size));
  EXPECT_TRUE(lines.parse(line_of(evi::kFreeChunkOverhead - 2), size));
  EXPECT_FALSE(lines.parse(line_of(evi::kFreeChunkOverhead - 1), size));
}

}  // namespace
