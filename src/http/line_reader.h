// Lines at the front of an evbuffer, each byte of which is looked at once, however it arrives.
//
// A line within one extent is returned in place. One that spans extents is copied when its end has arrived.
// The beginning of a long line is moved out of the buffer before that: received byte by byte it would occupy
// blocks of the sizes that bulk data is received into, which the loop reuses once they are drained.
#ifndef EVI_HTTP_LINE_READER_H
#define EVI_HTTP_LINE_READER_H

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "event2/buffer.h"
#include "util/alloc.h"
#include "util/assert.h"

namespace evi {

class LineReader {
 public:
  enum class Result : std::uint8_t { found, incomplete, failed };

  LineReader() noexcept = default;
  LineReader(const LineReader &) = delete;
  LineReader &operator=(const LineReader &) = delete;
  ~LineReader() noexcept { reset(); }

  // Opens a buffer, which must not change before end(). No effect if the same one is open.
  void begin(evbuffer *from) noexcept {
    EVI_ASSERT(!from_ || from_ == from);
    if (!from_) open(from);
  }
  // Requires: a buffer is open. Returns the next line with its LF, valid until the next call. incomplete:
  // pending() is the size of what there is of it. failed: out of memory, or reset() was called meanwhile.
  Result next(std::string_view &line) noexcept;
  // Requires: a buffer is open.
  std::size_t pending() const noexcept;
  // Drains the lines that were found and closes the buffer, if one is open.
  void end() noexcept;
  // Closes the buffer, which may have been freed, without a drain, and discards an unfinished line.
  void reset() noexcept;

 private:
  void open(evbuffer *from) noexcept;
  void look() noexcept;
  void drain_found() noexcept;
  Result set_aside() noexcept;
  Result take_spanning(std::size_t size, std::string_view &line) noexcept;
  std::size_t held() const noexcept { return long_ ? evbuffer_get_length(long_) : 0; }

  evbuffer *from_ = nullptr;
  const char *data_ = nullptr;
  std::size_t size_ = 0;        // of the first extent
  std::size_t used_ = 0;        // of it, by lines that were found
  std::size_t scanned_ = 0;     // behind used_, without an LF
  evbuffer *long_ = nullptr;    // the beginning of a long line
  OwnedMemory<char> spanning_;  // the last line that spanned extents
};

// The line without its LF, and without the CR before that.
constexpr std::string_view without_line_end(std::string_view line) noexcept {
  line.remove_suffix(1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace evi

#endif
