#include "buffer/format.h"

#include <gtest/gtest.h>

#include <climits>
#include <cstdint>

#include "buffers.h"
#include "support/fault_alloc.h"
#include "support/guard_page.h"

namespace {

using test::Buffer;
using test::text;

// What the C library makes of it, what our formatter does, and what a buffer gets: one text, unless `ours` is
// false, when our formatter must decline.
void same(bool ours, const char *format, ...) {
  SCOPED_TRACE(format);
  char want[20000], got[20000];
  std::va_list args;
  va_start(args, format);
  std::va_list copy;
  va_copy(copy, args);
  const int size = std::vsnprintf(want, sizeof want, format, copy);
  va_end(copy);
  const int simple = evi::format_simple(got, sizeof got, format, args);
  EXPECT_EQ(simple, ours ? size : evi::kFormatUnsupported);
  if (ours && simple >= 0) {
    EXPECT_EQ(std::string(got, static_cast<std::size_t>(simple)),
              std::string(want, static_cast<std::size_t>(size)));
  }
  // With no room left behind the data, with some, and with enough.
  for (const std::size_t before : {976u, 970u, 912u, 900u, 1u, 0u}) {
    Buffer buffer(test::pattern(before));
    va_copy(copy, args);
    EXPECT_EQ(buffer.add_vprintf(format, copy), size);
    va_end(copy);
    EXPECT_EQ(text(buffer), test::pattern(before) + std::string(want, static_cast<std::size_t>(size)));
  }
  va_end(args);
}

TEST(Format, common_directives_match_the_c_library) {
  same(true, "plain");
  same(true, "100%%|%%");
  same(true, "%d %i %u", 0, -1, 4294967295u);
  same(true, "%d %d", INT_MAX, INT_MIN);
  same(true, "%ld %lu %ld", LONG_MIN, ULONG_MAX, 0L);
  same(true, "%lld %llu", LLONG_MIN, ULLONG_MAX);
  same(true, "%zu %zd %td %jd %ju", static_cast<std::size_t>(SIZE_MAX), static_cast<ssize_t>(-5),
       static_cast<std::ptrdiff_t>(-6), static_cast<std::intmax_t>(INTMAX_MIN),
       static_cast<std::uintmax_t>(UINTMAX_MAX));
  same(true, "%hd %hu %hhd %hhu", 70000, 70000, 300, 300);
  same(true, "%x %X %lx %llX", 0xdeadbeefu, 0xdeadbeefu, 0xfeedfacecafeul, 0x0123456789abcdefull);
  same(true, "[%5d|%-5d|%05d|%-05d|%2d]", 42, 42, 42, 42, 12345);
  same(true, "[%5d|%05d|%-6d]", -42, -42, -42);
  same(true, "[%04x|%8X|%08lx]", 0xau, 0xbu, 0xcul);
  same(true, "[%*d|%-*d|%*d]", 6, 1, 6, 2, -6, 3);
  same(true, "%s|%10s|%-10s|%2s", "text", "text", "text", "text");
  same(true, "%.2s|%.0s|%.9s|%8.3s|%-8.3s|%.*s|%.*s", "text", "text", "text", "text", "text", 3, "text", -1,
       "text");
  same(true, "%c%c|%3c|%-3c|", 'a', 0, 'b', 'c');
  same(true, "%s: %d\r\n", "Content-Length", 1234);
  same(true, "%s%s%s", "", "", "");
}

TEST(Format, other_directives_are_passed_to_the_c_library) {
  same(false, "%.3f %e %g", 3.14159, 1e100, 0.5);
  same(false, "%p %o", static_cast<void *>(nullptr), 8u);
  same(false, "%+d % d %#x", 5, 5, 255u);
  same(false, "%.3d %.0x", 5, 0u);
  same(false, "%ls", L"wide");
  same(false, "%5000d", 1);
  same(false, "%s is null", static_cast<char *>(nullptr));
  same(false, "%s then %.2f", "text", 2.5);
  same(false, "%2$s %1$s", "a", "b");
}

// Contiguous bytes may be printed by "%s".
TEST(Format, terminates_the_text_with_a_nul) {
  Buffer buffer;
  for (const char *word : {"a", "longer", "and a number: 7"}) {
    ASSERT_GT(buffer.add_printf("%s", word), 0);
    const unsigned char *data = buffer.pullup(-1);
    ASSERT_NE(data, nullptr);
    EXPECT_EQ(data[buffer.length()], '\0');
    EXPECT_TRUE(buffer.add("x", 1));
  }
}

TEST(Format, formats_texts_of_any_length) {
  for (const std::size_t size : {0u, 1u, 62u, 63u, 64u, 65u, 975u, 976u, 977u, 4095u, 4096u, 4097u, 15000u}) {
    const std::string long_text = test::pattern(size);
    same(true, "%s", long_text.c_str());
    same(false, "%s%.1f", long_text.c_str(), 0.5);
  }
}

TEST(Format, reads_at_most_precision_bytes_of_a_string) {
  const test::GuardedBytes guarded("abc");
  Buffer buffer;
  EXPECT_EQ(buffer.add_printf("%.3s|%.2s", guarded.data(), guarded.data()), 6);
  EXPECT_EQ(text(buffer), "abc|ab");
}

TEST(Format, accepts_text_of_the_buffer_itself) {
  Buffer buffer(std::string("word\0", 5));
  EXPECT_EQ(buffer.add_printf("[%s]", reinterpret_cast<const char *>(buffer.pullup(-1))), 6);
  EXPECT_EQ(text(buffer), std::string("word\0[word]", 11));
}

TEST(Format, an_empty_result_invokes_no_callback) {
  Buffer buffer;
  test::ChangeLog log;
  log.watch(buffer);
  EXPECT_EQ(buffer.add_printf("%s", ""), 0);
  EXPECT_EQ(log.take(), "");
  EXPECT_EQ(buffer.add_printf("%d", 7), 1);
  EXPECT_EQ(log.take(), "0+1-0 ");
  EXPECT_TRUE(buffer.check_invariants());
}

TEST(Format, changes_nothing_when_out_of_memory) {
  const std::string big = test::pattern(3000);
  test::sweep([&] {
    Buffer buffer;
    bool good = buffer.add_printf("%s", "start") == 5;
    const std::string before = text(buffer);
    const int size = buffer.add_printf("%s", big.c_str());
    EXPECT_EQ(text(buffer), size < 0 ? before : before + big);
    return good && size == 3000;
  });
}

}  // namespace
