// One block of bytes in a buffer: its memory, the part that holds data, and its holders.
//
//            begin        head            tail         end
//   [ header ]|  gone      |     data      |   room     |      memory: header and bytes in one allocation
//             '------------+---------------+------------'
//   [ header + Reference ] head ... tail in the program's memory        reference: begin == head, end == tail
//   [ header + Chain*    ] head ... tail in another chain's memory      shared: that chain is held meanwhile
//   [ header + Chain*    ] the same                                       slice: of a chunk that was received
//   [ header + FilePart  ] head ... tail in a file segment's memory     file: the segment is held meanwhile
//
// A file chain is `unread` while its bytes are in the file only. Its pointers are then no addresses, but
// their differences give the lengths as usual; chain_read_in() turns them into addresses. Code that accesses
// bytes must check for unread chains; a flag of the buffer says whether there may be any.
//
// A chain is linked into at most one buffer and changed under that buffer's lock only. Its bytes may be read
// through any number of `shared` chains, in other buffers and under other locks: therefore the count of
// holders is atomic, and bytes from begin to tail are never changed while there is more than one holder.
#ifndef EVI_BUFFER_CHAIN_H
#define EVI_BUFFER_CHAIN_H

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "event2/buffer.h"
#include "util/assert.h"
#include "util/platform.h"

namespace evi {

// The maximum length of a buffer, and therefore of a chain: the range of ev_ssize_t.
inline constexpr std::size_t kMaxBufferLength = static_cast<std::size_t>(EV_SSIZE_MAX);

// From this size on a chain is large: worth keeping for reuse.
inline constexpr std::size_t kLargeChain = 16384;

struct Chain {
  enum class Kind : std::uint8_t { memory, reference, shared, slice, file };

  Chain *next;
  unsigned char *begin;
  unsigned char *end;
  unsigned char *head;
  unsigned char *tail;
  std::atomic<std::uint32_t> holders;
  Kind kind;
  // A receive chunk, which goes back to its bufferevent once it is drained.
  bool recyclable;
  // Passed to the program by reserve(): must not move before the commit.
  bool reserved;
  // The bytes are in the file only.
  bool unread;

  std::size_t length() const noexcept { return static_cast<std::size_t>(tail - head); }
  std::size_t capacity() const noexcept { return static_cast<std::size_t>(end - begin); }
  // Bytes that may be appended, or prepended.
  std::size_t room() const noexcept { return static_cast<std::size_t>(end - tail); }
  std::size_t front_room() const noexcept {
    return exclusive_memory() ? static_cast<std::size_t>(head - begin) : 0;
  }
  bool exclusive_memory() const noexcept {
    return kind == Kind::memory && holders.load(std::memory_order_acquire) == 1;
  }
  void reset() noexcept {
    EVI_ASSERT(exclusive_memory());
    head = tail = begin;
    next = nullptr;
    reserved = false;
  }
};

// Programs depend on the size of a chain's header: a first reserve returns 1024 - 48 bytes.
static_assert(sizeof(void *) != 8 || sizeof(Chain) == 48);

// An empty memory chain for at least `size` bytes; nullptr if out of memory or beyond kMaxBufferLength.
// `grow_from`: the capacity of the chain before it, which the new chain doubles up to a bound.
[[nodiscard]] Chain *chain_new(std::size_t size, std::size_t grow_from = 0) noexcept;
// An empty memory chain whose header and bytes are exactly `allocation` bytes.
[[nodiscard]] Chain *chain_new_exact(std::size_t allocation) noexcept;
// Frees the memory behind the data; the chain may move. Requires: the chain is not linked, and this is its
// only holder.
[[nodiscard]] Chain *chain_shrink(Chain *chain) noexcept;

// `size` (> 0) bytes at data + offset in the program's memory.
[[nodiscard]] Chain *chain_new_reference(const void *data, std::size_t offset, std::size_t size,
                                         evbuffer_ref_cleanup_cb cleanup, void *arg) noexcept;
// A view of the bytes of any chain but a shared one. The memory or reference chain, or file segment, is held.
[[nodiscard]] Chain *chain_new_shared(Chain &parent) noexcept;
// A view of the first `size` bytes of a memory chain, which is held.
[[nodiscard]] Chain *chain_new_slice(Chain &parent, std::size_t size) noexcept;

// A view of `size` bytes of a file segment, which is held. Requires, unless `unread`: the segment's bytes are
// in memory.
[[nodiscard]] Chain *chain_new_file(evbuffer_file_segment &segment, std::size_t offset, std::size_t size,
                                    bool unread) noexcept;
// Another view of the first `size` bytes of a file chain.
[[nodiscard]] Chain *chain_new_file_view(const Chain &chain, std::size_t size) noexcept;
// Makes the bytes of an unread chain addressable. Errors: false with errno, the chain is unchanged.
[[nodiscard]] bool chain_read_in(Chain &chain) noexcept;
// Sends up to `size` of an unread chain's bytes within the kernel, see file_send(). They stay in the chain.
[[nodiscard]] ev_ssize_t chain_send(const Chain &chain, int to, std::size_t size) noexcept;

// Takes another claim on the chain.
inline void chain_hold(Chain &chain) noexcept {
  const std::uint32_t before = chain.holders.fetch_add(1, std::memory_order_relaxed);
  EVI_ASSERT(before > 0);
}
// Drops a claim on the chain. The last one frees it, after the cleanup callback of a reference.
void chain_release(Chain *chain) noexcept;
void chain_release_list(Chain *first) noexcept;

}  // namespace evi

#endif
