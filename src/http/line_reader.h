// Lines at the front of an evbuffer, each byte of which is looked at once, however it arrives.
#ifndef EVI_HTTP_LINE_READER_H
#define EVI_HTTP_LINE_READER_H

#include <cstddef>
#include <string_view>

#include "event2/buffer.h"

namespace evi {

class LineReader {
 public:
  enum Result { found, incomplete, failed };

  // Begins to look at a buffer, that nobody changes before end().
  void begin(evbuffer *from) noexcept;
  // The next line with its LF, valid until the next call. incomplete: pending() tells how much of it there
  // is. failed: without memory.
  Result next(std::string_view &line) noexcept;
  std::size_t pending() const noexcept { return size_ - used_; }
  // Drains the lines that were found.
  void end() noexcept;

 private:
  void look() noexcept;

  evbuffer *from_ = nullptr;
  const char *data_ = nullptr;
  std::size_t size_ = 0;     // of what is contiguous
  std::size_t used_ = 0;     // of it, by lines that were found
  std::size_t scanned_ = 0;  // behind used_, without an LF
};

// The line without its LF, and without the CR before that.
constexpr std::string_view without_line_end(std::string_view line) noexcept {
  line.remove_suffix(1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace evi

#endif
