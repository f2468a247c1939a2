// Reads from and writes to file descriptors: one system call for many extents.
#include <algorithm>
#include <utility>

#include "buffer/descriptor_io.h"
#include "buffer/evbuffer.h"
#include "buffer/file_io.h"
#include "util/assert.h"
#include "util/socket.h"

using evi::Chain;
using evi::ReadChunk;

namespace {

// Extents in one writev. More would not fit into a socket's send buffer, and they are on the stack.
constexpr int kMaxWriteExtents = 128;
// Up to this size bytes are copied out of a mostly empty chunk; beyond, the unused rest of the chunk is
// freed.
constexpr std::size_t kMaxCopyOut = 65536;
// The largest spare that is read into directly, in bytes of data: the room that a small message may occupy.
constexpr std::size_t kMaxSpareToReadInto = 1024;

ev_ssize_t failed(int error) noexcept {
  evi::set_socket_error(error);
  return -1;
}

}  // namespace

// --- reading ---

// Links the bytes received in an exclusive chunk so that they occupy at most twice their size. Cannot fail.
void evbuffer::accept(Chain *&filled, std::size_t bytes) noexcept {
  EVI_ASSERT(filled->exclusive_memory() && !filled->next);
  EVI_ASSERT(bytes > 0 && bytes <= static_cast<std::size_t>(filled->end - filled->head));
  Chain *copy = nullptr;
  const bool sparse = bytes < filled->capacity() / 2;
  if (sparse && bytes <= kMaxCopyOut) copy = new_chain(bytes);
  if (copy) {
    std::memcpy(copy->tail, filled->head, bytes);
    copy->tail += bytes;
    return link_back(*copy);
  }
  Chain *linked = std::exchange(filled, nullptr);
  linked->tail = linked->head + bytes;
  link_back(sparse ? *evi::chain_shrink(linked) : *linked);
}

void evbuffer::append_received(Chain *&filled) noexcept {
  EVI_ASSERT(!end_frozen_);
  EVI_ASSERT(filled->kind == Chain::Kind::memory && !filled->next);
  EVI_ASSERT(filled->length() > 0 && fits(filled->length()));
  const std::size_t bytes = filled->length();
  const bool sparse = bytes < filled->capacity() / 2;
  if (!filled->exclusive_memory()) {
    link_back(*std::exchange(filled, nullptr));
  } else if (sparse && bytes <= tail_room()) {
    append_to_last(filled->head, bytes);
  } else {
    accept(filled, bytes);
  }
  if (filled) filled->reset();
  changed(bytes, 0);
}

bool evbuffer::append_slice(Chain &chain, std::size_t size) noexcept {
  EVI_ASSERT(!end_frozen_);
  EVI_ASSERT(size > 0 && size < chain.length() && fits(size));
  Chain *slice = evi::chain_new_slice(chain, size);
  if (!slice) return false;
  chain.head += size;
  link_back(*slice);
  changed(size, 0);
  return true;
}

// Reads into the room behind the data, then into the chunk if there is one. Does not report the change.
ev_ssize_t evbuffer::receive(int fd, std::size_t limit, ReadChunk &chunk) noexcept {
  evbuffer_iovec vec[2];
  int count = 0;
  const bool into_spare = !last_ && spare_ && !spare_->reserved && spare_->capacity() <= kMaxSpareToReadInto;
  const std::size_t room = std::min(limit, into_spare ? spare_->capacity() : tail_room());
  if (room > 0) vec[count++] = {into_spare ? spare_->begin : last_->tail, room};
  const std::size_t beyond = chunk.chain ? std::min(limit - room, chunk.chain->capacity()) : 0;
  if (beyond > 0) vec[count++] = {chunk.chain->begin, beyond};

  EVI_ASSERT(count > 0);
  ev_ssize_t got = evi::read_extents(fd, vec, count);
  std::size_t here = room;
  if (EVI_UNLIKELY(got <= 0)) {
    // inotify(7), signalfd(2) and the like fill extent by extent, and fail with EINVAL for an extent that is
    // smaller than a record.
    const bool too_short = got < 0 && count == 2 && evi::last_socket_error() == evi::kInvalidArgument;
    if (!too_short || (got = evi::read_extents(fd, vec + 1, 1)) <= 0) return got;
    here = 0;
  }
  const std::size_t bytes = static_cast<std::size_t>(got);
  const std::size_t nearby = std::min(bytes, here);
  if (into_spare) {
    commit_spare(nearby);
  } else if (nearby > 0) {
    extend_last(nearby);
  }
  if (bytes > nearby) accept(chunk.chain, bytes - nearby);
  return got;
}

ev_ssize_t evbuffer::read_into(int fd, std::size_t limit, ReadChunk &spare, std::size_t chunk) noexcept {
  if (end_frozen_) return failed(evi::kNotPermitted);
  limit = std::min(limit, evi::kMaxBufferLength - length_);
  if (limit == 0) return failed(evi::kWouldBlock);
  if (!spare.chain && limit > tail_room()) {
    spare.chain = evi::chain_new_exact(chunk + sizeof(Chain));
    if (!spare.chain) return failed(evi::kNoMemory);
    spare.chain->recyclable = true;
  }
  const ev_ssize_t got = receive(fd, limit, spare);
  if (got > 0) changed(static_cast<std::size_t>(got), 0);
  return got;
}

ev_ssize_t evbuffer::read_some(int fd, std::size_t limit) noexcept {
  if (end_frozen_) return failed(evi::kNotPermitted);
  limit = std::min({limit, max_read(), evi::kMaxBufferLength - length_});
  if (limit == 0) return 0;
  ReadChunk chunk;
  const std::size_t room = tail_room();
  if (limit > room) {
    if (spare_ && spare_->capacity() >= limit - room && !spare_->reserved) {
      chunk.chain = take_spare();
    } else if (!(chunk.chain = evi::chain_new(limit - room))) {
      return failed(evi::kNoMemory);
    }
  }
  const ev_ssize_t got = receive(fd, limit, chunk);
  if (chunk.chain) {
    const int error = evi::last_socket_error();
    retire(chunk.chain);
    chunk.chain = nullptr;
    evi::set_socket_error(error);
  }
  if (got > 0) changed(static_cast<std::size_t>(got), 0);
  return got;
}

// --- writing ---

int evbuffer::extents_to_write(std::size_t limit, evbuffer_iovec *vec, int count) const noexcept {
  int used = 0;
  for (const Chain *c = first_; c && !c->unread && limit > 0 && used < count; c = c->next) {
    const std::size_t here = std::min(limit, c->length());
    vec[used++] = {c->head, here};
    limit -= here;
  }
  return used;
}

// The same with adjacent bytes merged: slices of one chunk, which passed through several read callbacks.
int evbuffer::merged_extents_to_write(std::size_t limit, evbuffer_iovec *vec, int count) const noexcept {
  int used = 0;
  const unsigned char *next = nullptr;
  for (const Chain *c = first_; c && !c->unread && limit > 0; c = c->next) {
    const std::size_t here = std::min(limit, c->length());
    if (c->head == next) {
      vec[used - 1].iov_len += here;
    } else if (used < count) {
      vec[used++] = {c->head, here};
    } else {
      break;
    }
    next = c->head + here;
    limit -= here;
  }
  return used;
}

ev_ssize_t evbuffer::write_memory(int fd, std::size_t limit) noexcept {
  EVI_ASSERT(limit > 0 && limit <= length_);
  if (EVI_LIKELY(limit <= first_->length())) {
    const evbuffer_iovec only{first_->head, limit};
    return evi::write_extents(fd, &only, 1);
  }
  evbuffer_iovec vec[kMaxWriteExtents];
  const int count = merged_extents_to_write(limit, vec, kMaxWriteExtents);
  return evi::write_extents(fd, vec, count);
}

ev_ssize_t evbuffer::write_some(int fd, std::size_t limit) noexcept {
  if (front_frozen_) return failed(evi::kNotPermitted);
  limit = std::min(limit, length_);
  if (limit == 0) return 0;
  if (EVI_UNLIKELY(may_have_unread_)) return write_with_files(fd, limit);
  const ev_ssize_t put = write_memory(fd, limit);
  if (put <= 0) return put;
  drop_front(static_cast<std::size_t>(put));
  changed(0, static_cast<std::size_t>(put));
  return put;
}

int evbuffer::hold_front(std::size_t limit, evbuffer_iovec *vec, Chain **held, int count) noexcept {
  if (front_is_file() && !evi::chain_read_in(*first_)) return 0;
  const int used = extents_to_write(limit, vec, count);
  Chain *chain = first_;
  for (int i = 0; i < used; ++i, chain = chain->next) {
    evi::chain_hold(*chain);
    held[i] = chain;
  }
  return used;
}

// --- writing files ---

// Sets `asked` to the number of bytes before the first file that are offered to the kernel.
ev_ssize_t evbuffer::write_memory_before_file(int fd, std::size_t limit, std::size_t &asked) noexcept {
  evbuffer_iovec vec[kMaxWriteExtents];
  const int count = merged_extents_to_write(limit, vec, kMaxWriteExtents);
  EVI_ASSERT(count > 0);
  asked = 0;
  for (int i = 0; i < count; ++i) asked += vec[i].iov_len;
  const bool all = count == kMaxWriteExtents || asked == limit;
  return all ? evi::write_extents(fd, vec, count) : evi::write_before_file(fd, vec, count);
}

// Sends from the file at the front; from memory if the kernel cannot send this file to this fd.
ev_ssize_t evbuffer::send_file(int fd, std::size_t limit) noexcept {
  EVI_ASSERT(first_->unread);
  const ev_ssize_t put = evi::chain_send(*first_, fd, limit);
  if (put == 0) return failed(evi::kInputOutput);
  if (put > 0 || !evi::cannot_send(errno)) return put;
  if (!evi::chain_read_in(*first_)) return -1;
  const evbuffer_iovec read_in{first_->head, limit};
  return evi::write_extents(fd, &read_in, 1);
}

ev_ssize_t evbuffer::write_with_files(int fd, std::size_t limit) noexcept {
  std::size_t done = 0;
  std::size_t asked = 0;
  ev_ssize_t put = 0;
  while (done < limit && (done == 0 || static_cast<std::size_t>(put) == asked)) {
    if (first_->unread) {
      asked = std::min(limit - done, first_->length());
      put = send_file(fd, asked);
    } else {
      put = write_memory_before_file(fd, limit - done, asked);
    }
    if (put <= 0) break;
    drop_front(static_cast<std::size_t>(put));
    done += static_cast<std::size_t>(put);
  }
  if (done == 0) return put;
  changed(0, done);
  return static_cast<ev_ssize_t>(done);
}
