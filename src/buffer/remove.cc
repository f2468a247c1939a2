// Removes bytes, and gives access to them in place or as a copy.
#include <algorithm>

#include "buffer/evbuffer.h"
#include "util/assert.h"

using evi::Chain;
using evi::Cursor;

bool evbuffer::drain(std::size_t size) noexcept {
  if (front_frozen_) return false;
  size = std::min(size, length_);
  if (size == 0) return true;
  drop_front(size);
  changed(0, size);
  return true;
}

ev_ssize_t evbuffer::copyout(const evbuffer_ptr *from, void *data, std::size_t size) const noexcept {
  Cursor at;
  if (!resolve(from, at)) return -1;
  size = std::min(size, length_ - at.position);
  if (size == 0) return 0;
  if (front_frozen_ || !readable(at, size)) return -1;
  copy_bytes(at, data, size);
  return static_cast<ev_ssize_t>(size);
}

ev_ssize_t evbuffer::remove(void *data, std::size_t size) noexcept {
  if (EVI_LIKELY(first_ && !front_frozen_ && !may_have_unread_ && size - 1 < first_->length())) {
    std::memcpy(data, first_->head, size);
    drop_front(size);
    changed(0, size);
    return static_cast<ev_ssize_t>(size);
  }
  const ev_ssize_t copied = copyout(nullptr, data, size);
  if (copied <= 0) return copied;
  drop_front(static_cast<std::size_t>(copied));
  changed(0, static_cast<std::size_t>(copied));
  return copied;
}

// --- one extent ---

unsigned char *evbuffer::pullup(ev_ssize_t size) noexcept {
  const std::size_t wanted = size < 0 ? length_ : static_cast<std::size_t>(size);
  if (wanted == 0 || wanted > length_) return nullptr;
  return EVI_LIKELY(first_->length() >= wanted && !may_have_unread_) ? first_->head : gather(wanted);
}

// Copies the first bytes, which span several chains or are in a file, into one chain: the first if it has
// them or has room, or a new one.
unsigned char *evbuffer::gather(std::size_t size) noexcept {
  EVI_ASSERT(size > 0 && size <= length_);
  if (!front_readable(size)) return nullptr;
  if (first_->length() >= size) return first_->head;
  Chain *into = first_;
  const std::size_t there = into->length();
  if (into->kind == Chain::Kind::memory && into->room() >= size - there) {
    first_ = into->next;
    length_ -= there;
    size -= there;
  } else {
    // A caller that pulls up all bytes will probably do so again when there are more: room for half as many
    // saves copying all of them each time.
    into = evi::chain_new(size == length_ && size < evi::kMaxBufferLength / 2 ? size + size / 2 : size);
    if (!into) return nullptr;
  }
  EVI_ASSERT(into->room() >= size);
  copy_bytes(Cursor{first_, 0, 0}, into->tail, size);
  into->tail += size;
  // Programs print the bytes as a string: keeps the NUL that evbuffer_add_printf() leaves behind its text.
  if (into->room()) *into->tail = '\0';
  drop_front(size);
  link_front(*into);
  return into->head;
}

// --- many extents ---

int evbuffer::peek(ev_ssize_t size, const evbuffer_ptr *from, evbuffer_iovec *vec, int count) const noexcept {
  Cursor at;
  if (!resolve(from, at)) return 0;
  // Without a limit, all extents are counted if `count` is 0, otherwise `count` at most.
  const bool all = size < 0;
  std::size_t left = all ? length_ : static_cast<std::size_t>(size);
  int needed = 0;
  // From a given position 0 bytes take one extent too, as in libevent.
  while (at.chain && (left > 0 || (from && needed == 0)) && !(all && count > 0 && needed == count)) {
    const std::size_t here = at.chain->length() - at.offset;
    if (needed < count) {
      if (!readable(at, here)) return -1;
      vec[needed] = {at.chain->head + at.offset, here};
    }
    ++needed;
    left -= std::min(left, here);
    at.advance(here);
  }
  return needed;
}
