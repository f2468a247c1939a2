// Creates, shares and frees chains.
#include "buffer/chain.h"

#include "buffer/file_segment.h"
#include "util/alloc.h"
#include "util/assert.h"

namespace evi {
namespace {

struct Reference {
  evbuffer_ref_cleanup_cb cleanup;
  void *arg;
  const void *data;
  std::size_t size;
};

struct FilePart {
  evbuffer_file_segment *segment;
  // Of the chain's `begin` within the segment.
  std::size_t offset;
};

// The smallest chains are powers of two including their header. From a page on, the size of the data is a
// power of two, so that a buffered 4096-byte block fills its chain.
constexpr std::size_t kSmallestAllocation = 1024;
constexpr std::size_t kSmallAllocation = 2048;
constexpr std::size_t kPage = 4096;
// Chains grow up to this size; larger ones are made for larger pieces only.
constexpr std::size_t kMaxGrowth = 16384;

template <typename Payload>
Payload &payload(Chain &chain) noexcept {
  return *reinterpret_cast<Payload *>(&chain + 1);
}

const FilePart &file_part(const Chain &chain) noexcept {
  EVI_ASSERT(chain.kind == Chain::Kind::file);
  return *reinterpret_cast<const FilePart *>(&chain + 1);
}

std::size_t position_in_segment(const Chain &chain) noexcept {
  return file_part(chain).offset + static_cast<std::size_t>(chain.head - chain.begin);
}

// Where unread chains begin: not an address, and low enough that no length wraps.
unsigned char *nowhere() noexcept { return reinterpret_cast<unsigned char *>(kPage); }

std::size_t allocation_for(std::size_t size) noexcept {
  if (size <= kSmallestAllocation - sizeof(Chain)) return kSmallestAllocation;
  if (size <= kSmallAllocation - sizeof(Chain)) return kSmallAllocation;
  std::size_t rounded = kPage;
  while (rounded < size && rounded < kMaxGrowth) rounded *= 2;
  if (rounded < size) rounded = (size + kPage - 1) / kPage * kPage;
  return rounded + sizeof(Chain);
}

Chain *init(void *memory, Chain::Kind kind, unsigned char *begin, unsigned char *end) noexcept {
  Chain *chain = static_cast<Chain *>(memory);
  chain->next = nullptr;
  chain->begin = chain->head = chain->tail = begin;
  chain->end = end;
  new (&chain->holders) std::atomic<std::uint32_t>(1);
  chain->kind = kind;
  chain->recyclable = false;
  chain->reserved = false;
  chain->unread = false;
  return chain;
}

template <typename Payload>
Chain *new_view(Chain::Kind kind, unsigned char *data, std::size_t size, const Payload &held) noexcept {
  EVI_ASSERT(kind != Chain::Kind::memory);
  EVI_ASSERT(size > 0 && size <= kMaxBufferLength);
  void *memory = mm_malloc(sizeof(Chain) + sizeof(Payload));
  if (!memory) return nullptr;
  Chain *chain = init(memory, kind, data, data + size);
  chain->tail = chain->end;
  new (&payload<Payload>(*chain)) Payload(held);
  return chain;
}

}  // namespace

Chain *chain_new_exact(std::size_t allocation) noexcept {
  EVI_ASSERT(allocation > sizeof(Chain));
  void *memory = mm_malloc(allocation);
  if (!memory) return nullptr;
  unsigned char *bytes = static_cast<unsigned char *>(memory);
  return init(memory, Chain::Kind::memory, bytes + sizeof(Chain), bytes + allocation);
}

Chain *chain_new(std::size_t size, std::size_t grow_from) noexcept {
  if (size > kMaxBufferLength - sizeof(Chain) - kPage) return nullptr;
  const std::size_t grown = grow_from < kMaxGrowth / 2 ? 2 * grow_from : kMaxGrowth;
  return chain_new_exact(allocation_for(size > grown || grow_from == 0 ? size : grown));
}

Chain *chain_shrink(Chain *chain) noexcept {
  EVI_ASSERT(chain->exclusive_memory());
  EVI_ASSERT(!chain->next && !chain->reserved);
  EVI_ASSERT(chain->length() > 0);
  const std::size_t skipped = static_cast<std::size_t>(chain->head - chain->begin);
  const std::size_t used = static_cast<std::size_t>(chain->tail - chain->begin);
  Chain *moved = static_cast<Chain *>(mm_realloc(chain, sizeof(Chain) + used));
  if (!moved) return chain;
  init(moved, Chain::Kind::memory, reinterpret_cast<unsigned char *>(moved + 1), nullptr);
  moved->head = moved->begin + skipped;
  moved->tail = moved->end = moved->begin + used;
  return moved;
}

Chain *chain_new_reference(const void *data, std::size_t offset, std::size_t size,
                           evbuffer_ref_cleanup_cb cleanup, void *arg) noexcept {
  // Never written to: only memory chains are.
  unsigned char *bytes = static_cast<unsigned char *>(const_cast<void *>(data));
  return new_view(Chain::Kind::reference, bytes + offset, size, Reference{cleanup, arg, data, offset + size});
}

namespace {

Chain *hold_view(Chain::Kind kind, Chain &parent, unsigned char *data, std::size_t size) noexcept {
  EVI_ASSERT(data >= parent.begin && size <= static_cast<std::size_t>(parent.tail - data));
  Chain *chain = new_view<Chain *>(kind, data, size, &parent);
  if (chain) chain_hold(parent);
  return chain;
}

}  // namespace

Chain *chain_new_slice(Chain &parent, std::size_t size) noexcept {
  EVI_ASSERT(parent.kind == Chain::Kind::memory);
  EVI_ASSERT(size <= parent.length());
  return hold_view(Chain::Kind::slice, parent, parent.head, size);
}

Chain *chain_new_shared(Chain &parent) noexcept {
  if (parent.kind == Chain::Kind::file) return chain_new_file_view(parent, parent.length());
  Chain &memory = parent.kind == Chain::Kind::slice ? *payload<Chain *>(parent) : parent;
  EVI_ASSERT(memory.kind == Chain::Kind::memory || memory.kind == Chain::Kind::reference);
  return hold_view(Chain::Kind::shared, memory, parent.head, parent.length());
}

// --- files ---

Chain *chain_new_file(evbuffer_file_segment &segment, std::size_t offset, std::size_t size,
                      bool unread) noexcept {
  EVI_ASSERT(offset <= segment.length() && size <= segment.length() - offset);
  unsigned char *bytes = unread ? nowhere() : segment.bytes() + offset;
  Chain *chain = new_view(Chain::Kind::file, bytes, size, FilePart{&segment, offset});
  if (!chain) return nullptr;
  chain->unread = unread;
  segment.hold();
  return chain;
}

Chain *chain_new_file_view(const Chain &chain, std::size_t size) noexcept {
  EVI_ASSERT(size <= chain.length());
  return chain_new_file(*file_part(chain).segment, position_in_segment(chain), size, chain.unread);
}

bool chain_read_in(Chain &chain) noexcept {
  EVI_ASSERT(chain.unread);
  unsigned char *bytes = file_part(chain).segment->bytes();
  if (!bytes) return false;
  unsigned char *begin = bytes + file_part(chain).offset;
  chain.head = begin + (chain.head - chain.begin);
  chain.tail = chain.end = begin + (chain.tail - chain.begin);
  chain.begin = begin;
  chain.unread = false;
  return true;
}

ev_ssize_t chain_send(const Chain &chain, int to, std::size_t size) noexcept {
  EVI_ASSERT(chain.unread);
  EVI_ASSERT(size > 0 && size <= chain.length());
  return file_part(chain).segment->send(to, position_in_segment(chain), size);
}

// --- release ---

void chain_release(Chain *chain) noexcept {
  EVI_ASSERT(chain->holders.load(std::memory_order_relaxed) > 0);
  // A sole holder, the common case, needs no locked instruction: no other thread can take a claim.
  if (chain->holders.load(std::memory_order_acquire) != 1 &&
      chain->holders.fetch_sub(1, std::memory_order_acq_rel) != 1) {
    return;
  }
  switch (chain->kind) {
    case Chain::Kind::memory:
      break;
    case Chain::Kind::file:
      payload<FilePart>(*chain).segment->release();
      break;
    case Chain::Kind::reference: {
      const Reference held = payload<Reference>(*chain);
      if (held.cleanup) held.cleanup(held.data, held.size, held.arg);
      break;
    }
    case Chain::Kind::shared:
    case Chain::Kind::slice:
      chain_release(payload<Chain *>(*chain));
      break;
  }
  mm_free(chain);
}

void chain_release_list(Chain *first) noexcept {
  while (first) {
    Chain *next = first->next;
    chain_release(first);
    first = next;
  }
}

}  // namespace evi
