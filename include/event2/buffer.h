/* Buffers: queues of bytes, to which data is appended at the end and from which it is removed at the front.
 *
 * A struct evbuffer holds its bytes in a chain of extents (blocks of memory). Appending and draining do not
 * copy the bytes already in the buffer, whole extents move from one buffer to another, and memory owned by
 * the program can be queued by reference. Buffers never wait for I/O: bufferevents (see event2/bufferevent.h)
 * connect them with sockets and an event loop.
 *
 * Threads: a buffer has no lock unless evbuffer_enable_locking() gave it one or it belongs to a bufferevent
 * that has one. With a lock, each function here is atomic and may be called from any thread; without one the
 * caller must ensure that only one thread at a time uses the buffer. Functions that take two buffers lock
 * both. Pointers into a buffer (from evbuffer_pullup, evbuffer_peek, evbuffer_reserve_space) and evbuffer_ptr
 * positions are valid until the next call that changes the buffer; hold evbuffer_lock() to prevent such calls
 * from other threads.
 *
 * Limits: the length of a buffer never exceeds EV_SSIZE_MAX; a call that would exceed it returns -1 and
 * changes nothing. Unless an entry says otherwise a call that fails does not change the contents. Out of
 * memory: errno is ENOMEM.
 *
 * Frozen ends: see evbuffer_freeze(). A call on a frozen end returns the value named for failure and changes
 * nothing.
 *
 * Since 2.0 unless an entry says otherwise.
 */
#ifndef EVENT2_BUFFER_H_INCLUDED_
#define EVENT2_BUFFER_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/util.h>
#include <event2/visibility.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>
#ifndef _WIN32
#include <sys/uio.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* A buffer. Opaque. */
struct evbuffer;
struct event_base;

/* A position within a buffer, set by evbuffer_ptr_set() and the search functions. Programs may only read pos.
 * Any change of the buffer invalidates it. */
struct evbuffer_ptr {
  ev_ssize_t pos; /* offset in bytes from the front; -1: no position */
  struct {
    void *chain;
    size_t pos_in_chain;
  } internal_;
};

/* An extent: iov_base is its first byte, iov_len its length in bytes. It is struct iovec where the platform
 * has that, so that arrays of it can be passed to writev(2) and similar functions. */
#ifdef _WIN32
struct evbuffer_iovec {
  void *iov_base;
  size_t iov_len;
};
#else
#define evbuffer_iovec iovec
#define EVBUFFER_IOVEC_IS_NATIVE_ 1
#endif

/* --- life, locks, flags ----------------------------------------------------------------------------- */

/* Creates an empty buffer without a lock. Returns the buffer, to be freed with evbuffer_free(), or NULL if
 * out of memory. */
EVENT2_CORE_EXPORT_SYMBOL
struct evbuffer *evbuffer_new(void);

/* Frees a buffer created by evbuffer_new(), with its contents and callbacks. The callbacks are not invoked;
 * cleanup functions of referenced memory are. If deferred callbacks are queued, the buffer is destroyed after
 * they have run. Must not be called for the buffers of a bufferevent. */
EVENT2_CORE_EXPORT_SYMBOL
void evbuffer_free(struct evbuffer *buf);

/* Gives the buffer a lock, so that several threads may use it. lock is a recursive lock as made by the
 * functions given to evthread_set_lock_callbacks(), which the caller keeps and which must outlive the buffer;
 * or NULL to create one, which is freed with the buffer. Returns 0; -1 if the buffer already has a lock, or
 * if none could be created, for example because threads are not enabled. Requires: no other thread uses the
 * buffer yet. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_enable_locking(struct evbuffer *buf, void *lock);

/* Takes the buffer's recursive lock; does nothing if the buffer has none. Makes several calls atomic. */
EVENT2_CORE_EXPORT_SYMBOL
void evbuffer_lock(struct evbuffer *buf);

/* Releases one evbuffer_lock() of the same thread. */
EVENT2_CORE_EXPORT_SYMBOL
void evbuffer_unlock(struct evbuffer *buf);

/* A flag for evbuffer_set_flags(): declares that the bytes of this buffer are removed by evbuffer_write*() to
 * a file descriptor. Files that are added while it is set stay on disk until the kernel sends them
 * (sendfile(2)), see evbuffer_add_file(). Other functions that access such bytes, also in a buffer to which
 * they were moved, read them from the file at that moment. */
#define EVBUFFER_FLAG_DRAINS_TO_FD 1

/* Sets the given flags in addition to those that are set. Returns 0. Since 2.0.2. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_set_flags(struct evbuffer *buf, ev_uint64_t flags);

/* Clears the given flags. Returns 0. Since 2.0.2. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_clear_flags(struct evbuffer *buf, ev_uint64_t flags);

/* Sets the maximum number of bytes that one evbuffer_read() reads. max: 1 to INT_MAX; the default is 4096.
 * Returns 0; -1 if max is out of range. Since 2.2. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_set_max_read(struct evbuffer *buf, size_t max);

/* Returns the maximum set by evbuffer_set_max_read(), in bytes. Since 2.2. */
EVENT2_CORE_EXPORT_SYMBOL
size_t evbuffer_get_max_read(struct evbuffer *buf);

/* Forbids changes at one end. A non-zero at_front freezes the front: drain, remove, copyout, prepend, readln
 * and write fail. Zero freezes the end: add, reserve, commit and read fail. evbuffer_add() and
 * evbuffer_drain() of 0 bytes fail too. evbuffer_expand(), evbuffer_pullup(), evbuffer_peek() and searches
 * still work. Bufferevents use it to prevent programs from draining the output buffer and from adding to the
 * input buffer. Returns 0. Since 2.0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_freeze(struct evbuffer *buf, int at_front);

/* Reverts evbuffer_freeze() with the same at_front. Freezing is not counted: one call is enough. Returns
 * 0. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_unfreeze(struct evbuffer *buf, int at_front);

/* --- size ------------------------------------------------------------------------------------------- */

/* Returns the number of bytes in the buffer. */
EVENT2_CORE_EXPORT_SYMBOL
size_t evbuffer_get_length(const struct evbuffer *buf);

/* Returns the number of bytes in the first extent: what evbuffer_pullup() can return without copying. */
EVENT2_CORE_EXPORT_SYMBOL
size_t evbuffer_get_contiguous_space(const struct evbuffer *buf);

/* Reserves contiguous space, so that datlen more bytes can be added without another allocation. Returns 0; -1
 * if out of memory or if datlen exceeds the limit. Works with frozen ends. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_expand(struct evbuffer *buf, size_t datlen);

/* --- space to be filled by the caller --------------------------------------------------------------- */

/* Provides unused space at the end, for the caller to fill and then to pass to evbuffer_commit_space().
 *
 * size: the number of bytes needed (at least 0). vec: receives the extents. n_vec: the number of elements of
 * vec; with 1 the space is contiguous, with 2 or more the rest of the last extent is used first, which avoids
 * copies. At most two are used. The extents may together be larger than size; all of them may be filled.
 * Returns the number of extents set, which is 0 only for a size of 0; -1 if n_vec is less than 1, if size is
 * negative or exceeds the limit, if the end is frozen, or if out of memory. A second call without a commit
 * returns the same space again. Since 2.0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_reserve_space(struct evbuffer *buf, ev_ssize_t size, struct evbuffer_iovec *vec, int n_vec);

/* Appends the bytes that the caller wrote into reserved space to the buffer.
 *
 * vec: extents from the last evbuffer_reserve_space(), in the same order and with the same iov_base; iov_len
 * may have been reduced to the number of bytes written. n_vecs: the number of extents; 0 adds nothing. Only
 * the last extent with bytes may be filled partially. Returns 0; -1 if vec does not describe space of this
 * buffer (because a call changed the buffer since) or if the end is frozen. Since 2.0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_commit_space(struct evbuffer *buf, struct evbuffer_iovec *vec, int n_vecs);

/* --- adding ----------------------------------------------------------------------------------------- */

/* Appends a copy of datlen bytes at data. Returns 0; -1 if out of memory, if the length would exceed the
 * limit, or if the end is frozen. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add(struct evbuffer *buf, const void *data, size_t datlen);

/* Appends copies of the n_vec extents in vec, in order. Returns the number of bytes added, which after a
 * failure is less than their sum: 0 if the failure was detected before anything was added. Callbacks are
 * invoked once for each extent. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
size_t evbuffer_add_iovec(struct evbuffer *buf, struct evbuffer_iovec *vec, int n_vec);

/* Appends text formatted as by printf(3), without a terminating NUL. Returns its length in bytes; -1 as for
 * evbuffer_add(), or if the C library cannot format it. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add_printf(struct evbuffer *buf, const char *fmt, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* The same for arguments in a va_list; the caller calls va_end(). */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add_vprintf(struct evbuffer *buf, const char *fmt, va_list ap)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 0)))
#endif
    ;

/* Inserts a copy of size bytes at data before the first byte. Returns 0, always if size is 0; -1 if out of
 * memory, if the length would exceed the limit, or if the front is frozen. Not for the buffers of a
 * bufferevent. Since 2.0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_prepend(struct evbuffer *buf, const void *data, size_t size);

/* --- moving between buffers ------------------------------------------------------------------------- */

/* Moves all extents of inbuf to the end of outbuf and leaves inbuf empty. No byte is copied. Returns 0, also
 * if inbuf is empty or is outbuf itself (no effect, frozen or not); -1 if outbuf's end or inbuf's front is
 * frozen, if out of memory, or if the length would exceed the limit. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add_buffer(struct evbuffer *outbuf, struct evbuffer *inbuf);

/* The same, but inserts before the first byte of outbuf; its front must not be frozen. Not for the buffers of
 * a bufferevent. Since 2.0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_prepend_buffer(struct evbuffer *outbuf, struct evbuffer *inbuf);

/* Moves the first datlen bytes of src, or all if there are fewer, to the end of dst. Whole extents are moved;
 * small extents and a part of the last one may be copied. One call moves no more than INT_MAX bytes. Returns
 * the number of bytes moved, 0 if datlen is 0, src is empty or src is dst; -1, with nothing moved, if src's
 * front or dst's end is frozen, if out of memory, or if the length would exceed the limit. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_remove_buffer(struct evbuffer *src, struct evbuffer *dst, size_t datlen);

/* Appends the present contents of inbuf to outbuf without copying them and without removing them from inbuf:
 * the two buffers share the memory, which is freed when neither uses it any more, and the parts of files.
 * Later changes of inbuf do not affect outbuf. Returns 0; -1 if inbuf is outbuf, if inbuf holds bytes (not of
 * a file) that this function added to it from another buffer, if the length would exceed the limit, if
 * outbuf's end is frozen, or if out of memory. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add_buffer_reference(struct evbuffer *outbuf, struct evbuffer *inbuf);

/* --- memory of the program, by reference ------------------------------------------------------------ */

/* Is called when no buffer uses referenced memory any more. data and datlen are those of the call that added
 * it, extra its last argument. May run in any call that removes bytes or frees a buffer, with that buffer's
 * lock held; must not use the buffer. */
typedef void (*evbuffer_ref_cleanup_cb)(const void *data, size_t datlen, void *extra);

/* Appends datlen bytes at data without copying them. They must stay unchanged until cleanupfn has been called
 * with cleanupfn_arg, which happens once, when the last of them has left every buffer; if datlen is 0, it is
 * called at once. cleanupfn may be NULL. Returns 0; -1 if out of memory, if the length would exceed the
 * limit, or if outbuf's end is frozen; after -1 cleanupfn is not called. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add_reference(struct evbuffer *outbuf, const void *data, size_t datlen,
                           evbuffer_ref_cleanup_cb cleanupfn, void *cleanupfn_arg);

/* The same for the datlen bytes that begin at data + offset; cleanupfn receives data itself, with offset +
 * datlen as its length. Since 2.2. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add_reference_with_offset(struct evbuffer *outbuf, const void *data, size_t offset,
                                       size_t datlen, evbuffer_ref_cleanup_cb cleanupfn, void *cleanupfn_arg);

/* --- files ------------------------------------------------------------------------------------------ */

/* Appends length bytes (-1: up to its present end) of the open file fd, starting at offset bytes. The
 * descriptor's file position is neither used nor changed.
 *
 * If the buffer has EVBUFFER_FLAG_DRAINS_TO_FD, the file is regular and the platform has sendfile(2), the
 * bytes stay in the file until they are sent, and fd must stay open. Otherwise the call loads them: files of
 * up to 64 KiB, and files that are not regular, are read into memory, larger ones are mapped. The bytes then
 * stay available even if the program closes fd.
 *
 * Ownership: on success fd passes to the buffer, which closes it when the last of the bytes has left every
 * buffer (at once if length is 0), unless fd no longer refers to the same file by then. On failure the caller
 * keeps it.
 *
 * The file should not change while it is queued. If it does, bytes that are not loaded yet are sent as they
 * are at that time, and mapped ones may be. If the file was truncated, evbuffer_write() fails with EIO
 * (EFAULT if it is mapped), and functions that access the bytes fail as if out of memory; but accessing
 * truncated bytes of a mapping, as evbuffer_remove() does, raises SIGBUS, as with any mmap(2). Bytes that
 * were read into memory are not affected. For a large file that other processes may truncate, use a segment
 * with EVBUF_FS_DISABLE_MMAP.
 *
 * Returns 0; -1 with errno if the file does not have all of these bytes (EINVAL; EIO if it was truncated
 * during the call), if they cannot be read at an offset (pipes, directories), if length is -1 and the size is
 * unknown (devices, /proc), if out of memory, if the length would exceed the limit, or if the end is
 * frozen. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add_file(struct evbuffer *outbuf, int fd, ev_off_t offset, ev_off_t length);

/* A range of an open file, parts of which can be in any number of buffers; opaque. Since 2.1.
 *
 * Threads: buffers with parts of one segment may be used in different threads at the same time, each under
 * its own lock, unless the segment was made with EVBUF_FS_DISABLE_LOCKING. */
struct evbuffer_file_segment;

/* Flags for evbuffer_file_segment_new(). */
#define EVBUF_FS_CLOSE_ON_FREE 0x01    /* close the descriptor when the segment is freed */
#define EVBUF_FS_DISABLE_MMAP 0x02     /* never map the file: read it */
#define EVBUF_FS_DISABLE_SENDFILE 0x04 /* never use sendfile(2): read or map it when created */
#define EVBUF_FS_DISABLE_LOCKING 0x08  /* no lock: only one thread uses the buffers with the segment */

/* Is called when the last reference to a segment was released, after EVBUF_FS_CLOSE_ON_FREE has closed its
 * descriptor. flags: those of evbuffer_file_segment_new(); arg: from evbuffer_file_segment_add_cleanup_cb().
 * Runs in any call that removes bytes or frees a buffer, with that buffer's lock held, or in
 * evbuffer_file_segment_free(). Must not use the buffer, nor the segment except to compare its address. */
typedef void (*evbuffer_file_segment_cleanup_cb)(struct evbuffer_file_segment const *seg, int flags,
                                                 void *arg);

/* Creates a segment of length bytes (-1: up to its present end) at offset bytes in the open file fd. fd must
 * stay open as long as the segment exists, unless its bytes were loaded: by this call with
 * EVBUF_FS_DISABLE_SENDFILE, or when a part of it is added to a buffer without EVBUFFER_FLAG_DRAINS_TO_FD.
 * Loading reads or maps the whole segment. For when the file is read, the effects of changes to it, and
 * errors, see evbuffer_add_file(). Returns the segment, to be freed with evbuffer_file_segment_free(); NULL
 * with errno on failure, and the descriptor then stays open whatever the flags. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
struct evbuffer_file_segment *evbuffer_file_segment_new(int fd, ev_off_t offset, ev_off_t length,
                                                        unsigned flags);

/* Releases the caller's reference; the segment exists as long as buffers hold parts of it. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void evbuffer_file_segment_free(struct evbuffer_file_segment *seg);

/* Sets the function to be called when the segment is destroyed, replacing an earlier one; NULL for none.
 * Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void evbuffer_file_segment_add_cleanup_cb(struct evbuffer_file_segment *seg,
                                          evbuffer_file_segment_cleanup_cb cb, void *arg);

/* Appends length bytes (negative: the rest) of the segment, starting offset bytes after its start. The buffer
 * takes a reference to the segment, unless there are 0 bytes to append; the caller keeps its own. Returns 0;
 * -1 with errno if the segment does not have all of these bytes (EINVAL), if they could not be read from the
 * file (EIO: it was truncated), if out of memory, if the length would exceed the limit, or if the end is
 * frozen. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add_file_segment(struct evbuffer *buf, struct evbuffer_file_segment *seg, ev_off_t offset,
                              ev_off_t length);

/* --- removing and looking ---------------------------------------------------------------------------
 *
 * If bytes are still in a file (see evbuffer_add_file), a call that accesses them reads the file. If that
 * fails, the call returns -1 or NULL, a search finds nothing, errno is set, and the buffer is unchanged. */

/* Copies the first datlen bytes, or all if there are fewer, to data and removes them; no more than INT_MAX
 * bytes in one call. Returns the number of bytes removed; -1 if the front is frozen and there are bytes to
 * copy. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_remove(struct evbuffer *buf, void *data, size_t datlen);

/* Removes the first len bytes, or all if there are fewer. Returns 0, or -1 if the front is frozen. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_drain(struct evbuffer *buf, size_t len);

/* Copies the first datlen bytes, or all if there are fewer, to data without removing them. Returns the number
 * of bytes copied; -1 if the front is frozen and there are bytes to copy. Since 2.0.5. */
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t evbuffer_copyout(struct evbuffer *buf, void *data, size_t datlen);

/* The same from position pos (NULL: the front) on. Returns -1 also if pos->pos is -1. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t evbuffer_copyout_from(struct evbuffer *buf, const struct evbuffer_ptr *pos, void *data_out,
                                 size_t datlen);

/* Makes the first size bytes (negative: all) contiguous, which may copy them, and returns the address of the
 * first. The address is valid until the buffer is changed. Returns NULL if there are fewer bytes, if size is
 * 0, if the buffer is empty, or if out of memory. */
EVENT2_CORE_EXPORT_SYMBOL
unsigned char *evbuffer_pullup(struct evbuffer *buf, ev_ssize_t size);

/* Returns where the bytes are, without copying or moving them.
 *
 * len: the number of bytes wanted from start_at on; negative: as many as n_vec extents contain. start_at:
 * where to start, NULL for the front. vec_out: receives the extents, the first n_vec of those needed; the
 * last may extend beyond len. Returns, for a negative len, the number of extents set, or with n_vec 0 the
 * number of all extents; otherwise the number needed for len bytes (for all, if there are fewer), which may
 * be more than n_vec. Returns -1 if bytes of a file could not be read. The caller must not write to the
 * memory. Since 2.0.2. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_peek(struct evbuffer *buffer, ev_ssize_t len, struct evbuffer_ptr *start_at,
                  struct evbuffer_iovec *vec_out, int n_vec);

/* --- lines ------------------------------------------------------------------------------------------ */

/* The line terminators. */
enum evbuffer_eol_style {
  /* Any sequence of CR and LF characters. Empty lines are lost; mostly for old programs. */
  EVBUFFER_EOL_ANY,
  /* LF, with or without a preceding CR. */
  EVBUFFER_EOL_CRLF,
  /* CR LF. */
  EVBUFFER_EOL_CRLF_STRICT,
  /* LF; a preceding CR is part of the line. */
  EVBUFFER_EOL_LF,
  /* A NUL byte. Since 2.1. */
  EVBUFFER_EOL_NUL
};

/* Removes the first line and its terminator. Returns the line, NUL-terminated, in allocated memory that the
 * caller frees (with the function given to event_set_mem_functions(), free() by default). Returns NULL, and
 * removes nothing, if there is no complete line, if out of memory, or if the front is frozen. n_read_out, if
 * not NULL, receives the line's length in bytes, 0 if there is none. The line itself may contain NUL
 * bytes. */
EVENT2_CORE_EXPORT_SYMBOL
char *evbuffer_readln(struct evbuffer *buffer, size_t *n_read_out, enum evbuffer_eol_style eol_style);

/* --- searching -------------------------------------------------------------------------------------- */

/* How evbuffer_ptr_set() interprets its position. */
enum evbuffer_ptr_how {
  EVBUFFER_PTR_SET, /* from the front */
  EVBUFFER_PTR_ADD  /* from its present position */
};

/* Moves ptr to position bytes from the front, or forward by position bytes. The position directly after the
 * last byte is allowed. Returns 0; -1 beyond that, with ptr->pos set to -1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_ptr_set(struct evbuffer *buffer, struct evbuffer_ptr *ptr, size_t position,
                     enum evbuffer_ptr_how how);

/* Finds the first occurrence of the len bytes at what that begins at start (NULL: the front) or later.
 * Returns its position; pos is -1 if there is none. If len is 0, the result is start. */
EVENT2_CORE_EXPORT_SYMBOL
struct evbuffer_ptr evbuffer_search(struct evbuffer *buffer, const char *what, size_t len,
                                    const struct evbuffer_ptr *start);

/* The same for an occurrence that ends at end (NULL: the buffer's end) or before. */
EVENT2_CORE_EXPORT_SYMBOL
struct evbuffer_ptr evbuffer_search_range(struct evbuffer *buffer, const char *what, size_t len,
                                          const struct evbuffer_ptr *start, const struct evbuffer_ptr *end);

/* Finds the end of the line that begins at start (NULL: the front). Returns the position of the first byte of
 * its terminator; pos is -1 if the line is not complete. eol_len_out, if not NULL, receives the length of the
 * terminator in bytes, 0 if there is none. Since 2.0.5. */
EVENT2_CORE_EXPORT_SYMBOL
struct evbuffer_ptr evbuffer_search_eol(struct evbuffer *buffer, struct evbuffer_ptr *start,
                                        size_t *eol_len_out, enum evbuffer_eol_style eol_style);

/* --- files and sockets ------------------------------------------------------------------------------ */

/* Writes bytes from the front to fd and removes the bytes written. It uses one system call; if files are sent
 * by sendfile(2), one for each file and one for the bytes between, until the kernel does not accept
 * everything. Returns the number of bytes written; -1 on an error (in errno, on Windows the socket error;
 * EAGAIN: fd is not writable now; EIO: a file was truncated), if the front is frozen, or if the buffer is
 * empty. On Windows fd must be a socket. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_write(struct evbuffer *buffer, evutil_socket_t fd);

/* The same for up to howmuch bytes; negative for no limit. Since 2.0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_write_atmost(struct evbuffer *buffer, evutil_socket_t fd, ev_ssize_t howmuch);

/* Reads from fd with one system call and appends the bytes: up to howmuch, limited to
 * evbuffer_get_max_read(); negative: up to that limit. Returns the number of bytes read; 0 at EOF or if
 * howmuch is 0; -1 on an error, as for evbuffer_write(), or if the end is frozen. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_read(struct evbuffer *buffer, evutil_socket_t fd, int howmuch);

/* --- callbacks on change ---------------------------------------------------------------------------- */

/* The change of a buffer: its length was orig_size, then n_added bytes were added and n_deleted removed. */
struct evbuffer_cb_info {
  size_t orig_size;
  size_t n_added;
  size_t n_deleted;
};

/* Is called after a change, with the buffer's lock held. It may use the buffer in any way, including changing
 * it, removing this callback and freeing the buffer. Changes that it makes invoke the callbacks for the new
 * change first, before the remaining callbacks for this one. */
typedef void (*evbuffer_cb_func)(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg);

/* One callback added by evbuffer_add_cb(); opaque. */
struct evbuffer_cb_entry;

/* Adds a callback, to be invoked with cbarg whenever bytes are added or removed. Callbacks added last are
 * invoked first. The same function may be added several times. Returns a handle that is valid until the
 * callback is removed or the buffer freed; NULL if out of memory. */
EVENT2_CORE_EXPORT_SYMBOL
struct evbuffer_cb_entry *evbuffer_add_cb(struct evbuffer *buffer, evbuffer_cb_func cb, void *cbarg);

/* Removes the callback for which evbuffer_add_cb() returned ent. Returns 0. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_remove_cb_entry(struct evbuffer *buffer, struct evbuffer_cb_entry *ent);

/* Removes the first callback that was added with the same cb and cbarg. Returns 0, or -1 if there is none. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_remove_cb(struct evbuffer *buffer, evbuffer_cb_func cb, void *cbarg);

/* A flag of a callback, initially set. While it is cleared the callback is not invoked, and changes during
 * that time are not reported later. */
#define EVBUFFER_CB_ENABLED 1

/* Sets flags of the callback cb in addition to those that are set. Returns 0. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_cb_set_flags(struct evbuffer *buffer, struct evbuffer_cb_entry *cb, ev_uint32_t flags);

/* Clears flags of the callback cb. Returns 0. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_cb_clear_flags(struct evbuffer *buffer, struct evbuffer_cb_entry *cb, ev_uint32_t flags);

/* Defers the buffer's callbacks: from now on the loop of base invokes them, not the calls that change the
 * buffer; several changes are then reported as their sum. The base must not be freed while a report is
 * queued. Returns 0; -1 if out of memory. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_defer_callbacks(struct evbuffer *buffer, struct event_base *base);

#ifdef __cplusplus
}
#endif

#endif
