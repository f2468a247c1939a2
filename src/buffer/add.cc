// Adds bytes: copies at either end, and room that the caller fills.
#include <algorithm>

#include "buffer/evbuffer.h"

using evi::Chain;

// --- room ---

// Provides a spare for `size` bytes. Replaces a smaller spare, and so ends an earlier reservation.
bool evbuffer::provide_spare(std::size_t size) noexcept {
  if (spare_ && spare_->capacity() >= size) return true;
  Chain *chain = new_chain(size);
  if (!chain) return false;
  if (spare_) give_back(spare_);
  spare_ = chain;
  return true;
}

// Provides room for append_bytes: in the last chain, then in the spare.
bool evbuffer::provide_room(std::size_t size) noexcept {
  const std::size_t room = tail_room();
  return fits(size) && (size <= room || provide_spare(size - room));
}

// Requires: provide_room(size) or the like succeeded.
void evbuffer::append_bytes(const void *data, std::size_t size) noexcept {
  const std::size_t behind = std::min(size, tail_room());
  if (behind > 0) append_to_last(data, behind);
  if (behind == size) return;
  Chain *chain = take_spare();
  EVI_ASSERT(chain->room() >= size - behind);
  std::memcpy(chain->tail, static_cast<const unsigned char *>(data) + behind, size - behind);
  chain->tail += size - behind;
  link_back(*chain);
}

bool evbuffer::expand(std::size_t size) noexcept {
  return fits(size) && (size <= tail_room() || provide_spare(size));
}

// --- copies ---

bool evbuffer::add_slow(const void *data, std::size_t size) noexcept {
  if (end_frozen_) return false;
  if (size == 0) return true;
  if (!provide_room(size)) return false;
  append_bytes(data, size);
  changed(size, 0);
  return true;
}

std::size_t evbuffer::add_iovec(const evbuffer_iovec *vec, int count) noexcept {
  std::size_t total = 0;
  for (int i = 0; i < count; ++i) {
    if (vec[i].iov_len > evi::kMaxBufferLength - total) return 0;
    total += vec[i].iov_len;
  }
  if (end_frozen_ || !provide_room(total)) return 0;
  std::size_t added = 0;
  for (int i = 0; i < count && add(vec[i].iov_base, vec[i].iov_len); ++i) added += vec[i].iov_len;
  return added;
}

// Bytes beyond the front room of the first chain go to the end of a new one, which leaves room in front.
bool evbuffer::prepend(const void *data, std::size_t size) noexcept {
  if (size == 0) return true;
  if (front_frozen_ || !fits(size)) return false;
  const std::size_t nearby = std::min(size, first_ ? first_->front_room() : 0);
  const std::size_t beyond = size - nearby;
  Chain *chain = nullptr;
  if (beyond > 0) {
    const bool use_spare = spare_ && !spare_->reserved && spare_->capacity() >= beyond;
    chain = use_spare ? take_spare() : evi::chain_new(beyond, growth_base());
    if (!chain) return false;
    chain->tail = chain->end;
    chain->head = chain->end - beyond;
    std::memcpy(chain->head, data, beyond);
  }
  if (nearby > 0) {
    first_->head -= nearby;
    length_ += nearby;
    std::memcpy(first_->head, static_cast<const unsigned char *>(data) + beyond, nearby);
  }
  if (chain) link_front(*chain);
  changed(size, 0);
  return true;
}

// --- room for the caller to fill ---

int evbuffer::reserve(std::size_t size, evbuffer_iovec *vec, int count) noexcept {
  if (end_frozen_ || count < 1 || !fits(size)) return -1;
  const std::size_t room = tail_room();
  int used = 0;
  if (room > 0 && (count > 1 || room >= size)) vec[used++] = {last_->tail, room};
  if (used == 1 && room >= size) return 1;
  const std::size_t missing = used == 1 ? size - room : size;
  if (missing == 0 && count > 1) return used;
  if (!provide_spare(missing)) return -1;
  spare_->reserved = true;
  vec[used++] = {spare_->begin, spare_->capacity()};
  return used;
}

bool evbuffer::is_tail_room(const evbuffer_iovec &extent) const noexcept {
  return last_ && extent.iov_base == last_->tail && extent.iov_len <= writable_room();
}

bool evbuffer::is_spare_room(const evbuffer_iovec &extent) const noexcept {
  return spare_ && extent.iov_base == spare_->begin && extent.iov_len <= spare_->capacity();
}

void evbuffer::commit_spare(std::size_t size) noexcept {
  if (size == 0) return;
  Chain *chain = take_spare();
  EVI_ASSERT(size <= chain->room());
  chain->tail += size;
  link_back(*chain);
}

// The extents must be those that reserve would return now: the rest of the last chain, the spare, or both in
// this order.
bool evbuffer::commit(const evbuffer_iovec *vec, int count) noexcept {
  if (end_frozen_) return false;
  if (count <= 0) return true;
  const bool behind = is_tail_room(vec[0]);
  const bool valid = count == 1 ? behind || is_spare_room(vec[0]) : behind && is_spare_room(vec[1]);
  if (count > 2 || !valid) return false;
  // The room that reserve() shows may be more than what a buffer can still grow by.
  if (!fits(vec[0].iov_len + (count == 2 ? vec[1].iov_len : 0))) return false;
  const std::size_t before = length_;
  if (behind) {
    extend_last(vec[0].iov_len);
  }
  if (!behind || count == 2) commit_spare(vec[count - 1].iov_len);
  if (length_ > before) changed(length_ - before, 0);
  return true;
}
