// Creation, destruction and lock of a buffer; the list of chains and the spare.
#include "buffer/evbuffer.h"

#include <climits>

#include "buffer/callbacks.h"
#include "util/alloc.h"
#include "util/assert.h"

using evi::Chain;

evbuffer *evbuffer::create() noexcept { return evi::make<evbuffer>(); }

evbuffer::~evbuffer() {
  if (deferred_) evi::DeferredChange::destroy(deferred_);
  remove_all_callbacks();
  evi::chain_release_list(unlink_all());
  if (spare_) evi::chain_release(spare_);
  if (owns_lock_) evi::raw_lock_free(lock_);
}

void evbuffer::free_claim() noexcept {
  if (!owner_ops_) --claims_;
}

bool evbuffer::enable_locking(void *raw_lock) noexcept {
  if (lock_) return false;
  lock_ = raw_lock ? raw_lock : evi::raw_lock_new();
  owns_lock_ = lock_ && !raw_lock;
  return lock_ != nullptr;
}

bool evbuffer::set_max_read(std::size_t max) noexcept {
  if (max == 0 || max > INT_MAX) return false;
  max_read_ = static_cast<std::uint32_t>(max);
  return true;
}

void evbuffer::release_spare() noexcept {
  if (spare_ && !spare_->reserved) give_back(take_spare());
}

Chain *evbuffer::take_idle_chunk() noexcept {
  return spare_ && spare_->recyclable && !spare_->reserved ? take_spare() : nullptr;
}

// --- the list ---

void evbuffer::link_list_back(Chain *first, Chain *last, std::size_t bytes) noexcept {
  EVI_ASSERT(evi::raw_lock_held(lock_));
  EVI_ASSERT(first && last && !last->next);
  EVI_ASSERT(bytes > 0 && fits(bytes));
  (last_ ? last_->next : first_) = first;
  last_ = last;
  length_ += bytes;
}

void evbuffer::link_back(Chain &chain) noexcept { link_list_back(&chain, &chain, chain.length()); }

void evbuffer::link_front(Chain &chain) noexcept {
  EVI_ASSERT(evi::raw_lock_held(lock_));
  EVI_ASSERT(chain.length() > 0 && fits(chain.length()));
  EVI_ASSERT(&chain != spare_);
  chain.next = first_;
  first_ = &chain;
  if (!last_) last_ = &chain;
  length_ += chain.length();
}

Chain *evbuffer::unlink_all() noexcept {
  Chain *first = first_;
  first_ = last_ = nullptr;
  length_ = 0;
  may_have_unread_ = false;
  return first;
}

// All chains are unlinked before the first is freed, since that may invoke cleanup callbacks of the program.
void evbuffer::drop_chains(std::size_t size) noexcept {
  EVI_ASSERT(size <= length_);
  Chain *gone = first_;
  if (size == length_) {
    unlink_all();
  } else {
    length_ -= size;
    Chain *last_gone = nullptr;
    for (; size >= first_->length(); first_ = first_->next) {
      size -= first_->length();
      last_gone = first_;
    }
    first_->head += size;
    if (!last_gone) return;
    last_gone->next = nullptr;
  }
  while (gone) {
    Chain *next = gone->next;
    retire(gone);
    gone = next;
  }
}

// --- the spare ---

Chain *evbuffer::take_spare() noexcept {
  EVI_ASSERT(spare_);
  Chain *chain = spare_;
  spare_ = nullptr;
  chain->reserved = false;
  return chain;
}

bool evbuffer::spare_worth_keeping(const Chain &chain) const noexcept {
  const bool wanted_back = chain.recyclable && owner_ops_;
  if (!chain.exclusive_memory() || (chain.capacity() > evi::kMaxSpare && !wanted_back)) return false;
  if (!spare_) return true;
  return !spare_->reserved && chain.capacity() > spare_->capacity();
}

// Keeps an unlinked chain as the spare, or drops the buffer's claim on it.
void evbuffer::retire(Chain *chain) noexcept {
  EVI_ASSERT(chain != spare_ && chain != first_ && chain != last_);
  if (!spare_worth_keeping(*chain)) return give_back(chain);
  if (spare_) give_back(spare_);
  chain->reset();
  spare_ = chain;
}

// Frees a chain that is not linked, or passes it to the owner.
void evbuffer::give_back(Chain *chain) noexcept {
  const bool may_be_kept = chain->capacity() >= evi::kLargeChain && owner_ops_ && owner_ops_->keep_chain;
  if (may_be_kept && chain->exclusive_memory() && owner_ops_->keep_chain(*chain, owner())) return;
  evi::chain_release(chain);
}

Chain *evbuffer::new_chain(std::size_t size) noexcept {
  if (EVI_UNLIKELY(size >= evi::kLargeChain) && owner_ops_ && owner_ops_->take_chain) {
    if (Chain *chain = owner_ops_->take_chain(size, owner())) {
      EVI_ASSERT(chain->exclusive_memory() && !chain->next);
      EVI_ASSERT(chain->length() == 0 && chain->room() >= size);
      return chain;
    }
  }
  return evi::chain_new(size, growth_base());
}

// --- invariants ---

bool evbuffer::is_sound(const Chain &c) const noexcept {
  if (c.head < c.begin || c.tail <= c.head || c.end < c.tail || c.reserved) return false;
  if (c.holders.load(std::memory_order_relaxed) == 0) return false;
  if (c.kind != Chain::Kind::memory && (c.tail != c.end || c.recyclable)) return false;
  return !c.unread || (c.kind == Chain::Kind::file && may_have_unread_);
}

bool evbuffer::check_invariants(std::size_t limit) const noexcept {
  if (length_ > evi::kMaxBufferLength || (length_ == 0) != !first_ || !first_ != !last_) return false;
  if ((may_have_unread_ && !first_) || (!running_ && has_removed_)) return false;
  if (spare_ && (!spare_->exclusive_memory() || spare_->length() != 0 || spare_->next)) return false;
  if (last_ && (last_->next || !is_sound(*last_))) return false;
  std::size_t bytes = 0;
  const Chain *last = nullptr;
  const Chain *c = first_;
  for (; c && limit > 0; last = c, c = c->next, --limit) {
    if (!is_sound(*c)) return false;
    bytes += c->length();
  }
  return c ? bytes < length_ : last == last_ && bytes == length_;
}

// --- public calls ---

namespace evi {

void BufferUse::hold_owner() noexcept {
  owner_ops_ = buffer_.owner_ops_;
  owner_ = buffer_.owner();
  owner_ops_->hold(owner_);
}

void BufferUse::report_locked() noexcept {
  if (buffer_.owner_ops_->locked) buffer_.owner_ops_->locked(buffer_.owner());
}

void BufferUse::finish(bool last) noexcept {
  if (last) destroy(&buffer_);
  if (owner_ops_) owner_ops_->release(owner_);
}

}  // namespace evi
