// File segments: their range, reading them in, and their release.
#include "buffer/file_segment.h"

#include <cerrno>

#include "buffer/chain.h"
#include "buffer/evbuffer.h"
#include "util/alloc.h"
#include "util/assert.h"

namespace {

// Up to this length files are read rather than mapped: that is not slower, and later changes of the file do
// not matter. Access to a mapping beyond the end of a truncated file raises SIGBUS.
constexpr std::size_t kReadRatherThanMap = 65536;

constexpr std::uint64_t kMaxFileOffset = INT64_MAX;

}  // namespace

evbuffer_file_segment *evbuffer_file_segment::create(int fd, ev_off_t offset, ev_off_t length,
                                                     unsigned flags) noexcept {
  evi::FileFacts file;
  if (!evi::file_facts(fd, file)) return nullptr;
  evi::Owned<evbuffer_file_segment> segment{evi::make<evbuffer_file_segment>()};
  if (!segment) return nullptr;
  segment->fd_ = fd;
  segment->id_ = file.id;
  segment->sized_ = file.sized;
  segment->can_be_sent_ = evi::kCanSendFiles && file.sized && !(flags & EVBUF_FS_DISABLE_SENDFILE);
  segment->flags_ = flags;
  if (!segment->set_range(file, offset, length)) return nullptr;
  if (!(flags & EVBUF_FS_DISABLE_LOCKING) && !segment->lock_.init()) return nullptr;
  if (!segment->can_be_sent_ && segment->length_ > 0 && !segment->bytes()) return nullptr;
  return segment.release();
}

bool evbuffer_file_segment::set_range(const evi::FileFacts &file, ev_off_t offset, ev_off_t length) noexcept {
  errno = EINVAL;
  if (offset < 0 || length < -1) return false;
  offset_ = static_cast<std::uint64_t>(offset);
  std::uint64_t wanted = static_cast<std::uint64_t>(length);
  if (file.sized) {
    if (offset_ > file.size) return false;
    if (length < 0) wanted = file.size - offset_;
    if (wanted > file.size - offset_) return false;
  } else if (length < 0) {
    // The end is unknown unless it is here.
    if (!evi::file_ends_at(fd_, offset_)) return false;
    wanted = 0;
  }
  if (wanted > evi::kMaxBufferLength || wanted > kMaxFileOffset - offset_) return false;
  length_ = static_cast<std::size_t>(wanted);
  return true;
}

evbuffer_file_segment::~evbuffer_file_segment() {
  if (mapped_) {
    evi::file_unmap(bytes_, offset_, length_);
  } else {
    evi::mm_free(bytes_);
  }
}

void evbuffer_file_segment::release() noexcept {
  const std::uint32_t before = claims_.fetch_sub(1, std::memory_order_acq_rel);
  EVI_ASSERT(before > 0);
  if (before != 1) return;
  if (flags_ & EVBUF_FS_CLOSE_ON_FREE) evi::file_close(fd_, id_);
  if (cleanup_) cleanup_(this, static_cast<int>(flags_), cleanup_arg_);
  evi::destroy(this);
}

// --- in memory ---

bool evbuffer_file_segment::worth_mapping() const noexcept {
  return sized_ && length_ > kReadRatherThanMap && !(flags_ & EVBUF_FS_DISABLE_MMAP);
}

unsigned char *evbuffer_file_segment::map() const noexcept {
  // Bytes beyond the end of the file must not be mapped.
  evi::FileFacts now;
  if (!evi::file_facts(fd_, now) || now.size < offset_ + length_) return nullptr;
  return evi::file_map(fd_, offset_, length_);
}

unsigned char *evbuffer_file_segment::read() const noexcept {
  evi::OwnedMemory<unsigned char> data{static_cast<unsigned char *>(evi::mm_malloc(length_))};
  if (!data) return nullptr;
  if (evi::file_read(fd_, offset_, data.get(), length_)) return data.release();
  const int error = errno;
  data.reset();
  errno = error;
  return nullptr;
}

unsigned char *evbuffer_file_segment::bytes() noexcept {
  EVI_ASSERT(length_ > 0);
  const evi::LockGuard held(lock_);
  if (bytes_) return bytes_;
  if (worth_mapping()) {
    bytes_ = map();
    mapped_ = bytes_ != nullptr;
  }
  // After a failed mapping too: read() then reports EIO if the file has become too short.
  if (!bytes_) bytes_ = read();
  return bytes_;
}

// --- in a buffer ---

bool evbuffer::add_segment(evbuffer_file_segment &segment, ev_off_t offset, ev_off_t length) noexcept {
  errno = EINVAL;
  if (end_frozen_ || offset < 0 || static_cast<std::uint64_t>(offset) > segment.length()) return false;
  const std::size_t from = static_cast<std::size_t>(offset);
  const std::size_t rest = segment.length() - from;
  if (length > 0 && static_cast<std::uint64_t>(length) > rest) return false;
  const std::size_t size = length < 0 ? rest : static_cast<std::size_t>(length);
  if (!fits(size)) return false;
  if (size == 0) return true;
  // Without the flag the program may access the bytes, and may close the file now.
  const bool unread = (flags_ & EVBUFFER_FLAG_DRAINS_TO_FD) && segment.can_be_sent();
  if (!unread && !segment.bytes()) return false;
  evi::Chain *chain = evi::chain_new_file(segment, from, size, unread);
  if (!chain) return false;
  if (unread) may_have_unread_ = true;
  link_back(*chain);
  changed(size, 0);
  return true;
}

bool evbuffer::add_file(int fd, ev_off_t offset, ev_off_t length) noexcept {
  evbuffer_file_segment *segment = evbuffer_file_segment::create(fd, offset, length, EVBUF_FS_CLOSE_ON_FREE);
  if (!segment) return false;
  const bool done = add_segment(*segment, 0, -1);
  const int error = errno;
  if (!done) segment->keep_open();
  segment->release();
  errno = error;
  return done;
}
