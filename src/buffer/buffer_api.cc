// The functions of event2/buffer.h, in its order.
#include <algorithm>
#include <climits>

#include "buffer/evbuffer.h"
#include "buffer/file_segment.h"
#include "event2/buffer.h"

using evi::BufferPairUse;
using evi::BufferUse;

namespace {

constexpr std::size_t kMaxResult = INT_MAX;

int status(bool done) { return done ? 0 : -1; }

int write_at_most(evbuffer &buffer, evutil_socket_t fd, std::size_t limit) {
  const BufferUse use(buffer);
  const ev_ssize_t put = buffer.write_some(fd, std::min(limit, kMaxResult));
  return put > 0 ? static_cast<int>(put) : -1;
}

}  // namespace

// --- life, locks, flags ---

extern "C" evbuffer *evbuffer_new(void) { return evbuffer::create(); }

extern "C" void evbuffer_free(evbuffer *buf) {
  const BufferUse use(*buf);
  buf->free_claim();
}

extern "C" int evbuffer_enable_locking(evbuffer *buf, void *lock) {
  const BufferUse use(*buf);
  return status(buf->enable_locking(lock));
}

extern "C" void evbuffer_lock(evbuffer *buf) { evi::raw_lock_acquire(buf->lock()); }

extern "C" void evbuffer_unlock(evbuffer *buf) { evi::raw_lock_release(buf->lock()); }

extern "C" int evbuffer_set_flags(evbuffer *buf, ev_uint64_t flags) {
  const BufferUse use(*buf);
  buf->set_flags(static_cast<std::uint32_t>(flags));
  return 0;
}

extern "C" int evbuffer_clear_flags(evbuffer *buf, ev_uint64_t flags) {
  const BufferUse use(*buf);
  buf->clear_flags(static_cast<std::uint32_t>(flags));
  return 0;
}

extern "C" int evbuffer_set_max_read(evbuffer *buf, size_t max) {
  const BufferUse use(*buf);
  return status(buf->set_max_read(max));
}

extern "C" size_t evbuffer_get_max_read(evbuffer *buf) {
  const BufferUse use(*buf);
  return buf->max_read();
}

extern "C" int evbuffer_freeze(evbuffer *buf, int at_front) {
  const BufferUse use(*buf);
  buf->freeze(at_front ? evi::BufferEnd::front : evi::BufferEnd::back);
  return 0;
}

extern "C" int evbuffer_unfreeze(evbuffer *buf, int at_front) {
  const BufferUse use(*buf);
  buf->unfreeze(at_front ? evi::BufferEnd::front : evi::BufferEnd::back);
  return 0;
}

// --- size ---

extern "C" size_t evbuffer_get_length(const evbuffer *buf) {
  if (EVI_LIKELY(!buf->lock())) return buf->length();
  // Taking the lock may bring in what another thread wrote meanwhile.
  const BufferUse use(*const_cast<evbuffer *>(buf));
  return buf->length();
}

extern "C" size_t evbuffer_get_contiguous_space(const evbuffer *buf) {
  const evi::RawLockGuard held(buf->lock());
  return buf->first_length();
}

extern "C" int evbuffer_expand(evbuffer *buf, size_t datlen) {
  const BufferUse use(*buf);
  return status(buf->expand(datlen));
}

// --- space to be filled by the caller ---

extern "C" int evbuffer_reserve_space(evbuffer *buf, ev_ssize_t size, evbuffer_iovec *vec, int n_vec) {
  if (size < 0) return -1;
  const BufferUse use(*buf);
  return buf->reserve(static_cast<std::size_t>(size), vec, n_vec);
}

extern "C" int evbuffer_commit_space(evbuffer *buf, evbuffer_iovec *vec, int n_vecs) {
  const BufferUse use(*buf);
  return status(buf->commit(vec, n_vecs));
}

// --- adding ---

extern "C" int evbuffer_add(evbuffer *buf, const void *data, size_t datlen) {
  const BufferUse use(*buf);
  return status(buf->add(data, datlen));
}

extern "C" size_t evbuffer_add_iovec(evbuffer *buf, evbuffer_iovec *vec, int n_vec) {
  const BufferUse use(*buf);
  return buf->add_iovec(vec, n_vec);
}

extern "C" int evbuffer_add_printf(evbuffer *buf, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const BufferUse use(*buf);
  const int size = buf->add_vprintf(fmt, ap);
  va_end(ap);
  return size;
}

extern "C" int evbuffer_add_vprintf(evbuffer *buf, const char *fmt, va_list ap) {
  const BufferUse use(*buf);
  return buf->add_vprintf(fmt, ap);
}

extern "C" int evbuffer_prepend(evbuffer *buf, const void *data, size_t size) {
  const BufferUse use(*buf);
  return status(buf->prepend(data, size));
}

// --- moving between buffers ---

extern "C" int evbuffer_add_buffer(evbuffer *outbuf, evbuffer *inbuf) {
  const BufferPairUse use(*outbuf, *inbuf);
  return status(outbuf->append_all(*inbuf));
}

extern "C" int evbuffer_prepend_buffer(evbuffer *outbuf, evbuffer *inbuf) {
  const BufferPairUse use(*outbuf, *inbuf);
  return status(outbuf->prepend_all(*inbuf));
}

extern "C" int evbuffer_remove_buffer(evbuffer *src, evbuffer *dst, size_t datlen) {
  const BufferPairUse use(*src, *dst);
  return static_cast<int>(dst->append_some(*src, std::min(datlen, kMaxResult)));
}

extern "C" int evbuffer_add_buffer_reference(evbuffer *outbuf, evbuffer *inbuf) {
  const BufferPairUse use(*outbuf, *inbuf);
  return status(outbuf->append_shared(*inbuf));
}

// --- memory of the program, by reference ---

extern "C" int evbuffer_add_reference(evbuffer *outbuf, const void *data, size_t datlen,
                                      evbuffer_ref_cleanup_cb cleanupfn, void *cleanupfn_arg) {
  const BufferUse use(*outbuf);
  return status(outbuf->add_reference(data, 0, datlen, cleanupfn, cleanupfn_arg));
}

extern "C" int evbuffer_add_reference_with_offset(evbuffer *outbuf, const void *data, size_t offset,
                                                  size_t datlen, evbuffer_ref_cleanup_cb cleanupfn,
                                                  void *cleanupfn_arg) {
  const BufferUse use(*outbuf);
  return status(outbuf->add_reference(data, offset, datlen, cleanupfn, cleanupfn_arg));
}

// --- files ---

extern "C" int evbuffer_add_file(evbuffer *outbuf, int fd, ev_off_t offset, ev_off_t length) {
  const BufferUse use(*outbuf);
  return status(outbuf->add_file(fd, offset, length));
}

extern "C" evbuffer_file_segment *evbuffer_file_segment_new(int fd, ev_off_t offset, ev_off_t length,
                                                            unsigned flags) {
  return evbuffer_file_segment::create(fd, offset, length, flags);
}

extern "C" void evbuffer_file_segment_free(evbuffer_file_segment *seg) { seg->release(); }

extern "C" void evbuffer_file_segment_add_cleanup_cb(evbuffer_file_segment *seg,
                                                     evbuffer_file_segment_cleanup_cb cb, void *arg) {
  seg->set_cleanup(cb, arg);
}

extern "C" int evbuffer_add_file_segment(evbuffer *buf, evbuffer_file_segment *seg, ev_off_t offset,
                                         ev_off_t length) {
  const BufferUse use(*buf);
  return status(buf->add_segment(*seg, offset, length));
}

// --- removing and looking ---

extern "C" int evbuffer_remove(evbuffer *buf, void *data, size_t datlen) {
  const BufferUse use(*buf);
  return static_cast<int>(buf->remove(data, std::min(datlen, kMaxResult)));
}

extern "C" int evbuffer_drain(evbuffer *buf, size_t len) {
  const BufferUse use(*buf);
  return status(buf->drain(len));
}

extern "C" ev_ssize_t evbuffer_copyout(evbuffer *buf, void *data, size_t datlen) {
  const BufferUse use(*buf);
  return buf->copyout(nullptr, data, datlen);
}

extern "C" ev_ssize_t evbuffer_copyout_from(evbuffer *buf, const evbuffer_ptr *pos, void *data_out,
                                            size_t datlen) {
  const BufferUse use(*buf);
  return buf->copyout(pos, data_out, datlen);
}

extern "C" unsigned char *evbuffer_pullup(evbuffer *buf, ev_ssize_t size) {
  const BufferUse use(*buf);
  return buf->pullup(size);
}

extern "C" int evbuffer_peek(evbuffer *buffer, ev_ssize_t len, evbuffer_ptr *start_at,
                             evbuffer_iovec *vec_out, int n_vec) {
  const BufferUse use(*buffer);
  return buffer->peek(len, start_at, vec_out, n_vec);
}

// --- lines ---

extern "C" char *evbuffer_readln(evbuffer *buffer, size_t *n_read_out, enum evbuffer_eol_style eol_style) {
  const BufferUse use(*buffer);
  return buffer->read_line(n_read_out, eol_style);
}

// --- searching ---

extern "C" int evbuffer_ptr_set(evbuffer *buffer, evbuffer_ptr *ptr, size_t position,
                                enum evbuffer_ptr_how how) {
  const BufferUse use(*buffer);
  return status(buffer->set_position(*ptr, position, how));
}

extern "C" evbuffer_ptr evbuffer_search(evbuffer *buffer, const char *what, size_t len,
                                        const evbuffer_ptr *start) {
  const BufferUse use(*buffer);
  return buffer->search(what, len, start, nullptr);
}

extern "C" evbuffer_ptr evbuffer_search_range(evbuffer *buffer, const char *what, size_t len,
                                              const evbuffer_ptr *start, const evbuffer_ptr *end) {
  const BufferUse use(*buffer);
  return buffer->search(what, len, start, end);
}

extern "C" evbuffer_ptr evbuffer_search_eol(evbuffer *buffer, evbuffer_ptr *start, size_t *eol_len_out,
                                            enum evbuffer_eol_style eol_style) {
  const BufferUse use(*buffer);
  return buffer->search_eol(start, eol_len_out, eol_style);
}

// --- files and sockets ---

extern "C" int evbuffer_write(evbuffer *buffer, evutil_socket_t fd) {
  return write_at_most(*buffer, fd, kMaxResult);
}

extern "C" int evbuffer_write_atmost(evbuffer *buffer, evutil_socket_t fd, ev_ssize_t howmuch) {
  return write_at_most(*buffer, fd, howmuch < 0 ? kMaxResult : static_cast<std::size_t>(howmuch));
}

extern "C" int evbuffer_read(evbuffer *buffer, evutil_socket_t fd, int howmuch) {
  const BufferUse use(*buffer);
  return static_cast<int>(
      buffer->read_some(fd, howmuch < 0 ? kMaxResult : static_cast<std::size_t>(howmuch)));
}

// --- callbacks on change ---

extern "C" evbuffer_cb_entry *evbuffer_add_cb(evbuffer *buffer, evbuffer_cb_func cb, void *cbarg) {
  const BufferUse use(*buffer);
  return buffer->add_callback(cb, cbarg);
}

extern "C" int evbuffer_remove_cb_entry(evbuffer *buffer, evbuffer_cb_entry *ent) {
  const BufferUse use(*buffer);
  buffer->remove_callback(*ent);
  return 0;
}

extern "C" int evbuffer_remove_cb(evbuffer *buffer, evbuffer_cb_func cb, void *cbarg) {
  const BufferUse use(*buffer);
  return status(buffer->remove_callback(cb, cbarg));
}

extern "C" int evbuffer_cb_set_flags(evbuffer *buffer, evbuffer_cb_entry *cb, ev_uint32_t flags) {
  const BufferUse use(*buffer);
  if (flags & EVBUFFER_CB_ENABLED) cb->enabled = true;
  return 0;
}

extern "C" int evbuffer_cb_clear_flags(evbuffer *buffer, evbuffer_cb_entry *cb, ev_uint32_t flags) {
  const BufferUse use(*buffer);
  if (flags & EVBUFFER_CB_ENABLED) cb->enabled = false;
  return 0;
}

extern "C" int evbuffer_defer_callbacks(evbuffer *buffer, event_base *base) {
  const BufferUse use(*buffer);
  return status(base && buffer->defer_callbacks(*base));
}
