// Finding lines in the chains of a buffer.
#include "http/line_reader.h"

#include <algorithm>
#include <cstring>

namespace evi {
namespace {

// An unfinished line of this size is moved out of the buffer.
constexpr std::size_t kLongLine = 4096;
// The size up to which evbuffer_remove_buffer() merges what it moves into few chains.
constexpr std::size_t kFewBytes = 2048;

}  // namespace

void LineReader::look() noexcept {
  evbuffer_iovec first;
  if (evbuffer_peek(from_, -1, nullptr, &first, 1) < 1) first = {nullptr, 0};
  data_ = static_cast<const char *>(first.iov_base);
  size_ = first.iov_len;
}

void LineReader::open(evbuffer *from) noexcept {
  from_ = from;
  used_ = 0;
  look();
}

LineReader::Result LineReader::next(std::string_view &line) noexcept {
  EVI_ASSERT(from_);
  EVI_ASSERT(used_ <= size_);
  spanning_.reset();
  const std::size_t from = used_ + scanned_;
  if (const void *lf = !long_ && from < size_ ? std::memchr(data_ + from, '\n', size_ - from) : nullptr) {
    const char *const start = data_ + used_, *const end = static_cast<const char *>(lf) + 1;
    line = std::string_view(start, static_cast<std::size_t>(end - start));
    used_ += line.size();
    scanned_ = 0;
    return Result::found;
  }
  const std::size_t length = evbuffer_get_length(from_);
  evbuffer_ptr lf;
  lf.pos = -1;
  if (length > from && evbuffer_ptr_set(from_, &lf, from, EVBUFFER_PTR_SET) == 0) {
    lf = evbuffer_search(from_, "\n", 1, &lf);
  }
  if (lf.pos >= 0) return take_spanning(static_cast<std::size_t>(lf.pos) + 1 - used_, line);
  scanned_ = length - used_;
  return held() + scanned_ >= kLongLine ? set_aside() : Result::incomplete;
}

// A callback of the buffer may call reset() as bytes are removed: then the line is lost, and the result
// failed.

// Moves the beginning of a long line out of the buffer, without the blocks that it was received into: those
// may be twice as large, and serve to receive what follows.
LineReader::Result LineReader::set_aside() noexcept {
  if (!long_ && !(long_ = evbuffer_new())) return Result::failed;
  drain_found();
  if (!from_) return Result::failed;
  for (look(); scanned_ > 0; look()) {
    const std::size_t size = std::min(size_, scanned_);
    const bool moved = size <= kFewBytes
                           ? evbuffer_remove_buffer(from_, long_, size) == static_cast<int>(size)
                           : evbuffer_add(long_, data_, size) == 0 && evbuffer_drain(from_, size) == 0;
    if (!moved || !from_) return Result::failed;
    scanned_ -= size;
  }
  return Result::incomplete;
}

// `size` is that of the line's part in the buffer.
LineReader::Result LineReader::take_spanning(std::size_t size, std::string_view &line) noexcept {
  const std::size_t before = held();
  spanning_.reset(static_cast<char *>(mm_malloc(before + size)));
  if (!spanning_) return Result::failed;
  drain_found();
  if (!from_) return Result::failed;
  if (long_) {
    if (evbuffer_remove(long_, spanning_.get(), before) != static_cast<int>(before)) return Result::failed;
    evbuffer_free(long_);
    long_ = nullptr;
  }
  const int removed = evbuffer_remove(from_, spanning_.get() + before, size);
  if (removed != static_cast<int>(size) || !from_) return Result::failed;
  scanned_ = 0;
  look();
  line = std::string_view(spanning_.get(), before + size);
  return Result::found;
}

std::size_t LineReader::pending() const noexcept {
  EVI_ASSERT(from_);
  return held() + evbuffer_get_length(from_) - used_;
}

void LineReader::drain_found() noexcept {
  if (used_ > 0) evbuffer_drain(from_, used_);
  size_ -= used_;
  used_ = 0;
}

void LineReader::end() noexcept {
  if (!from_) return;
  drain_found();
  from_ = nullptr;
}

void LineReader::reset() noexcept {
  if (long_) evbuffer_free(long_);
  long_ = nullptr;
  from_ = nullptr;
  spanning_.reset();
  size_ = used_ = scanned_ = 0;
}

}  // namespace evi
