// struct evbuffer_file_segment: a range of an open file that any number of chains, in any buffers, show parts
// of.
//
// Claims: its maker's and one for each chain. With the last one the descriptor is closed if that is asked
// for, the program's cleanup function runs, and what was read or mapped is given back, in this order.
//
// Locks: claims are counted atomically. The segment's own lock guards the reading in, which chains in two
// buffers may ask for at once; it is taken with a buffer's lock held, and nothing is called under it.
#ifndef EVI_BUFFER_FILE_SEGMENT_H
#define EVI_BUFFER_FILE_SEGMENT_H

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "buffer/file_io.h"
#include "event2/buffer.h"
#include "thread/lock.h"

struct evbuffer_file_segment final {
 public:
  // A segment with one claim. `length` -1: up to the file's present end. Null, with errno, if there is no
  // memory or the file does not have these bytes: EINVAL. The descriptor is open after a failure too. What
  // cannot be sent by the kernel is read in now.
  [[nodiscard]] static evbuffer_file_segment *create(int fd, ev_off_t offset, ev_off_t length,
                                                     unsigned flags) noexcept;
  evbuffer_file_segment() noexcept = default;
  evbuffer_file_segment(const evbuffer_file_segment &) = delete;
  evbuffer_file_segment &operator=(const evbuffer_file_segment &) = delete;
  ~evbuffer_file_segment();

  void hold() noexcept { claims_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept;

  void set_cleanup(evbuffer_file_segment_cleanup_cb fn, void *arg) noexcept {
    cleanup_ = fn;
    cleanup_arg_ = arg;
  }
  // For the maker whose caller is to keep the descriptor after all.
  void keep_open() noexcept { flags_ &= ~static_cast<unsigned>(EVBUF_FS_CLOSE_ON_FREE); }

  std::size_t length() const noexcept { return length_; }
  bool can_be_sent() const noexcept { return can_be_sent_; }

  // All bytes of the segment, which has some, in memory: read or mapped by the first call, the same address
  // from then on. Null with errno: EIO if the file has become too short.
  [[nodiscard]] unsigned char *bytes() noexcept;
  // See file_send().
  [[nodiscard]] ev_ssize_t send(int to, std::size_t offset, std::size_t size) const noexcept {
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
