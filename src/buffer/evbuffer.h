// struct evbuffer: a list of chains, and callbacks on change.
//
// The chains in the list have data. A buffer may also keep one empty chain, the spare: room that reserve and
// expand prepared, or the last small chain that was drained, so that a buffer that is filled and emptied
// alternately does not allocate.
//
// Locks: unless stated otherwise, methods require that the caller holds the buffer's lock (see BufferUse); no
// method acquires or releases it. Methods that add or remove bytes invoke callbacks as their last step: they
// read no member after they reported the change.
#ifndef EVI_BUFFER_EVBUFFER_H
#define EVI_BUFFER_EVBUFFER_H

#include <algorithm>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "buffer/chain.h"
#include "buffer/search.h"
#include "event2/buffer.h"
#include "event2/buffer_compat.h"
#include "thread/lock.h"
#include "util/assert.h"
#include "util/platform.h"

struct event_base;

namespace evi {

class BufferUse;
struct DeferredChange;

// Functions of an object that has buffers inside its own memory (a bufferevent).
struct BufferOwner {
  // Called for each change, after the program's callbacks, with the buffer's lock held. If it runs code of
  // the program, it keeps the owner alive until the call that made the change has returned.
  void (*changed)(evbuffer &buffer, std::size_t added, std::size_t deleted, void *owner) noexcept;
  // Take and drop a claim on the owner, while callbacks of the buffer run or are pending. release is called
  // without the buffer's lock.
  void (*hold)(void *owner) noexcept;
  void (*release)(void *owner) noexcept;
  // Called when a public call has acquired the buffer's lock, before it does anything else; may be null.
  void (*locked)(void *owner) noexcept = nullptr;
  // Source and sink of large chains; may be null. take_chain may return null, keep_chain false.
  Chain *(*take_chain)(std::size_t size, void *owner) noexcept = nullptr;
  bool (*keep_chain)(Chain &chain, void *owner) noexcept = nullptr;
  // The offset of the buffer within its owner, in bytes.
  std::size_t offset = 0;
};

// Data is added at the back and removed at the front. Either end can be frozen; freezing does not count.
enum class BufferEnd : bool { back, front };

// A large receive chunk, kept by an event loop for all its connections. Null until it is needed.
struct ReadChunk {
  ReadChunk() noexcept = default;
  ReadChunk(const ReadChunk &) = delete;
  ReadChunk &operator=(const ReadChunk &) = delete;
  ~ReadChunk() {
    if (chain) chain_release(chain);
  }
  Chain *chain = nullptr;
};

// The largest spare, in bytes of data, that a buffer keeps without an owner.
inline constexpr std::size_t kMaxSpare = 4096;
// The limit of evbuffer_read() unless evbuffer_set_max_read() changed it, in bytes.
inline constexpr std::uint32_t kDefaultMaxRead = 4096;

}  // namespace evi

struct evbuffer_cb_entry {
  evbuffer_cb_entry *next = nullptr;
  union {
    evbuffer_cb_func change;
    evbuffer_cb lengths;
  } fn{};
  void *arg = nullptr;
  bool enabled = true;
  bool takes_lengths = false;
  // Removed while callbacks run: the entry stays in the list until the outermost run has ended.
  bool removed = false;
};

struct evbuffer {
 public:
  // --- evbuffer.cc: creation, lock, freeze ---

  // A buffer inside its owner's memory: constructed in place, without a lock, destroyed with the owner.
  evbuffer() noexcept = default;
  evbuffer(const evbuffer &) = delete;
  evbuffer &operator=(const evbuffer &) = delete;
  ~evbuffer();

  // A buffer in its own memory, with one claim, which free_claim drops. Null if out of memory.
  [[nodiscard]] static evbuffer *create() noexcept;
  // Does nothing to a buffer that has an owner.
  void free_claim() noexcept;

  // Uses a lock that its owner keeps.
  void set_lock(void *raw_lock) noexcept { lock_ = raw_lock; }
  void *lock() const noexcept { return lock_; }
  // evbuffer_enable_locking().
  [[nodiscard]] bool enable_locking(void *raw_lock) noexcept;

  // Requires: the buffer is empty and has no owner.
  void set_owner(const evi::BufferOwner &ops) noexcept {
    EVI_ASSERT(!owner_ops_ && !first_);
    EVI_ASSERT(ops.changed && ops.hold && ops.release);
    owner_ops_ = &ops;
  }
  // Null for a buffer without an owner.
  void *owner() const noexcept {
    if (!owner_ops_) return nullptr;
    return reinterpret_cast<unsigned char *>(const_cast<evbuffer *>(this)) - owner_ops_->offset;
  }

  void freeze(evi::BufferEnd end) noexcept { set_frozen(end, true); }
  void unfreeze(evi::BufferEnd end) noexcept { set_frozen(end, false); }
  bool frozen(evi::BufferEnd end) const noexcept {
    return end == evi::BufferEnd::front ? front_frozen_ : end_frozen_;
  }

  void set_flags(std::uint32_t flags) noexcept { flags_ = static_cast<std::uint8_t>(flags_ | flags); }
  void clear_flags(std::uint32_t flags) noexcept { flags_ = static_cast<std::uint8_t>(flags_ & ~flags); }
  [[nodiscard]] bool set_max_read(std::size_t max) noexcept;
  std::size_t max_read() const noexcept { return max_read_; }

  std::size_t length() const noexcept { return length_; }
  bool empty() const noexcept { return length_ == 0; }
  std::size_t first_length() const noexcept { return first_ ? first_->length() : 0; }
  // The next bytes are in a file, from which the kernel will send them.
  bool front_is_file() const noexcept { return may_have_unread_ && first_->unread; }
  // For reading the bytes extent by extent.
  const evi::Chain *first_chain() const noexcept { return first_; }

  // Frees the spare unless it is reserved. For owners whose connection is idle.
  void release_spare() noexcept;
  // Takes the drained receive chunk that the buffer keeps for its owner; null if it has none.
  [[nodiscard]] evi::Chain *take_idle_chunk() noexcept;

  // Everything that is always true of the list, the spare and the length. Visits at most `limit` chains; of a
  // longer list the end is checked, but not the sum of the lengths.
  bool check_invariants(std::size_t limit = SIZE_MAX) const noexcept;

  // --- add.cc ---

  [[nodiscard]] bool add(const void *data, std::size_t size) noexcept {
    if (EVI_LIKELY(!end_frozen_ && last_ && size - 1 < writable_room() && fits(size))) {
      append_to_last(data, size);
      changed(size, 0);
      return true;
    }
    return add_slow(data, size);
  }
  [[nodiscard]] bool prepend(const void *data, std::size_t size) noexcept;
  [[nodiscard]] std::size_t add_iovec(const evbuffer_iovec *vec, int count) noexcept;
  [[nodiscard]] bool expand(std::size_t size) noexcept;
  // The number of extents, -1 on failure.
  [[nodiscard]] int reserve(std::size_t size, evbuffer_iovec *vec, int count) noexcept;
  [[nodiscard]] bool commit(const evbuffer_iovec *vec, int count) noexcept;

  // --- file_segment.cc ---

  // Ownership: of the fd passes to the buffer on success only. Errors: false with errno.
  [[nodiscard]] bool add_file(int fd, ev_off_t offset, ev_off_t length) noexcept;
  // A negative length means the rest.
  [[nodiscard]] bool add_segment(evbuffer_file_segment &segment, ev_off_t offset, ev_off_t length) noexcept;

  // --- format.cc ---

  // The number of bytes added, -1 on failure.
  [[nodiscard]] int add_vprintf(const char *format, std::va_list args) noexcept;
  [[nodiscard]] int add_printf(const char *format, ...) noexcept EVI_PRINTF(2, 3);

  // --- remove.cc ---

  [[nodiscard]] bool drain(std::size_t size) noexcept;
  // The number of bytes copied (and removed), -1 if the front is frozen.
  [[nodiscard]] ev_ssize_t remove(void *data, std::size_t size) noexcept;
  [[nodiscard]] ev_ssize_t copyout(const evbuffer_ptr *from, void *data, std::size_t size) const noexcept;
  [[nodiscard]] unsigned char *pullup(ev_ssize_t size) noexcept;
  // -1 if reading in a file failed.
  [[nodiscard]] int peek(ev_ssize_t size, const evbuffer_ptr *from, evbuffer_iovec *vec,
                         int count) const noexcept;

  // --- move.cc; the locks of both buffers are held ---

  [[nodiscard]] bool append_all(evbuffer &source) noexcept;
  [[nodiscard]] bool prepend_all(evbuffer &source) noexcept;
  // The number of bytes moved, -1 on failure.
  [[nodiscard]] ev_ssize_t append_some(evbuffer &source, std::size_t size) noexcept;
  [[nodiscard]] bool append_shared(evbuffer &source) noexcept;
  [[nodiscard]] bool add_reference(const void *data, std::size_t offset, std::size_t size,
                                   evbuffer_ref_cleanup_cb cleanup, void *arg) noexcept;

  // --- search.cc; positions are those of search.h ---

  bool set_position(evbuffer_ptr &ptr, std::size_t position, evbuffer_ptr_how how) const noexcept;
  evbuffer_ptr search(const char *what, std::size_t size, const evbuffer_ptr *start,
                      const evbuffer_ptr *end) const noexcept;
  evbuffer_ptr search_eol(const evbuffer_ptr *start, std::size_t *eol_length,
                          evbuffer_eol_style style) const noexcept;
  // A line in memory from mm_malloc; null if there is none.
  [[nodiscard]] char *read_line(std::size_t *length, evbuffer_eol_style style) noexcept;

  // --- io.cc ---

  // One readv of at most `limit` bytes into the room behind the data and `spare`, which is created with room
  // for `chunk` bytes if it is null. Bytes in the spare are linked with it if they fill most of it, which
  // sets the caller's pointer to null; otherwise they are copied. Returns: the number of bytes, 0 at EOF.
  // Errors: -1 with errno; ENOMEM before anything is read, EPERM if the end is frozen.
  [[nodiscard]] ev_ssize_t read_into(int fd, std::size_t limit, evi::ReadChunk &spare,
                                     std::size_t chunk) noexcept;
  // The same with a chunk that the buffer creates.
  [[nodiscard]] ev_ssize_t read_some(int fd, std::size_t limit) noexcept;
  // Appends the bytes of a memory chain that is not linked. If they fill most of the chain or it has other
  // holders, it is linked and the caller's pointer is null; otherwise they are copied and the chain is reset.
  // Requires: the end is not frozen. Cannot fail.
  void append_received(evi::Chain *&filled) noexcept;
  // Moves the first `size` bytes, not all, of a memory chain, which the caller keeps. Requires: the end is
  // not frozen. False if out of memory.
  [[nodiscard]] bool append_slice(evi::Chain &chain, std::size_t size) noexcept;
  // One writev of at most `limit` bytes; drains the bytes that were written. If the kernel is to send files,
  // one call for each of them and for the bytes between, until a short write. Returns: the number of bytes, 0
  // if there is nothing to write. Errors: -1 with errno; EPERM if the front is frozen, EIO if a file was
  // truncated.
  [[nodiscard]] ev_ssize_t write_some(int fd, std::size_t limit) noexcept;

  // For overlapped writes: stores at most `count` extents of the first `limit` bytes, and their chains in
  // `held`. The bytes stay in place, also without the buffer, until each chain is released. Returns: the
  // number of extents; 0 if there are no bytes, or reading in their file failed.
  [[nodiscard]] int hold_front(std::size_t limit, evbuffer_iovec *vec, evi::Chain **held, int count) noexcept;

  // --- callbacks.cc ---

  [[nodiscard]] evbuffer_cb_entry *add_callback(evbuffer_cb_func fn, void *arg) noexcept;
  bool remove_callback(evbuffer_cb_func fn, void *arg) noexcept;
  void remove_callback(evbuffer_cb_entry &entry) noexcept;
  void remove_all_callbacks() noexcept;
  // Removes all, then sets an old-style callback unless it is null.
  [[nodiscard]] bool replace_callbacks(evbuffer_cb fn, void *arg) noexcept;
  [[nodiscard]] bool defer_callbacks(event_base &base) noexcept;

 private:
  friend class evi::BufferUse;
  friend struct evi::DeferredChange;

  void set_frozen(evi::BufferEnd end, bool frozen) noexcept {
    (end == evi::BufferEnd::front ? front_frozen_ : end_frozen_) = frozen;
  }

  std::size_t writable_room() const noexcept {
    EVI_ASSERT(last_);
    return last_->kind == evi::Chain::Kind::memory ? last_->room() : 0;
  }
  std::size_t tail_room() const noexcept { return last_ ? writable_room() : 0; }
  // `grow_from` of a new chain. A buffer that is drained as fast as it is filled holds few bytes, and needs
  // no large chains.
  std::size_t growth_base() const noexcept {
    return last_ && last_->kind == evi::Chain::Kind::memory ? std::min(last_->capacity(), length_) : 0;
  }
  bool fits(std::size_t size) const noexcept { return size <= evi::kMaxBufferLength - length_; }

  // Counts bytes that were written to the room of the last chain.
  void extend_last(std::size_t size) noexcept {
    EVI_ASSERT(size <= writable_room());
    EVI_ASSERT(fits(size));
    last_->tail += size;
    length_ += size;
  }
  void append_to_last(const void *data, std::size_t size) noexcept {
    std::memcpy(last_->tail, data, size);
    extend_last(size);
  }
  void append_bytes(const void *data, std::size_t size) noexcept;
  [[nodiscard]] bool add_slow(const void *data, std::size_t size) noexcept;
  [[nodiscard]] int format_into_spare(std::size_t expected, const char *format, std::va_list args) noexcept;
  [[nodiscard]] bool provide_spare(std::size_t size) noexcept;
  [[nodiscard]] bool provide_room(std::size_t size) noexcept;
  bool is_tail_room(const evbuffer_iovec &extent) const noexcept;
  bool is_spare_room(const evbuffer_iovec &extent) const noexcept;
  void commit_spare(std::size_t size) noexcept;

  void link_back(evi::Chain &chain) noexcept;
  void link_front(evi::Chain &chain) noexcept;
  void link_list_back(evi::Chain *first, evi::Chain *last, std::size_t bytes) noexcept;
  evi::Chain *unlink_all() noexcept;
  evi::Chain *take_spare() noexcept;
  bool spare_worth_keeping(const evi::Chain &chain) const noexcept;
  void retire(evi::Chain *chain) noexcept;
  void give_back(evi::Chain *chain) noexcept;
  evi::Chain *new_chain(std::size_t size) noexcept;
  // Requires: there are that many bytes.
  void drop_front(std::size_t size) noexcept {
    EVI_ASSERT(size <= length_);
    EVI_ASSERT(evi::raw_lock_held(lock_));
    if (EVI_UNLIKELY(!first_ || size >= first_->length())) return drop_chains(size);
    first_->head += size;
    length_ -= size;
  }
  void drop_chains(std::size_t size) noexcept;
  void swap_spare_for(evbuffer &source) noexcept;
  [[nodiscard]] unsigned char *gather(std::size_t size) noexcept;
  [[nodiscard]] bool prepare_copy(const evbuffer &source, std::size_t size) noexcept;
  [[nodiscard]] bool take_front(evbuffer &source, std::size_t size) noexcept;
  void inherit_files(const evbuffer &source) noexcept {
    if (EVI_UNLIKELY(source.may_have_unread_)) may_have_unread_ = true;
  }

  // Call before accessing bytes. False with errno if reading in their file failed.
  bool readable(const evi::Cursor &at, std::size_t size) const noexcept {
    return EVI_LIKELY(!may_have_unread_) || read_in(at.chain, at.offset, size);
  }
  bool front_readable(std::size_t size) const noexcept {
    return EVI_LIKELY(!may_have_unread_) || read_in(first_, 0, size);
  }
  EVI_COLD bool read_in(const evi::Chain *chain, std::size_t skipped, std::size_t size) const noexcept;

  bool is_sound(const evi::Chain &chain) const noexcept;
  bool resolve(const evbuffer_ptr *ptr, evi::Cursor &out) const noexcept;
  bool find_line_end(evbuffer_eol_style style, std::size_t &size, std::size_t &eol_size) const noexcept;

  [[nodiscard]] ev_ssize_t receive(int fd, std::size_t limit, evi::ReadChunk &chunk) noexcept;
  void accept(evi::Chain *&filled, std::size_t bytes) noexcept;
  int extents_to_write(std::size_t limit, evbuffer_iovec *vec, int count) const noexcept;
  int merged_extents_to_write(std::size_t limit, evbuffer_iovec *vec, int count) const noexcept;
  ev_ssize_t write_memory(int fd, std::size_t limit) noexcept;
  ev_ssize_t write_memory_before_file(int fd, std::size_t limit, std::size_t &asked) noexcept;
  ev_ssize_t send_file(int fd, std::size_t limit) noexcept;
  EVI_COLD ev_ssize_t write_with_files(int fd, std::size_t limit) noexcept;

  // Reports a change that was made just now.
  void changed(std::size_t added, std::size_t deleted) noexcept {
    if (EVI_UNLIKELY(owner_ops_ || callbacks_)) report_change(added, deleted);
  }
  // The same after code of the program has run, which may have made and reported other changes.
  void changed_from(std::size_t length_before, std::size_t added, std::size_t deleted) noexcept {
    if (EVI_UNLIKELY(owner_ops_ || callbacks_)) report_change_from(length_before, added, deleted);
  }
  void report_change(std::size_t added, std::size_t deleted) noexcept;
  void report_change_from(std::size_t length_before, std::size_t added, std::size_t deleted) noexcept;
  void run_callbacks(const evbuffer_cb_info &info) noexcept;
  void defer_change(std::size_t added, std::size_t deleted) noexcept;
  void purge_removed_callbacks() noexcept;
  void hold() noexcept;

  evi::Chain *first_ = nullptr;
  evi::Chain *last_ = nullptr;
  std::size_t length_ = 0;
  evi::Chain *spare_ = nullptr;
  void *lock_ = nullptr;
  const evi::BufferOwner *owner_ops_ = nullptr;
  // Newest first.
  evbuffer_cb_entry *callbacks_ = nullptr;
  // Created by defer_callbacks().
  evi::DeferredChange *deferred_ = nullptr;
  std::uint32_t claims_ = 1;
  std::uint32_t max_read_ = evi::kDefaultMaxRead;
  bool running_ = false;
  std::uint8_t flags_ = 0;
  bool front_frozen_ = false;
  // Some chain may be unread. Set with the first, cleared when the buffer is empty.
  bool may_have_unread_ = false;
  bool end_frozen_ = false;
  bool owns_lock_ = false;
  bool has_removed_ = false;
};

// A bufferevent holds two, and must fit into 704 bytes.
static_assert(sizeof(void *) != 8 || sizeof(evbuffer) <= 80);

namespace evi {

// Holds a buffer's lock and a claim on the buffer during a public call: if a callback frees the buffer, it is
// destroyed when the call ends. Checks the buffer's invariants before the lock is released.
class BufferUse {
 public:
  explicit BufferUse(evbuffer &buffer, CallSite caller = CallSite::here()) noexcept
      : buffer_(buffer), lock_(buffer.lock_), caller_(caller) {
    raw_lock_acquire(lock_);
    ++buffer_.claims_;
    if (EVI_UNLIKELY(buffer_.callbacks_ && buffer_.owner_ops_)) hold_owner();
    if (EVI_UNLIKELY(lock_ != nullptr) && buffer_.owner_ops_) report_locked();
  }
  ~BufferUse() {
    caller_.check(buffer_);
    EVI_ASSERT(buffer_.claims_ > 0);
    const bool last = --buffer_.claims_ == 0;
    raw_lock_release(lock_);
    if (EVI_UNLIKELY(last || owner_ops_)) finish(last);
  }
  BufferUse(const BufferUse &) = delete;
  BufferUse &operator=(const BufferUse &) = delete;

 private:
  void hold_owner() noexcept;
  void report_locked() noexcept;
  void finish(bool last) noexcept;

  evbuffer &buffer_;
  void *lock_;
  const BufferOwner *owner_ops_ = nullptr;
  void *owner_ = nullptr;
  [[no_unique_address]] CallSite caller_;
};

// The same for two buffers, locked in an order that does not depend on the order of the arguments.
class BufferPairUse {
 public:
  BufferPairUse(evbuffer &a, evbuffer &b, CallSite caller = CallSite::here()) noexcept
      : first_(order(a, b) ? a : b, caller), second_(order(a, b) ? b : a, caller) {}

 private:
  static bool order(const evbuffer &a, const evbuffer &b) noexcept {
    return reinterpret_cast<std::uintptr_t>(a.lock()) <= reinterpret_cast<std::uintptr_t>(b.lock());
  }
  BufferUse first_;
  BufferUse second_;
};

// Opens one end of a buffer for as long as it lives. The owner of the buffer keeps it frozen otherwise.
class Unfrozen {
 public:
  Unfrozen(evbuffer &buffer, BufferEnd end) noexcept : buffer_(buffer), end_(end) { buffer.unfreeze(end); }
  ~Unfrozen() { buffer_.freeze(end_); }
  Unfrozen(const Unfrozen &) = delete;
  Unfrozen &operator=(const Unfrozen &) = delete;

 private:
  evbuffer &buffer_;
  BufferEnd end_;
};

}  // namespace evi

#endif
