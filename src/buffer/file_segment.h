// struct evbuffer_file_segment: a range of an open file. Any number of chains, in any buffers, are views of
// parts of it.
//
// Claims: the creator's, and one for each chain. When the last one is dropped, the fd is closed if
// EVBUF_FS_CLOSE_ON_FREE is set, the program's cleanup callback is invoked, and memory is freed or unmapped,
// in this order.
//
// Locks: claims are counted atomically. The segment's own lock guards reading in, which chains in two buffers
// may do at once; it is taken with a buffer's lock held, and no callback runs under it.
#ifndef EVI_BUFFER_FILE_SEGMENT_H
#define EVI_BUFFER_FILE_SEGMENT_H

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "buffer/file_io.h"
#include "event2/buffer.h"
#include "thread/lock.h"
#include "util/assert.h"

struct evbuffer_file_segment final {
 public:
  // A segment with one claim. `length` -1: up to the present end of the file. Files that the kernel cannot
  // send are read in now. Errors: null with errno, EINVAL if the file does not have these bytes; the fd stays
  // open.
  [[nodiscard]] static evbuffer_file_segment *create(int fd, ev_off_t offset, ev_off_t length,
                                                     unsigned flags) noexcept;
  evbuffer_file_segment() noexcept = default;
  evbuffer_file_segment(const evbuffer_file_segment &) = delete;
  evbuffer_file_segment &operator=(const evbuffer_file_segment &) = delete;
  ~evbuffer_file_segment();

  void hold() noexcept {
    const std::uint32_t before = claims_.fetch_add(1, std::memory_order_relaxed);
    EVI_ASSERT(before > 0);
  }
  void release() noexcept;

  void set_cleanup(evbuffer_file_segment_cleanup_cb fn, void *arg) noexcept {
    cleanup_ = fn;
    cleanup_arg_ = arg;
  }
  // Leaves ownership of the fd with the caller, after a failure.
  void keep_open() noexcept { flags_ &= ~static_cast<unsigned>(EVBUF_FS_CLOSE_ON_FREE); }

  std::size_t length() const noexcept { return length_; }
  bool can_be_sent() const noexcept { return can_be_sent_; }

  // The bytes of the segment in memory: read or mapped by the first call, at the same address from then on.
  // Requires: length() > 0. Errors: null with errno, EIO if the file has become too short.
  [[nodiscard]] unsigned char *bytes() noexcept;
  // See file_send().
  [[nodiscard]] ev_ssize_t send(int to, std::size_t offset, std::size_t size) const noexcept {
    EVI_ASSERT(can_be_sent_);
    EVI_ASSERT(offset <= length_ && size <= length_ - offset);
    return evi::file_send(to, fd_, offset_ + offset, size);
  }

 private:
  bool set_range(const evi::FileFacts &file, ev_off_t offset, ev_off_t length) noexcept;
  bool worth_mapping() const noexcept;
  unsigned char *map() const noexcept;
  unsigned char *read() const noexcept;

  std::atomic<std::uint32_t> claims_{1};
  unsigned flags_ = 0;
  int fd_ = -1;
  bool sized_ = false;
  bool can_be_sent_ = false;
  bool mapped_ EVI_GUARDED_BY(lock_) = false;
  std::uint64_t offset_ = 0;
  std::size_t length_ = 0;
  evi::FileId id_;
  unsigned char *bytes_ EVI_GUARDED_BY(lock_) = nullptr;
  evbuffer_file_segment_cleanup_cb cleanup_ = nullptr;
  void *cleanup_arg_ = nullptr;
  // Not made with EVBUF_FS_DISABLE_LOCKING.
  evi::Lock lock_;
};

#endif
