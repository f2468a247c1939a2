// printf into the room of a buffer, with our own formatter for the common directives.
#include "buffer/format.h"

#include <algorithm>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "buffer/evbuffer.h"
#include "util/assert.h"

using evi::Chain;

namespace evi {
namespace {

// Fields wider than this are left to the C library.
constexpr int kMaxWidth = 4096;
// The most digits of a number in any base from 8 on.
constexpr std::size_t kMaxDigits = 24;

enum class Length : std::uint8_t { normal, h, hh, l, ll, j, z, t };

struct Directive {
  bool left = false;
  bool zero = false;
  int width = 0;
  int precision = -1;
  Length length = Length::normal;
  char conversion = '\0';
};

// Counts all bytes, stores those that fit.
struct Sink {
  char *out;
  std::size_t room;
  std::size_t total = 0;

  void put(const char *text, std::size_t size) noexcept {
    if (total < room) std::memcpy(out + total, text, std::min(size, room - total));
    total += size;
  }
  void fill(char c, std::size_t size) noexcept {
    if (total < room) std::memset(out + total, c, std::min(size, room - total));
    total += size;
  }
};

// Holds a va_list that functions can consume by reference on every ABI.
struct Arguments {
  std::va_list list;
};

bool parse_number(const char *&at, int &value, Arguments &args) noexcept {
  if (*at == '*') {
    ++at;
    value = va_arg(args.list, int);
    return value <= kMaxWidth && value >= -kMaxWidth;
  }
  value = 0;
  while (*at >= '0' && *at <= '9') {
    value = value * 10 + (*at++ - '0');
    if (value > kMaxWidth) return false;
  }
  return true;
}

Length parse_length(const char *&at) noexcept {
  const bool twice = at[0] != '\0' && at[1] == at[0];
  switch (*at) {
    case 'h':
      at += twice ? 2 : 1;
      return twice ? Length::hh : Length::h;
    case 'l':
      at += twice ? 2 : 1;
      return twice ? Length::ll : Length::l;
    case 'j':
      ++at;
      return Length::j;
    case 'z':
      ++at;
      return Length::z;
    case 't':
      ++at;
      return Length::t;
    default:
      return Length::normal;
  }
}

// `at` is behind the '%', and behind the conversion afterwards. False if the directive is not supported.
bool parse_directive(const char *&at, Directive &d, Arguments &args) noexcept {
  for (;; ++at) {
    if (*at == '-') {
      d.left = true;
    } else if (*at == '0') {
      d.zero = true;
    } else {
      break;
    }
  }
  if (!parse_number(at, d.width, args)) return false;
  if (d.width < 0) {
    d.left = true;
    d.width = -d.width;
  }
  if (*at == '.') {
    ++at;
    if (!parse_number(at, d.precision, args)) return false;
  }
  d.length = parse_length(at);
  d.conversion = *at;
  if (d.conversion != '\0') ++at;
  return true;
}

std::int64_t signed_argument(Length length, Arguments &args) noexcept {
  switch (length) {
    case Length::normal:
      return va_arg(args.list, int);
    case Length::h:
      return static_cast<short>(va_arg(args.list, int));
    case Length::hh:
      return static_cast<signed char>(va_arg(args.list, int));
    case Length::l:
      return va_arg(args.list, long);
    case Length::ll:
      return va_arg(args.list, long long);
    case Length::j:
      return va_arg(args.list, std::intmax_t);
    case Length::z:
    case Length::t:
      return va_arg(args.list, std::ptrdiff_t);
  }
  return 0;
}

std::uint64_t unsigned_argument(Length length, Arguments &args) noexcept {
  switch (length) {
    case Length::normal:
      return va_arg(args.list, unsigned);
    case Length::h:
      return static_cast<unsigned short>(va_arg(args.list, int));
    case Length::hh:
      return static_cast<unsigned char>(va_arg(args.list, int));
    case Length::l:
      return va_arg(args.list, unsigned long);
    case Length::ll:
      return va_arg(args.list, unsigned long long);
    case Length::j:
      return va_arg(args.list, std::uintmax_t);
    case Length::z:
    case Length::t:
      return va_arg(args.list, std::size_t);
  }
  return 0;
}

void put_padded(Sink &sink, const Directive &d, const char *text, std::size_t size) noexcept {
  EVI_ASSERT(d.width >= 0 && d.width <= kMaxWidth);
  const std::size_t width = static_cast<std::size_t>(d.width);
  const std::size_t padding = width > size ? width - size : 0;
  if (padding > 0 && !d.left) sink.fill(' ', padding);
  sink.put(text, size);
  if (padding > 0 && d.left) sink.fill(' ', padding);
}

void put_number(Sink &sink, const Directive &d, std::uint64_t value, bool negative) noexcept {
  const unsigned base = d.conversion == 'x' || d.conversion == 'X' ? 16 : 10;
  const char *const digits = d.conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
  char text[kMaxDigits];
  char *const end = text + sizeof text;
  char *at = end;
  if (base == 16) {
    do *--at = digits[value % 16];
    while ((value /= 16) != 0);
  } else {
    do *--at = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
  }
  const std::size_t width = static_cast<std::size_t>(d.width);
  const std::size_t size = static_cast<std::size_t>(end - at) + (negative ? 1 : 0);
  if (d.zero && !d.left && width > size) {
    if (negative) sink.put("-", 1);
    sink.fill('0', width - size);
    return sink.put(at, static_cast<std::size_t>(end - at));
  }
  EVI_ASSERT(at > text);
  if (negative) *--at = '-';
  put_padded(sink, d, at, size);
}

void put_signed(Sink &sink, const Directive &d, std::int64_t value) noexcept {
  const bool negative = value < 0;
  const std::uint64_t bits = static_cast<std::uint64_t>(value);
  put_number(sink, d, negative ? ~bits + 1 : bits, negative);
}

bool put_string(Sink &sink, const Directive &d, const char *text) noexcept {
  if (!text) return false;
  const std::size_t size =
      d.precision < 0 ? std::strlen(text) : ::strnlen(text, static_cast<unsigned>(d.precision));
  put_padded(sink, d, text, size);
  return true;
}

// False if the directive is not supported.
bool put_directive(Sink &sink, const Directive &d, Arguments &args) noexcept {
  if (d.precision != -1 && d.conversion != 's') return false;
  switch (d.conversion) {
    case 'd':
    case 'i':
      put_signed(sink, d, signed_argument(d.length, args));
      return true;
    case 'u':
    case 'x':
    case 'X':
      put_number(sink, d, unsigned_argument(d.length, args), false);
      return true;
    case 's':
      if (d.length != Length::normal || d.zero) return false;
      return put_string(sink, d, va_arg(args.list, const char *));
    case 'c': {
      if (d.length != Length::normal || d.zero) return false;
      const char c = static_cast<char>(va_arg(args.list, int));
      put_padded(sink, d, &c, 1);
      return true;
    }
    default:
      return false;
  }
}

int format_arguments(Sink &sink, const char *format, Arguments &args) noexcept {
  for (;;) {
    const char *percent = format;
    while (*percent != '%' && *percent != '\0') ++percent;
    if (percent != format) sink.put(format, static_cast<std::size_t>(percent - format));
    if (*percent == '\0') break;
    format = percent + 1;
    if (*format == '%') {
      sink.put(format++, 1);
      continue;
    }
    Directive d;
    if (!parse_directive(format, d, args) || !put_directive(sink, d, args)) return kFormatUnsupported;
  }
  return sink.total <= INT_MAX ? static_cast<int>(sink.total) : kFormatUnsupported;
}

}  // namespace

int format_simple(char *out, std::size_t room, const char *format, std::va_list args) noexcept {
  Sink sink{out, room};
  Arguments copy;
  va_copy(copy.list, args);
  const int size = format_arguments(sink, format, copy);
  va_end(copy.list);
  return size;
}

namespace {

// Returns the length of the text, -1 on failure; the text is complete if that is less than `room`. A NUL,
// which is not counted, follows it: programs print a buffer by "%s" after formatting into it (redsocks does).
int format_into(unsigned char *room_begin, std::size_t room, const char *format, std::va_list args) noexcept {
  char *const out = reinterpret_cast<char *>(room_begin);
  const int size = format_simple(out, room, format, args);
  if (size != kFormatUnsupported) {
    if (size >= 0 && static_cast<std::size_t>(size) < room) out[size] = '\0';
    return size;
  }
  std::va_list copy;
  va_copy(copy, args);
  const int full_size = std::vsnprintf(out, room, format, copy);
  va_end(copy);
  return full_size;
}

// The least room for a first attempt.
constexpr std::size_t kFirstAttempt = 64;

}  // namespace
}  // namespace evi

// The text needs one more byte of room, for the NUL behind it.
int evbuffer::add_vprintf(const char *format, std::va_list args) noexcept {
  if (end_frozen_) return -1;
  const std::size_t room = tail_room();
  int size = -1;
  if (room >= evi::kFirstAttempt) {
    size = evi::format_into(last_->tail, room, format, args);
    if (size < 0) return -1;
  }
  const std::size_t expected = size < 0 ? evi::kFirstAttempt : static_cast<std::size_t>(size) + 1;
  if (expected > room || size < 0) {
    size = format_into_spare(expected, format, args);
    if (size < 0) return -1;
    commit_spare(static_cast<std::size_t>(size));
  } else if (fits(static_cast<std::size_t>(size))) {
    extend_last(static_cast<std::size_t>(size));
  } else {
    return -1;
  }
  if (size > 0) changed(static_cast<std::size_t>(size), 0);
  return size;
}

// At most two attempts: for the second the length is known.
int evbuffer::format_into_spare(std::size_t expected, const char *format, std::va_list args) noexcept {
  for (;;) {
    if (!provide_spare(expected)) return -1;
    const int size = evi::format_into(spare_->begin, spare_->capacity(), format, args);
    if (size < 0 || !fits(static_cast<std::size_t>(size))) return -1;
    if (static_cast<std::size_t>(size) < spare_->capacity()) return size;
    expected = static_cast<std::size_t>(size) + 1;
  }
}

int evbuffer::add_printf(const char *format, ...) noexcept {
  std::va_list args;
  va_start(args, format);
  const int size = add_vprintf(format, args);
  va_end(args);
  return size;
}
