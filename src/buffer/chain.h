// One block of bytes in a buffer: where its memory is, which part of it holds data, who else uses it.
//
//            begin        head            tail         end
//   [ header ]|  gone      |     data      |   room     |      memory: header and bytes in one allocation
//             '------------+---------------+------------'
//   [ header + Reference ] head ... tail in the program's memory        reference: begin == head, end == tail
//   [ header + Chain*    ] head ... tail in another chain's memory      shared: that chain is held meanwhile
//   [ header + Chain*    ] the same                                       slice: of a chunk that was received
//   [ header + FilePart  ] head ... tail in a file segment's memory     file: the segment is held meanwhile
//
// A file chain whose bytes are in the file alone is `unread`: its pointers then are not addresses but tell
// how much of the part there is and how much has left, as they do elsewhere. chain_read_in() makes addresses
// of them. Only code that looks at bytes has to mind; buffers know by a flag when it does.
//
// A chain is linked into one buffer at most and changed only under that buffer's lock. Its bytes may be
// looked at through any number of `shared` chains, in other buffers and under other locks: therefore the
// count of holders is atomic, and bytes from begin to tail are never changed while there is more than one.
#ifndef EVI_BUFFER_CHAIN_H
#define EVI_BUFFER_CHAIN_H

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "event2/buffer.h"
#include "util/platform.h"

namespace evi {

// The most bytes that a buffer, and therefore a chain, can hold: what an ev_ssize_t can tell.
inline constexpr std::size_t kMaxBufferLength = static_cast<std::size_t>(EV_SSIZE_MAX);

// From here on a chain is large: worth keeping for who needs the next one.
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
  // A receive chunk that a bufferevent wants back once it is drained.
  bool recyclable;
  // Shown to the program by reserve, so that it must stay where it is until the commit.
  bool reserved;
  // The bytes are in the file alone.
  bool unread;

  std::size_t length() const noexcept { return static_cast<std::size_t>(tail - head); }
  std::size_t capacity() const noexcept { return static_cast<std::size_t>(end - begin); }
  // Bytes that may be appended or put in front.
  std::size_t room() const noexcept { return static_cast<std::size_t>(end - tail); }
  std::size_t front_room() const noexcept {
    return exclusive_memory() ? static_cast<std::size_t>(head - begin) : 0;
  }
  bool exclusive_memory() const noexcept {
    return kind == Kind::memory && holders.load(std::memory_order_acquire) == 1;
  }
  void reset() noexcept {
    head = tail = begin;
    next = nullptr;
    reserved = false;
  }
};

// The size of a chain's header counts for programs: 1024 - 48 bytes are what they get from a first reserve.
static_assert(sizeof(void *) != 8 || sizeof(Chain) == 48);

// An empty memory chain for `size` bytes or more; nullptr if there is no memory or size passes the limit.
// `grow_from`: the capacity of the chain it is to follow, which it outgrows up to a bound.
[[nodiscard]] Chain *chain_new(std::size_t size, std::size_t grow_from = 0) noexcept;
// An empty memory chain whose header and bytes are exactly `allocation` bytes.
[[nodiscard]] Chain *chain_new_exact(std::size_t allocation) noexcept;
// Gives memory behind the data back to the allocator; the chain, which must not be linked, may move.
[[nodiscard]] Chain *chain_shrink(Chain *chain) noexcept;

// `size` bytes at data + offset in memory of the program.
[[nodiscard]] Chain *chain_new_reference(const void *data, std::size_t offset, std::size_t size,
                                         evbuffer_ref_cleanup_cb cleanup, void *arg) noexcept;
// The present bytes of a memory or reference chain, which is held, of a slice's, or of a file chain.
[[nodiscard]] Chain *chain_new_shared(Chain &parent) noexcept;
// The first `size` of the present bytes of a memory chain, which is held.
[[nodiscard]] Chain *chain_new_slice(Chain &parent, std::size_t size) noexcept;

// `size` bytes of a file segment, which is held. Unless `unread`, the segment's bytes have been read in.
[[nodiscard]] Chain *chain_new_file(evbuffer_file_segment &segment, std::size_t offset, std::size_t size,
                                    bool unread) noexcept;
// The first bytes of a file chain once more.
[[nodiscard]] Chain *chain_new_file_view(const Chain &chain, std::size_t size) noexcept;
// Makes the bytes of an unread chain addressable. False with errno, the chain being as it was.
[[nodiscard]] bool chain_read_in(Chain &chain) noexcept;
// Sends up to `size` of an unread chain's bytes from the kernel; see file_send(). They stay in the chain.
[[nodiscard]] ev_ssize_t chain_send(const Chain &chain, int to, std::size_t size) noexcept;

// Drops a claim on the chain: with the last one it is freed, after the program was told of a reference's end.
void chain_release(Chain *chain) noexcept;
void chain_release_list(Chain *first) noexcept;

}  // namespace evi

#endif
