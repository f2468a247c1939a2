// Moves chains between buffers, shares them, and adds the program's memory by reference.
#include <algorithm>
#include <climits>

#include "buffer/evbuffer.h"
#include "util/assert.h"

using evi::Chain;

// Returns an unused spare in exchange for chains: a source that is filled and emptied repeatedly need not
// allocate.
void evbuffer::swap_spare_for(evbuffer &source) noexcept {
  EVI_ASSERT(&source != this);
  if (spare_ && !source.spare_ && !spare_->reserved && spare_->capacity() <= evi::kMaxSpare) {
    source.spare_ = take_spare();
  }
}

bool evbuffer::append_all(evbuffer &source) noexcept {
  if (source.empty() || &source == this) return true;
  const std::size_t before = length_;
  const std::size_t moved = source.length_;
  if (end_frozen_ || source.front_frozen_ || !fits(moved)) return false;
  EVI_ASSERT(evi::raw_lock_held(source.lock_));
  Chain *last = source.last_;
  inherit_files(source);
  link_list_back(source.unlink_all(), last, moved);
  swap_spare_for(source);
  source.changed(0, moved);
  changed_from(before, moved, 0);
  return true;
}

bool evbuffer::prepend_all(evbuffer &source) noexcept {
  if (source.empty() || &source == this) return true;
  const std::size_t before = length_;
  const std::size_t moved = source.length_;
  if (front_frozen_ || source.front_frozen_ || !fits(moved)) return false;
  EVI_ASSERT(evi::raw_lock_held(lock_) && evi::raw_lock_held(source.lock_));
  Chain *last = source.last_;
  Chain *rest = first_;
  inherit_files(source);
  first_ = source.unlink_all();
  last->next = rest;
  if (!rest) last_ = last;
  length_ += moved;
  source.changed(0, moved);
  changed_from(before, moved, 0);
  return true;
}

namespace {

// Up to this size bytes are copied rather than moved with a chain that they do not fill.
constexpr std::size_t kMaxCopiedMove = 2048;
// The largest chain made for such copies, so that little of the last one stays unused.
constexpr std::size_t kCopyChain = 4096;

}  // namespace

// True if the first `size` bytes are few and leave much of their chain unused, and there is room for them
// behind the data; provides the room if necessary. Otherwise each small piece of a message would be moved
// with a chain of its own.
bool evbuffer::prepare_copy(const evbuffer &source, std::size_t size) noexcept {
  const Chain &chain = *source.first_;
  if (size > kMaxCopiedMove || size > chain.length() || chain.kind != Chain::Kind::memory) return false;
  if (!last_ || chain.capacity() - size < size / 4) return false;
  const std::size_t room = tail_room();
  if (size <= room || (spare_ && spare_->capacity() >= size - room)) return true;
  Chain *made = evi::chain_new(size - room, std::min(growth_base(), kCopyChain / 2));
  if (!made) return false;
  if (spare_) give_back(spare_);
  spare_ = made;
  return true;
}

ev_ssize_t evbuffer::append_some(evbuffer &source, std::size_t size) noexcept {
  size = std::min({size, source.length_, static_cast<std::size_t>(INT_MAX)});
  if (size == 0 || &source == this) return 0;
  if (end_frozen_ || source.front_frozen_ || !fits(size)) return -1;
  const std::size_t source_before = source.length_;
  if (prepare_copy(source, size)) {
    append_bytes(source.first_->head, size);
    source.drop_front(size);
  } else if (size == source.length_) {
    return append_all(source) ? static_cast<ev_ssize_t>(size) : -1;
  } else if (!take_front(source, size)) {
    return -1;
  }
  changed(size, 0);
  source.changed_from(source_before, 0, size);
  return static_cast<ev_ssize_t>(size);
}

// Moves some of the bytes: whole chains as they are, and part of the next one as a copy, or as a view of a
// file. Memory is allocated before anything is moved.
bool evbuffer::take_front(evbuffer &source, std::size_t size) noexcept {
  EVI_ASSERT(&source != this && evi::raw_lock_held(source.lock_));
  EVI_ASSERT(size > 0 && size < source.length_);
  Chain *last = nullptr;
  Chain *cut = source.first_;
  std::size_t whole = 0;
  while (cut->length() <= size - whole) {
    whole += cut->length();
    last = cut;
    cut = cut->next;
  }
  const std::size_t part = size - whole;
  const Chain *before = last ? last : last_;
  const std::size_t room = before && before->kind == Chain::Kind::memory ? before->room() : 0;
  Chain *view = nullptr;
  if (part > 0 && cut->kind == Chain::Kind::file) {
    view = evi::chain_new_file_view(*cut, part);
    if (!view) return false;
  } else if (part > room && !provide_spare(part - room)) {
    return false;
  }
  inherit_files(source);
  if (last) {
    Chain *first = source.first_;
    last->next = nullptr;
    source.first_ = cut;
    source.length_ -= whole;
    link_list_back(first, last, whole);
  }
  if (part > 0) {
    view ? link_back(*view) : append_bytes(cut->head, part);
    cut->head += part;
    source.length_ -= part;
  }
  return true;
}

// --- by reference ---

bool evbuffer::append_shared(evbuffer &source) noexcept {
  if (&source == this) return false;
  if (source.empty()) return true;
  if (end_frozen_ || !fits(source.length_)) return false;
  Chain *first = nullptr;
  Chain **slot = &first;
  Chain *last = nullptr;
  for (Chain *c = source.first_; c; c = c->next) {
    last = c->kind == Chain::Kind::shared ? nullptr : evi::chain_new_shared(*c);
    if (!last) {
      evi::chain_release_list(first);
      return false;
    }
    *slot = last;
    slot = &last->next;
  }
  const std::size_t added = source.length_;
  inherit_files(source);
  link_list_back(first, last, added);
  changed(added, 0);
  return true;
}

bool evbuffer::add_reference(const void *data, std::size_t offset, std::size_t size,
                             evbuffer_ref_cleanup_cb cleanup, void *arg) noexcept {
  if (end_frozen_ || !fits(size) || offset > evi::kMaxBufferLength - size) return false;
  if (size == 0) {
    // There are no bytes to wait for.
    if (cleanup) cleanup(data, offset, arg);
    return true;
  }
  Chain *chain = evi::chain_new_reference(data, offset, size, cleanup, arg);
  if (!chain) return false;
  link_back(*chain);
  changed(size, 0);
  return true;
}
