/* Buffers: queues of bytes that take data at the end and give it up at the front.
 *
 * A struct evbuffer holds its bytes in a chain of extents (blocks of memory). Appending and draining cost no
 * copy of what is already there, whole extents move from one buffer to another, and memory that belongs to
 * the program can be queued by reference. Buffers do no waiting of their own: bufferevents (see
 * event2/bufferevent.h) connect them with sockets and an event loop.
 *
 * Threads: a buffer has no lock unless evbuffer_enable_locking() gave it one or it belongs to a bufferevent
 * that has one. With a lock, each function here is atomic and may be called from any thread; without one the
 * caller sees to it that one thread at a time uses the buffer. Functions that take two buffers lock both.
 * Pointers into a buffer (from evbuffer_pullup, evbuffer_peek, evbuffer_reserve_space) and evbuffer_ptr
 * positions are good until the next call that changes the buffer; to keep other threads from making such a
 * call meanwhile, hold evbuffer_lock().
 *
 * Limits: the length of a buffer never exceeds EV_SSIZE_MAX; a call that would pass it fails with -1 and
 * changes nothing. Unless an entry says otherwise a call that fails leaves the contents as they were.
 *
 * Frozen ends: see evbuffer_freeze(). Below, "fails if the end is frozen" is short for: returns the value
 * named for failure and does nothing.
 *
 * Since 2.0, entries without a version of their own included.
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

/* A buffer; its members are private. */
struct evbuffer;
struct event_base;

/* A position within a buffer, made by evbuffer_ptr_set() and the search functions. Programs read pos alone.
 * Any change of the buffer makes it worthless. */
struct evbuffer_ptr {
  ev_ssize_t pos; /* offset in bytes from the front; -1: nowhere */
  struct {
    void *chain;
    size_t pos_in_chain;
  } internal_;
};

/* An extent: iov_base is its first byte, iov_len its length in bytes. It is struct iovec where the platform
 * has that, so that arrays of it can be passed to writev() and its kin. */
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

/* Makes an empty buffer without a lock. Returns NULL if there is no memory. The caller frees it with
 * evbuffer_free(). */
EVENT2_CORE_EXPORT_SYMBOL
struct evbuffer *evbuffer_new(void);

/* Gives up the caller's claim on a buffer made by evbuffer_new(); its contents and callbacks go with it (no
 * callback is told, cleanup functions of referenced memory run). If deferred callbacks are still to run, the
 * buffer lives until they have. Must not be called for the buffers of a bufferevent. */
EVENT2_CORE_EXPORT_SYMBOL
void evbuffer_free(struct evbuffer *buf);

/* Lets several threads use the buffer. lock: a recursive lock as made by the functions given to
 * evthread_set_lock_callbacks(), which stays the caller's and has to outlive the buffer; or NULL to have one
 * made, which is freed with the buffer. Returns 0; -1 if the buffer has a lock already, or if none could be
 * made, threads not having been enabled included. To be called before other threads know of the buffer. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_enable_locking(struct evbuffer *buf, void *lock);

/* Takes the buffer's lock, as often as it is called; does nothing if the buffer has none. For several calls
 * that have to be one. */
EVENT2_CORE_EXPORT_SYMBOL
void evbuffer_lock(struct evbuffer *buf);

/* Undoes one evbuffer_lock() of the same thread. */
EVENT2_CORE_EXPORT_SYMBOL
void evbuffer_unlock(struct evbuffer *buf);

/* A flag for evbuffer_set_flags(): the bytes of this buffer leave it by evbuffer_write*() to a file
 * descriptor. Files that are added while it is set stay on disk until the kernel sends them (sendfile), see
 * evbuffer_add_file(). A program that looks at such bytes all the same, or moves them to another buffer and
 * does it there, gets them: they are read from the file then. */
#define EVBUFFER_FLAG_DRAINS_TO_FD 1

/* Sets the given flags in addition to those that are set. Returns 0. Since 2.0.2. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_set_flags(struct evbuffer *buf, ev_uint64_t flags);

/* Clears the given flags. Returns 0. Since 2.0.2. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_clear_flags(struct evbuffer *buf, ev_uint64_t flags);

/* Sets the most bytes that one evbuffer_read() whose own limit is negative or larger takes. max: 1 up to
 * INT_MAX; 4096 at first. Returns 0; -1 if max is out of range. Since 2.2. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_set_max_read(struct evbuffer *buf, size_t max);

/* What evbuffer_set_max_read() set, in bytes. Since 2.2. */
EVENT2_CORE_EXPORT_SYMBOL
size_t evbuffer_get_max_read(struct evbuffer *buf);

/* Forbids changes at one end: at_front non-zero means the front (drain, remove, copyout, prepend, readln,
 * write fail), zero the end (add, reserve, commit, read fail), evbuffer_add() and evbuffer_drain() of no
 * bytes included. evbuffer_expand(), evbuffer_pullup(), evbuffer_peek() and searches work all the same.
 * Bufferevents use it to keep programs from draining what is being sent and from adding to what was received.
 * Returns 0. Since 2.0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_freeze(struct evbuffer *buf, int at_front);

/* Permits again what evbuffer_freeze() with the same at_front forbade. Freezing does not count: once is
 * enough. Returns 0. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_unfreeze(struct evbuffer *buf, int at_front);

/* --- size ------------------------------------------------------------------------------------------- */

/* The number of bytes in the buffer. */
EVENT2_CORE_EXPORT_SYMBOL
size_t evbuffer_get_length(const struct evbuffer *buf);

/* The number of bytes in the first extent: what evbuffer_pullup() can show without moving anything. */
EVENT2_CORE_EXPORT_SYMBOL
size_t evbuffer_get_contiguous_space(const struct evbuffer *buf);

/* Sees to it that datlen more bytes can be added without another allocation, and that their space is
 * contiguous. Returns 0; -1 if there is no memory or datlen cannot be had. Works with frozen ends. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_expand(struct evbuffer *buf, size_t datlen);

/* --- space to be filled by the caller --------------------------------------------------------------- */

/* Shows unused space at the end, for the caller to fill and then to hand to evbuffer_commit_space().
 *
 * size: how many bytes are needed (at least 0). vec: receives the extents. n_vec: how many there is room for;
 * with 1 the space is contiguous, with 2 or more the rest of the last extent is used first, which spares
 * copies. Never are more than two used. The extents may together be larger than size; all of them may be
 * filled. Returns how many were set, which is 0 only for a size of 0; -1 if n_vec is less than 1, size is
 * negative or cannot be had, there is no memory, or the end is frozen. Calling it again without a commit
 * gives the same space again. Since 2.0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_reserve_space(struct evbuffer *buf, ev_ssize_t size, struct evbuffer_iovec *vec, int n_vec);

/* Makes what the caller wrote into reserved space part of the buffer.
 *
 * vec: extents from the last evbuffer_reserve_space(), in their order and with their iov_base; iov_len may
 * have been lessened to what was written. n_vecs: how many of them, 0 allowed (adds nothing). Only the last
 * extent that holds bytes should be filled in part. Returns 0; -1 if vec does not describe space of this
 * buffer (some call changed it since) or the end is frozen. Since 2.0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_commit_space(struct evbuffer *buf, struct evbuffer_iovec *vec, int n_vecs);

/* --- adding ----------------------------------------------------------------------------------------- */

/* Appends a copy of datlen bytes at data. Returns 0; -1 if there is no memory, the length would pass the
 * limit, or the end is frozen. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add(struct evbuffer *buf, const void *data, size_t datlen);

/* Appends copies of the n_vec extents in vec, in order. Returns the number of bytes added, which is less than
 * their sum after a failure: 0 if it was seen beforehand that not all of them can be added. Callbacks see one
 * addition for each extent. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
size_t evbuffer_add_iovec(struct evbuffer *buf, struct evbuffer_iovec *vec, int n_vec);

/* Appends text formatted as by printf(), without a terminating NUL. Returns its length in bytes, 0 or more;
 * -1 as for evbuffer_add() or if the C library cannot format it. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add_printf(struct evbuffer *buf, const char *fmt, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* The same for arguments in a va_list, which is not ended by the call. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add_vprintf(struct evbuffer *buf, const char *fmt, va_list ap)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 0)))
#endif
    ;

/* Puts a copy of size bytes at data before the first byte. Returns 0, always for no bytes; -1 as for
 * evbuffer_add(), the front being what must not be frozen. Not for the buffers of a bufferevent. Since 2.0.1.
 */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_prepend(struct evbuffer *buf, const void *data, size_t size);

/* --- moving between buffers ------------------------------------------------------------------------- */

/* Moves all bytes of inbuf to the end of outbuf, extents and all, and leaves inbuf empty. Nothing is copied.
 * Returns 0, also if inbuf is empty or is outbuf itself (nothing happens, frozen or not); -1 if outbuf's end
 * or inbuf's front is frozen, there is no memory, or the length would pass the limit. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add_buffer(struct evbuffer *outbuf, struct evbuffer *inbuf);

/* The same, but before the first byte of outbuf, whose front must not be frozen. Not for the buffers of a
 * bufferevent. Since 2.0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_prepend_buffer(struct evbuffer *outbuf, struct evbuffer *inbuf);

/* Moves the first datlen bytes of src, or all if there are fewer, to the end of dst; whole extents move, at
 * most the last one is copied in part. At most INT_MAX bytes are moved by one call. Returns their number, 0
 * if datlen is 0, src is empty or src is dst; -1 if src's front or dst's end is frozen, there is no memory,
 * or the length would pass the limit, nothing being moved then. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_remove_buffer(struct evbuffer *src, struct evbuffer *dst, size_t datlen);

/* Appends the present contents of inbuf to outbuf without copying them and without taking them from inbuf:
 * the two share the memory, which lives until both are done with it, and parts of files. Later changes of
 * inbuf do not show in outbuf. Returns 0; -1 if there is no memory, inbuf is outbuf, inbuf holds bytes (not
 * of a file) that are themselves shared with another buffer by this function, the length would pass the
 * limit, or outbuf's end is frozen. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add_buffer_reference(struct evbuffer *outbuf, struct evbuffer *inbuf);

/* --- memory of the program, by reference ------------------------------------------------------------ */

/* Told that a buffer needs referenced memory no longer: data and datlen are those of the call that added it,
 * extra its last argument. May run in any call that removes bytes or frees a buffer, with that buffer's lock
 * held; must not touch the buffer. */
typedef void (*evbuffer_ref_cleanup_cb)(const void *data, size_t datlen, void *extra);

/* Appends datlen bytes at data without copying them. They must stay as they are until cleanupfn (NULL: no one
 * is told) has been called with cleanupfn_arg, which happens once, when the last of them has left every
 * buffer. Returns 0; -1 if there is no memory, the length would pass the limit, or outbuf's end is frozen;
 * after -1 cleanupfn is not called. For no bytes it is called at once. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add_reference(struct evbuffer *outbuf, const void *data, size_t datlen,
                           evbuffer_ref_cleanup_cb cleanupfn, void *cleanupfn_arg);

/* The same for the datlen bytes that begin at data + offset; cleanupfn still gets data itself, with
 * offset + datlen for its length. Since 2.2. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add_reference_with_offset(struct evbuffer *outbuf, const void *data, size_t offset,
                                       size_t datlen, evbuffer_ref_cleanup_cb cleanupfn, void *cleanupfn_arg);

/* --- files ------------------------------------------------------------------------------------------ */

/* Appends length bytes (-1: up to its present end) of the open file fd, beginning at offset bytes, whatever
 * the descriptor's own position, which stays as it is.
 *
 * With EVBUFFER_FLAG_DRAINS_TO_FD on the buffer, and a regular file on a platform with sendfile, the bytes
 * stay in the file until they are sent, and fd has to stay open. Otherwise they are taken now: files of
 * up to 64 KiB, and what is not a regular file, are read into memory, larger ones mapped. They can be had
 * then even if the program closes fd itself.
 *
 * After success the descriptor is the buffer's: it is closed when the last of the bytes has left every buffer
 * (at once if length is 0), unless fd is no longer open on the same file by then. After failure it is the
 * caller's as before.
 *
 * The file should not change while it is queued. What may happen if it does: bytes not yet taken are sent as
 * they are by then, mapped ones perhaps. A file that became too short makes evbuffer_write() fail with EIO
 * (EFAULT if it is mapped), and the functions that look at the bytes fail as if there was no memory; but to
 * look at lost bytes of a mapping, as evbuffer_remove() does, raises SIGBUS, as with any mapping. Nothing of
 * that concerns bytes that were read. For a large file that others may cut, use a segment with
 * EVBUF_FS_DISABLE_MMAP.
 *
 * Returns 0; -1 with errno if the file does not have all of these bytes (EINVAL; EIO if it lost them during
 * the call), they cannot be read at an offset (pipes, directories), nothing tells how many there are (-1 on a
 * device or in /proc), there is no memory, the length would pass the limit, or the end is frozen. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add_file(struct evbuffer *outbuf, int fd, ev_off_t offset, ev_off_t length);

/* A range of an open file, parts of which can be in any number of buffers; its members are private.
 * Since 2.1.
 *
 * Threads: buffers with parts of one segment may be used in different threads at the same time, each under
 * its own lock, unless the segment was made with EVBUF_FS_DISABLE_LOCKING. */
struct evbuffer_file_segment;

/* Flags for evbuffer_file_segment_new(). */
#define EVBUF_FS_CLOSE_ON_FREE 0x01    /* close the descriptor with the segment */
#define EVBUF_FS_DISABLE_MMAP 0x02     /* never map the file: read it */
#define EVBUF_FS_DISABLE_SENDFILE 0x04 /* never have the kernel send it: read or map it when made */
#define EVBUF_FS_DISABLE_LOCKING 0x08  /* no lock: one thread uses all buffers with the segment */

/* Told that no claim on a segment is left, after its descriptor was closed if that is asked for.
 * flags: those it was made with; arg: from evbuffer_file_segment_add_cleanup_cb(). Runs in any call that
 * removes bytes or frees a buffer, with that buffer's lock held, or in evbuffer_file_segment_free(). Must not
 * use the segment but to compare its address, nor the buffer. */
typedef void (*evbuffer_file_segment_cleanup_cb)(struct evbuffer_file_segment const *seg, int flags,
                                                 void *arg);

/* Makes a segment of length bytes (-1: up to its present end) at offset bytes in the open file fd. fd has to
 * stay open as long as the segment lives; only with EVBUF_FS_DISABLE_SENDFILE, or once a part of it is in a
 * buffer without EVBUFFER_FLAG_DRAINS_TO_FD, the bytes were taken. All of the segment is read, or
 * mapped, as soon as a part is asked for. When the file is read, what happens if it changes, and what fails:
 * see evbuffer_add_file(). Returns NULL on failure, errno saying why; the descriptor stays open then,
 * whatever the flags. The caller frees the segment with evbuffer_file_segment_free(). Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
struct evbuffer_file_segment *evbuffer_file_segment_new(int fd, ev_off_t offset, ev_off_t length,
                                                        unsigned flags);

/* Gives up the caller's claim; the segment lives on while buffers hold parts of it. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void evbuffer_file_segment_free(struct evbuffer_file_segment *seg);

/* Names the function to be told of the segment's end, in place of one named earlier; NULL: none. Since 2.1.
 */
EVENT2_CORE_EXPORT_SYMBOL
void evbuffer_file_segment_add_cleanup_cb(struct evbuffer_file_segment *seg,
                                          evbuffer_file_segment_cleanup_cb cb, void *arg);

/* Appends length bytes (negative: the rest) of the segment, beginning offset bytes behind its own start. The
 * segment must not be freed before the call; the buffer has a claim of its own afterwards (not for no bytes),
 * and the caller keeps theirs in any case. Returns 0; -1 with errno if the segment does not have all of these
 * bytes (EINVAL), they could not be taken from the file (EIO: it has become too short), there is no memory,
 * the length would pass the limit, or the end is frozen. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_add_file_segment(struct evbuffer *buf, struct evbuffer_file_segment *seg, ev_off_t offset,
                              ev_off_t length);

/* --- removing and looking ---------------------------------------------------------------------------
 *
 * Where bytes are in a file still (see evbuffer_add_file), a call that looks at them reads them from there.
 * If that fails, the call does: -1 or NULL, nowhere for a search, with errno; and the buffer is as it was. */

/* Copies the first datlen bytes, or all if there are fewer, to data and removes them. Returns their number;
 * -1 if the front is frozen and there are bytes to take. At most INT_MAX are taken by one call. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_remove(struct evbuffer *buf, void *data, size_t datlen);

/* Removes the first len bytes, or all if there are fewer. Returns 0; -1 if the front is frozen. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_drain(struct evbuffer *buf, size_t len);

/* Copies the first datlen bytes, or all if there are fewer, to data and leaves them in place. Returns their
 * number; -1 as for evbuffer_remove(). Since 2.0.5. */
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t evbuffer_copyout(struct evbuffer *buf, void *data, size_t datlen);

/* The same from position pos (NULL: the front) on. Returns -1 also if pos is nowhere. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t evbuffer_copyout_from(struct evbuffer *buf, const struct evbuffer_ptr *pos, void *data_out,
                                 size_t datlen);

/* Makes the first size bytes (negative: all) contiguous, which may copy them, and returns the address of the
 * first. Returns NULL if there are fewer bytes, size is 0, the buffer is empty, or there is no memory. */
EVENT2_CORE_EXPORT_SYMBOL
unsigned char *evbuffer_pullup(struct evbuffer *buf, ev_ssize_t size);

/* Shows where the bytes are, without copying or moving them.
 *
 * len: how many bytes from start_at on are wanted; negative: as many as n_vec extents show. start_at: where
 * to begin, NULL for the front. vec_out: receives the extents, the first n_vec of those needed; the last may
 * reach beyond len. Returns, for a negative len, how many were set; otherwise how many are needed for len
 * bytes (for all, if there are fewer), which may be more than n_vec. A negative len with n_vec 0 gives the
 * number of all extents. The memory must not be written to. -1 if bytes of a file could not be read. Since
 * 2.0.2. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_peek(struct evbuffer *buffer, ev_ssize_t len, struct evbuffer_ptr *start_at,
                  struct evbuffer_iovec *vec_out, int n_vec);

/* --- lines ------------------------------------------------------------------------------------------ */

/* What ends a line. */
enum evbuffer_eol_style {
  /* Any run, however long, of CR and LF in any order. Empty lines vanish; mostly for old programs. */
  EVBUFFER_EOL_ANY,
  /* LF, with or without a CR before it. */
  EVBUFFER_EOL_CRLF,
  /* CR LF. */
  EVBUFFER_EOL_CRLF_STRICT,
  /* LF; a CR before it belongs to the line. */
  EVBUFFER_EOL_LF,
  /* A byte 0. Since 2.1. */
  EVBUFFER_EOL_NUL
};

/* Removes the first line and what ends it. Returns the line in memory of its own, a 0 byte behind it, for the
 * caller to free (with the function given to event_set_mem_functions(), free() by default); NULL if there is
 * no complete line, no memory, or the front is frozen: nothing is removed then. n_read_out: receives the
 * line's length in bytes, 0 if there is none; may be NULL. The line may hold 0 bytes of its own. */
EVENT2_CORE_EXPORT_SYMBOL
char *evbuffer_readln(struct evbuffer *buffer, size_t *n_read_out, enum evbuffer_eol_style eol_style);

/* --- searching -------------------------------------------------------------------------------------- */

/* How evbuffer_ptr_set() is to take its position. */
enum evbuffer_ptr_how {
  EVBUFFER_PTR_SET, /* from the front */
  EVBUFFER_PTR_ADD  /* from where the pointer is */
};

/* Moves ptr to position bytes from the front, or that many bytes forward. Returns 0, the position just behind
 * the last byte included; -1 beyond it, with ptr->pos set to -1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_ptr_set(struct evbuffer *buffer, struct evbuffer_ptr *ptr, size_t position,
                     enum evbuffer_ptr_how how);

/* Finds the first occurrence of the len bytes at what that begins at start (NULL: the front) or later.
 * Returns its position; pos is -1 if there is none. No bytes at all are found at once. */
EVENT2_CORE_EXPORT_SYMBOL
struct evbuffer_ptr evbuffer_search(struct evbuffer *buffer, const char *what, size_t len,
                                    const struct evbuffer_ptr *start);

/* The same for an occurrence that ends at end (NULL: the buffer's end) or before. */
EVENT2_CORE_EXPORT_SYMBOL
struct evbuffer_ptr evbuffer_search_range(struct evbuffer *buffer, const char *what, size_t len,
                                          const struct evbuffer_ptr *start, const struct evbuffer_ptr *end);

/* Finds the end of the line that begins at start (NULL: the front): the position of the first byte of what
 * ends it. eol_len_out: receives the number of these bytes, 0 if there is none; may be NULL. pos is -1 if the
 * line is not complete. Since 2.0.5. */
EVENT2_CORE_EXPORT_SYMBOL
struct evbuffer_ptr evbuffer_search_eol(struct evbuffer *buffer, struct evbuffer_ptr *start,
                                        size_t *eol_len_out, enum evbuffer_eol_style eol_style);

/* --- files and sockets ------------------------------------------------------------------------------ */

/* Writes from the front to fd and removes what was written: with one system call, or, where files are to be
 * sent by the kernel, one for each of them and one for the bytes between, until one does not take everything.
 * Returns the number of bytes written; -1 on an error (errno, or the socket error on Windows, says which;
 * EAGAIN: not now; EIO: a file has become too short), if the front is frozen, or if the buffer is empty. On
 * Windows fd has to be a socket. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_write(struct evbuffer *buffer, evutil_socket_t fd);

/* The same for howmuch bytes at most; negative: no limit of its own. Since 2.0.1. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_write_atmost(struct evbuffer *buffer, evutil_socket_t fd, ev_ssize_t howmuch);

/* Reads from fd with one system call and appends what came: howmuch bytes at most, negative or more than
 * evbuffer_get_max_read(): that many. Returns the number of bytes read; 0 at the end of the stream or if
 * howmuch is 0; -1 on an error, as for evbuffer_write(), or if the end is frozen. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_read(struct evbuffer *buffer, evutil_socket_t fd, int howmuch);

/* --- callbacks on change ---------------------------------------------------------------------------- */

/* What happened to a buffer: its length was orig_size, then n_added bytes came and n_deleted went. */
struct evbuffer_cb_info {
  size_t orig_size;
  size_t n_added;
  size_t n_deleted;
};

/* Told of a change after it happened, with the buffer's lock held. It may use the buffer in any way, changes
 * removing itself and freeing the buffer included; changes that it makes are told in turn, before the rest of
 * the functions is told of this one. */
typedef void (*evbuffer_cb_func)(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg);

/* One function added by evbuffer_add_cb(); its members are private. */
struct evbuffer_cb_entry;

/* Adds a function to be called with cbarg whenever bytes come or go; those added last are called first. The
 * same function may be there several times. Returns a handle that is good until the function is removed or
 * the buffer freed; NULL if there is no memory. */
EVENT2_CORE_EXPORT_SYMBOL
struct evbuffer_cb_entry *evbuffer_add_cb(struct evbuffer *buffer, evbuffer_cb_func cb, void *cbarg);

/* Removes what evbuffer_add_cb() returned ent for. Returns 0. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_remove_cb_entry(struct evbuffer *buffer, struct evbuffer_cb_entry *ent);

/* Removes the first function that was added with the same cb and cbarg. Returns 0; -1 if there is none. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_remove_cb(struct evbuffer *buffer, evbuffer_cb_func cb, void *cbarg);

/* A flag of a callback, set at first: without it the function is not called, and changes that happen
 * meanwhile are not reported later. */
#define EVBUFFER_CB_ENABLED 1

/* Sets flags of the callback cb in addition to those that are set. Returns 0. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_cb_set_flags(struct evbuffer *buffer, struct evbuffer_cb_entry *cb, ev_uint32_t flags);

/* Clears flags of the callback cb. Returns 0. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_cb_clear_flags(struct evbuffer *buffer, struct evbuffer_cb_entry *cb, ev_uint32_t flags);

/* From now on lets the loop of base run the buffer's callbacks, instead of the calls that change the buffer;
 * several changes are then reported as one sum. The buffer must not outlive the base's last loop with changes
 * unreported. Returns 0; -1 if there is no memory. */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_defer_callbacks(struct evbuffer *buffer, struct event_base *base);

#ifdef __cplusplus
}
#endif

#endif
