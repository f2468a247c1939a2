// Reading from sockets: one system call brings many bytes, the program sees them slice by slice.
//
// Programs rely on the greatest amount of new input per read callback: they have arrays of that size, or
// remove that amount once per callback. So a slice enters the input buffer, the read callback runs, and then
// the next slice enters, as if it had been a read of its own:
//
//   read --> [ slice | slice | slice ]     one chunk
//                |       '-------'--> SocketKeeps::ahead, not yet visible
//                v
//           input buffer --> read callback
//
// Slices are views of the chunk, and side by side: those that are passed on to another buffer unchanged are
// written from there as one.
//
// What ends reading in between (disabling, a watermark, a rate limit, a deferred callback that is still
// queued, callbacks that come before another of ours, loopbreak) leaves the rest in `ahead`; the flush turn
// shows it once ev_read is armed. Only a stream that the bufferevent owns is read ahead: a program that owns
// it may want to read the rest there itself, and slices would cut datagrams and records.
#include <algorithm>
#include <limits>
#include <utility>

#include "buffer/descriptor_io.h"
#include "bufferevent/loop_chunks.h"
#include "bufferevent/rate_limit.h"
#include "bufferevent/socket_transport.h"
#include "util/assert.h"

namespace evi::socket_transport {
namespace {

// What a read callback finds at most, unless the program asks for more.
constexpr std::size_t kSliceSize = kDefaultMaxRead;

// One system call brings between these, as powers of two: at least a page, and no more than caches hold
// beside the kernel's side of the copy; larger reads cost more than the calls they save.
constexpr std::uint8_t kMinReadShift = 12;
constexpr std::uint8_t kMaxReadShift = 16;
constexpr std::size_t kMaxRead = std::size_t{1} << kMaxReadShift;
// What a larger chunk is smaller than the power of two. With its header it is none more, and what it brought
// leaves by one segment of the largest size that TCP offloads.
constexpr std::size_t kChunkOverhead = 64;

// --- how much ---

std::size_t slice_size(const SocketBufferevent &bev) noexcept {
  const std::size_t chosen = bev.extra() ? bev.extra()->max_single_read : 0;
  if (bev.reads_whole()) return chosen ? chosen : kMaxRead;
  const std::size_t by_buffer = bev.input_buffer().max_read();
  if (by_buffer == kSliceSize) return chosen ? chosen : kSliceSize;
  return std::min(by_buffer, bev.max_single_read());
}

// Without a maximum, of either kind, that the program has set.
bool has_default_slices(const SocketBufferevent &bev) noexcept {
  return !bev.reads_whole() && bev.input_buffer().max_read() == kSliceSize &&
         (!bev.extra() || !bev.extra()->max_single_read);
}

bool reads_ahead(const SocketBufferevent &bev) noexcept {
  return !bev.socket_.borrowed && has_default_slices(bev) && !RateLimit::find(bev);
}

std::size_t room_for_input(const SocketBufferevent &bev) noexcept {
  const std::size_t high = bev.wm_read.high;
  if (!high) return std::numeric_limits<std::size_t>::max();
  const std::size_t length = bev.input_buffer().length();
  return high > length ? high - length : 0;
}

// Reading ahead begins when a read has brought a whole slice; from then on the descriptor is known to be a
// stream.
void follow_reads(SocketBufferevent &bev, std::size_t got) noexcept {
  const unsigned shift = bev.socket_.read_shift;
  switch (fit_of_read(got, std::size_t{1} << shift, shift > kMinReadShift ? kChunkOverhead : 0)) {
    case ReadFit::too_small:
      if (shift > kMinReadShift || !reads_ahead(bev) || descriptor_is_stream(fd_of(bev)))
        grow_reads(bev.socket_, kMaxReadShift);
      return;
    case ReadFit::too_large:
      if (shift > kMinReadShift + 1 || !reads_ahead(bev)) shrink_reads(bev.socket_, kMinReadShift);
      return;
    case ReadFit::fits:
      return;
  }
}

// --- one system call ---

// A datagram of the default size is not cut.
std::size_t chunk_size(const SocketBufferevent &bev, std::size_t limit) noexcept {
  return limit <= kSliceSize ? kSliceSize : (std::size_t{1} << bev.socket_.read_shift) - kChunkOverhead;
}

// The chunk that one system call reads into: the one that the loop lends to all its connections, or its own.
// If there is one already, it has room for `limit` bytes or for `size`.
struct ReadTarget {
  ReadTarget(SocketBufferevent &bev, std::size_t limit) noexcept
      : size(chunk_size(bev, limit)), lent(shared_chunk(*bev.ev_base)), chunk(lent ? *lent : own) {
    event_base &base = *bev.ev_base;
    if (chunk.chain && chunk.chain->capacity() < std::min(size, limit)) {
      if (!keep_loop_chunk(base, *chunk.chain)) chain_release(chunk.chain);
      chunk.chain = nullptr;
    }
    if (!chunk.chain && size >= kLargeChain && (chunk.chain = take_loop_chunk(base, size)))
      chunk.chain->recyclable = true;
  }
  ReadTarget(const ReadTarget &) = delete;
  ReadTarget &operator=(const ReadTarget &) = delete;

  const std::size_t size;
  ReadChunk own;
  ReadChunk *const lent;
  ReadChunk &chunk;
};

// Into the room behind the data, and into the lent chunk.
ev_ssize_t receive_slice(SocketBufferevent &bev, std::size_t limit) noexcept {
  EVI_ASSERT(limit > 0);
  const ReadTarget target(bev, limit);
  evbuffer &input = bev.input_buffer();
  const Unfrozen open(input, BufferEnd::back);
  return input.read_into(fd_of(bev), limit, target.chunk, target.size);
}

// Into the lent chunk, which becomes what is read ahead.
ev_ssize_t receive_ahead(SocketBufferevent &bev, std::size_t limit) noexcept {
  EVI_ASSERT(limit > 0 && !bev.socket_.borrowed && !has_input_ahead(bev));
  const ReadTarget target(bev, limit);
  ReadChunk &chunk = target.chunk;
  if (!chunk.chain && !(chunk.chain = chain_new_exact(target.size + sizeof(Chain)))) {
    set_socket_error(kNoMemory);
    return -1;
  }
  Chain &room = *chunk.chain;
  room.recyclable = true;
  const evbuffer_iovec extent{room.begin, std::min(limit, room.capacity())};
  const ev_ssize_t got = read_extents(static_cast<int>(fd_of(bev)), &extent, 1);
  if (got <= 0) return got;
  room.tail += got;
  bev.keeps_.ahead = std::exchange(chunk.chain, nullptr);
  return got;
}

// --- one slice ---

// Moves the first bytes of what was read ahead. A chunk that was filled little is not held for them.
bool show_some(evbuffer &input, Chain &chunk, std::size_t bytes) noexcept {
  const bool dense = static_cast<std::size_t>(chunk.tail - chunk.begin) >= chunk.capacity() / 2;
  if (dense && input.append_slice(chunk, bytes)) return true;
  // First of all: callbacks of the buffer may free the bufferevent, and the chunk with it.
  chunk.head += bytes;
  if (input.add(chunk.head - bytes, bytes)) return true;
  chunk.head -= bytes;
  return false;
}

// Moves up to `limit` of what was read ahead into the input buffer. -1 if out of memory.
ev_ssize_t show_slice(SocketBufferevent &bev, std::size_t limit) noexcept {
  event_base &base = *bev.ev_base;
  Chain *chunk = bev.keeps_.ahead;
  EVI_ASSERT(limit > 0 && has_input_ahead(bev) && chunk->length() > 0);
  evbuffer &input = bev.input_buffer();
  const std::size_t bytes = std::min(limit, chunk->length());
  const bool all = bytes == chunk->length();
  bool shown = true;
  {
    const Unfrozen open(input, BufferEnd::back);
    if (all) {
      bev.keeps_.ahead = nullptr;
      input.append_received(chunk);
    } else {
      shown = show_some(input, *chunk, bytes);
    }
  }
  if (all && chunk) return_chunk(shared_chunk(base), base, *chunk);
  if (shown) return static_cast<ev_ssize_t>(bytes);
  set_socket_error(kNoMemory);
  return -1;
}

// At most `limit` bytes into the input buffer.
inline ev_ssize_t next_slice(SocketBufferevent &bev, bool ahead, std::size_t limit) noexcept {
  if (ahead) return show_slice(bev, limit);
  const std::size_t most = std::size_t{1} << bev.socket_.read_shift;
  ev_ssize_t got;
  if (most > kSliceSize && reads_ahead(bev)) {
    got = receive_ahead(bev, std::min(most, room_for_input(bev)));
    if (got > 0) follow_reads(bev, static_cast<std::size_t>(got));
    return got > 0 ? show_slice(bev, limit) : got;
  }
  got = receive_slice(bev, std::min(limit, most));
  if (got > 0) follow_reads(bev, static_cast<std::size_t>(got));
  return got;
}

// Adds one slice to the input buffer and invokes the read callback. Returns its size, 0 if there is no more
// to do for now.
inline std::size_t read_slice(SocketBufferevent &bev, bool ahead) noexcept {
  const std::size_t limit = std::min(slice_size(bev), room_for_input(bev));
  if (limit == 0) {
    bev.check_read_watermark();
    return 0;
  }
  const std::size_t allowed = bev.read_allowance(limit);
  if (allowed == 0) {
    // There was no memory for holding it back.
    read_on(bev);
    return 0;
  }
  const event_base *const base = bev.ev_base;
  bev.begin_reading();
  const ev_ssize_t got = next_slice(bev, ahead, allowed);
  EVI_ASSERT(got < 0 || static_cast<std::size_t>(got) <= allowed);
  if (got > 0) {
    bev.charge_read(static_cast<std::size_t>(got));
    bev.bytes_arrived();
  }
  const int error = last_socket_error();
  bev.finish_reading(bev.ev_base == base);
  if (got > 0) return static_cast<std::size_t>(got);
  if ((got < 0 && rw_retriable(error)) || bev.freed()) return 0;
  set_socket_error(error);
  bev.fail(EV_READ, got == 0 ? BEV_EVENT_EOF : BEV_EVENT_ERROR);
  return 0;
}

bool others_wait(const SocketBufferevent &bev, int more_urgent) noexcept {
  return bev.ev_base->others_wait(bev.ev_read.ev_evcallback.evcb_pri - more_urgent);
}

// After a slice of `got` bytes, `total` in this iteration: the callback may have changed everything.
bool may_go_on(SocketBufferevent &bev, bool ahead, std::size_t got, std::size_t total) noexcept {
  if (bev.freed() || !bev.socket_.read_armed || bev.deferred_read_pending()) return false;
  if (bev.socket_.connecting || fd_of(bev) < 0 || others_wait(bev, 0)) return false;
  if (ahead) return true;
  // A slice that needs a system call of its own does not need a wait of its own.
  const bool sliced = got == kSliceSize && has_default_slices(bev) && !reads_ahead(bev);
  return sliced && total < kMaxRead && !blocks(bev);
}

}  // namespace

void read_once(SocketBufferevent &bev) noexcept {
  EVI_ASSERT(!bev.freed() && !bev.socket_.connecting && fd_of(bev) >= 0);
  bool ahead = has_input_ahead(bev);
  // The program has not seen the last slice yet: read_on() follows its callback.
  if (EVI_UNLIKELY(ahead) && bev.deferred_read_pending()) return;
  const event_base *const base = bev.ev_base;
  for (std::size_t total = 0;;) {
    const std::size_t got = read_slice(bev, ahead);
    ahead = has_input_ahead(bev);
    if (EVI_LIKELY(got < kSliceSize && !ahead)) return;
    total += got;
    if (got == 0 || bev.ev_base != base || !may_go_on(bev, ahead, got, total)) return read_on(bev);
  }
}

void read_on(SocketBufferevent &bev) noexcept {
  if (!has_input_ahead(bev) || !bev.socket_.read_armed || bev.is_reading() || bev.deferred_read_pending())
    return;
  bev.schedule_flush();
}

void show_input_ahead(SocketBufferevent &bev) noexcept {
  if (EVI_LIKELY(!has_input_ahead(bev)) || !bev.socket_.read_armed || bev.socket_.connecting) return;
  others_wait(bev, 1) ? read_on(bev) : read_once(bev);
}

void drop_input_ahead(SocketBufferevent &bev) noexcept {
  if (has_input_ahead(bev)) chain_release(std::exchange(bev.keeps_.ahead, nullptr));
}

}  // namespace evi::socket_transport
