// Writes JSON (RFC 8259) to a file, one line, member by member.
#ifndef EVI_CORE_JSON_H
#define EVI_CORE_JSON_H

#include <cstdint>
#include <cstdio>

namespace evi {

// Commas are its business; that begins and ends match, and that members of objects have keys, the caller's.
class JsonWriter {
 public:
  explicit JsonWriter(std::FILE *out) noexcept : out_(out) {}
  JsonWriter(const JsonWriter &) = delete;
  JsonWriter &operator=(const JsonWriter &) = delete;

  // `key` is null for an item of a list.
  void begin_object(const char *key = nullptr) noexcept { open(key, '{'); }
  void end_object() noexcept { close('}'); }
  void begin_list(const char *key = nullptr) noexcept { open(key, '['); }
  void end_list() noexcept { close(']'); }

  void number(const char *key, std::int64_t value) noexcept;
  void unsigned_number(const char *key, std::uint64_t value) noexcept;
  void boolean(const char *key, bool value) noexcept;
  void null(const char *key) noexcept;
  // Bytes that are not ASCII become '?'.
  void string(const char *key, const char *value) noexcept;
  // A string of hexadecimal digits after 0x; null for a null pointer.
  void address(const char *key, const void *value) noexcept;

 private:
  void prefix(const char *key) noexcept;
  void quoted(const char *text) noexcept;
  void open(const char *key, char bracket) noexcept;
  void close(char bracket) noexcept;

  std::FILE *out_;
  bool first_ = true;  // nothing stands yet before what comes next
};

}  // namespace evi

#endif
