// Keeping a few large chains per loop.
#include "bufferevent/loop_chunks.h"

#include "util/alloc.h"
#include "util/assert.h"

namespace evi {
namespace {

// More room than this for each byte that is asked for would be waste.
constexpr std::size_t kMostWaste = 4;

// Null if there was no memory for them.
void abandon_chunks(void *chunks) noexcept {
  if (chunks) static_cast<LoopChunks *>(chunks)->abandon();
}

}  // namespace

void LoopChunks::drop() noexcept {
  if (claims_.fetch_sub(1, std::memory_order_acq_rel) == 1) evi::destroy(this);
}

void LoopChunks::abandon() noexcept {
  chain_release_list(kept);
  kept = nullptr;
  if (receive.chain) chain_release(receive.chain);
  receive.chain = nullptr;
  base_is_freed_.store(true, std::memory_order_release);
  drop();
}

bool prepare_loop_chunks(event_base &base) noexcept {
  const LockGuard held(base.lock());
  LoopLocal &local = base.loop_local();
  if (!local.data) {
    local.destroy = abandon_chunks;
    local.data = make<LoopChunks>();
  }
  return local.data != nullptr;
}

Chain *take_loop_chunk(event_base &base, std::size_t size) noexcept {
  const LockGuard held(base.lock());
  LoopChunks *chunks = loop_chunks(base);
  if (!chunks) return nullptr;
  for (Chain **slot = &chunks->kept; *slot; slot = &(*slot)->next) {
    Chain *chain = *slot;
    if (chain->capacity() < size || chain->capacity() / kMostWaste > size) continue;
    EVI_ASSERT(chunks->kept_bytes >= chain->capacity());
    *slot = chain->next;
    chunks->kept_bytes -= chain->capacity();
    chain->reset();
    chain->recyclable = false;
    return chain;
  }
  return nullptr;
}

bool keep_loop_chunk(event_base &base, Chain &chain) noexcept {
  const std::size_t size = chain.capacity();
  if (size < kSmallestKept || size > kLargestKept || !chain.exclusive_memory()) return false;
  const LockGuard held(base.lock());
  LoopChunks *chunks = loop_chunks(base);
  if (!chunks || chunks->kept_bytes + size > kMostKeptBytes) return false;
  chain.reset();
  chain.next = chunks->kept;
  chunks->kept = &chain;
  chunks->kept_bytes += size;
  return true;
}

void return_chunk(ReadChunk *lent, event_base &base, Chain &chunk) noexcept {
  chunk.reset();
  if (lent && !lent->chain) {
    lent->chain = &chunk;
  } else if (!keep_loop_chunk(base, chunk)) {
    chain_release(&chunk);
  }
}

}  // namespace evi
