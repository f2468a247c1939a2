// Finding lines in the chains of a buffer.
#include "http/line_reader.h"

#include <algorithm>
#include <cstring>

namespace evi {

void LineReader::look() noexcept {
  evbuffer_iovec first;
  if (evbuffer_peek(from_, -1, nullptr, &first, 1) < 1) first = {nullptr, 0};
  data_ = static_cast<const char *>(first.iov_base);
  size_ = first.iov_len;
}

void LineReader::begin(evbuffer *from) noexcept {
  from_ = from;
  used_ = 0;
  look();
}

LineReader::Result LineReader::next(std::string_view &line) noexcept {
  for (;;) {
    const std::size_t from = used_ + scanned_;
    if (const void *lf = from < size_ ? std::memchr(data_ + from, '\n', size_ - from) : nullptr) {
      const char *const start = data_ + used_, *const end = static_cast<const char *>(lf) + 1;
      line = std::string_view(start, static_cast<std::size_t>(end - start));
      used_ += line.size();
      scanned_ = 0;
      return found;
    }
    scanned_ = size_ - used_;
    if (evbuffer_get_length(from_) == size_) return incomplete;
    end();
    // Twice as much each time, so that a long line in many chains is not copied again and again.
    const std::size_t wanted = std::min(evbuffer_get_length(from_), std::max<std::size_t>(size_ * 2, 1024));
    if (!evbuffer_pullup(from_, static_cast<ev_ssize_t>(wanted))) return failed;
    look();
  }
}

void LineReader::end() noexcept {
  if (used_ > 0) evbuffer_drain(from_, used_);
  size_ -= used_;
  used_ = 0;
}

}  // namespace evi
