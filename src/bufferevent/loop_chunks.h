// LoopChunks: large blocks of memory that the bufferevents of one loop pass on to each other.
//
// Bytes in bulk fill a block that is drained a moment later. An allocator that gets each one back returns
// pages to the kernel, and the next block faults them in again, which costs more than sending what is in
// them. So a loop keeps a few. It owns them: they go with it.
#ifndef EVI_BUFFEREVENT_LOOP_CHUNKS_H
#define EVI_BUFFEREVENT_LOOP_CHUNKS_H

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "buffer/evbuffer.h"
#include "core/event_base.h"

namespace evi {

struct LoopChunks {
  LoopChunks() noexcept = default;
  LoopChunks(const LoopChunks &) = delete;
  LoopChunks &operator=(const LoopChunks &) = delete;
  ~LoopChunks() { chain_release_list(kept); }

  // Claims: the base's, and one of each BaseWatch.
  void hold() noexcept { claims_.fetch_add(1, std::memory_order_relaxed); }
  void drop() noexcept;
  // The base is freed: releases the chunks. The object is destroyed with the last claim.
  void abandon() noexcept;
  bool base_is_freed() const noexcept { return base_is_freed_.load(std::memory_order_acquire); }

  // What all connections receive into; for the loop's thread alone.
  ReadChunk receive;
  // Empty chains that are not in use. Under the base's lock.
  Chain *kept = nullptr;
  std::size_t kept_bytes = 0;

 private:
  std::atomic<std::uint32_t> claims_{1};
  std::atomic<bool> base_is_freed_{false};
};

// What is kept in all, and of what sizes.
inline constexpr std::size_t kMostKeptBytes = 512 * 1024;
inline constexpr std::size_t kSmallestKept = kLargeChain;
inline constexpr std::size_t kLargestKept = 256 * 1024;

// Sees to it that the base has them, before a first bufferevent of its can run. False if out of memory.
[[nodiscard]] bool prepare_loop_chunks(event_base &base) noexcept;
// The base's; null if it has no bufferevent.
inline LoopChunks *loop_chunks(event_base &base) noexcept {
  return static_cast<LoopChunks *>(base.loop_local().data);
}

// From any thread: an empty chain for `size` bytes, or null. It is not much larger.
Chain *take_loop_chunk(event_base &base, std::size_t size) noexcept;
// Takes over a chain that has no other holder; false if it stays the caller's.
bool keep_loop_chunk(event_base &base, Chain &chain) noexcept;
// Takes over a chunk that was read into and is not needed any more: it is lent again by `lent`, which is null
// off the loop's thread, or kept, or freed.
void return_chunk(ReadChunk *lent, event_base &base, Chain &chunk) noexcept;

}  // namespace evi

#endif
