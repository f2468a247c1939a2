// The punctuation of JSON.
#include "core/json.h"

#include <cinttypes>

namespace evi {

void JsonWriter::prefix(const char *key) noexcept {
  if (!first_) std::fputc(',', out_);
  first_ = false;
  if (!key) return;
  quoted(key);
  std::fputc(':', out_);
}

void JsonWriter::quoted(const char *text) noexcept {
  std::fputc('"', out_);
  for (; *text; ++text) {
    const auto c = static_cast<unsigned char>(*text);
    if (c == '"' || c == '\\') {
      std::fprintf(out_, "\\%c", c);
    } else if (c < 0x20 || c == 0x7f) {
      std::fprintf(out_, "\\u%04x", static_cast<unsigned>(c));
    } else {
      std::fputc(c < 0x80 ? c : '?', out_);
    }
  }
  std::fputc('"', out_);
}

void JsonWriter::open(const char *key, char bracket) noexcept {
  prefix(key);
  std::fputc(bracket, out_);
  first_ = true;
}

void JsonWriter::close(char bracket) noexcept {
  std::fputc(bracket, out_);
  first_ = false;
}

void JsonWriter::number(const char *key, std::int64_t value) noexcept {
  prefix(key);
  std::fprintf(out_, "%" PRId64, value);
}

void JsonWriter::unsigned_number(const char *key, std::uint64_t value) noexcept {
  prefix(key);
  std::fprintf(out_, "%" PRIu64, value);
}

void JsonWriter::boolean(const char *key, bool value) noexcept {
  prefix(key);
  std::fputs(value ? "true" : "false", out_);
}

void JsonWriter::null(const char *key) noexcept {
  prefix(key);
  std::fputs("null", out_);
}

void JsonWriter::string(const char *key, const char *value) noexcept {
  prefix(key);
  quoted(value);
}

void JsonWriter::address(const char *key, const void *value) noexcept {
  if (!value) return null(key);
  prefix(key);
  std::fprintf(out_, "\"0x%" PRIxPTR "\"", reinterpret_cast<std::uintptr_t>(value));
}

}  // namespace evi
