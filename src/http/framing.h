// Where the body of a message ends: RFC 9112 6. Pure functions over headers and text.
#ifndef EVI_HTTP_FRAMING_H
#define EVI_HTTP_FRAMING_H

#include <cstddef>
#include <cstdint>
#include <string_view>

struct evkeyvalq;

namespace evi {

struct Framing {
  enum class Kind : std::uint8_t { none, length, chunked, until_close, bad };
  Kind kind;
  std::uint64_t bytes;  // of a body with a length
};

// Of a request. What two readers could interpret differently is bad: a length and a transfer coding, more
// than one length, "chunked" anywhere but last, a coding that is not chunked, a length that is not all
// digits.
Framing request_framing(const evkeyvalq &headers) noexcept;

// The longest body that is counted.
inline constexpr std::uint64_t kMaxBody = INT64_MAX;

// The lines of a chunked body, RFC 9112 7.1, and what they may cost.
class ChunkLines {
 public:
  // `line` precedes a chunk's data, and includes its line end. False if it is malformed, or if the lines so
  // far exceed what is reasonable for the data (limits.h).
  bool parse(std::string_view line, std::uint64_t &size) noexcept;

 private:
  std::size_t overhead_ = 0;
};

}  // namespace evi

#endif
