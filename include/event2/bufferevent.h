/* Bufferevents: a connection with an input and an output buffer, which the loop fills and drains.
 *
 *   struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
 *   bufferevent_setcb(bev, on_read, NULL, on_event, arg);
 *   bufferevent_enable(bev, EV_READ);
 *   bufferevent_socket_connect_hostname(bev, dns, AF_UNSPEC, "www.example.org", 80);
 *   bufferevent_write(bev, "hello", 5);
 *
 * Data that the program writes is added to the output buffer and sent when the transport accepts it; data
 * that arrives is added to the input buffer, and the read callback is invoked. The transport depends on the
 * kind of bufferevent:
 *   - a stream socket                            bufferevent_socket_new()
 *   - the partner of a pair, in memory           bufferevent_pair_new()
 *   - another bufferevent, through two filters   bufferevent_filter_new()
 *   - a TLS connection                           <event2/bufferevent_ssl.h>
 * An entry applies to every kind unless it says otherwise.
 *
 * The directions are EV_READ and EV_WRITE (<event2/event.h>). Each can be enabled and disabled; a new
 * bufferevent has only EV_WRITE enabled. There is no need to disable a direction because its buffer is full
 * or empty.
 *
 * Callbacks. A bufferevent has a read callback, a write callback and an event callback, which share one
 * argument. With BEV_OPT_DEFER_CALLBACKS they run from the loop; without it they run in the loop's thread or
 * inside the call that causes them, which may be a call on this bufferevent. They may free the bufferevent.
 *
 * Threads. With BEV_OPT_THREADSAFE, and threads enabled before (<event2/thread.h>), a bufferevent and its two
 * buffers share a recursive lock and may be used from any thread. The lock is held while callbacks run,
 * unless BEV_OPT_UNLOCK_CALLBACKS was given. Without a lock a bufferevent must be used only by the thread of
 * its base's loop.
 *
 * Errors. Functions that return int return 0 on success and -1 on failure unless the entry says otherwise.
 *
 * Since 2.0 unless an entry says otherwise.
 */
#ifndef EVENT2_BUFFEREVENT_H_INCLUDED_
#define EVENT2_BUFFEREVENT_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/visibility.h>
#ifdef EVENT__HAVE_SYS_TYPES_H
#include <sys/types.h>
#endif
#ifdef EVENT__HAVE_SYS_TIME_H
#include <sys/time.h>
#endif

#include <event2/util.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct evbuffer;
struct sockaddr;
struct evdns_base;
struct evutil_addrinfo;

/* A buffered connection, to be used through the functions below. Its layout is in
 * <event2/bufferevent_struct.h>. */
struct bufferevent;

/* --- events and callbacks --------------------------------------------------------------------------- */

/* What an event callback reports; to be or'ed together. READING or WRITING is the direction of an EOF, ERROR
 * or TIMEOUT. */
#define BEV_EVENT_READING 0x01   /* while reading */
#define BEV_EVENT_WRITING 0x02   /* while writing */
#define BEV_EVENT_EOF 0x10       /* the peer has closed its sending side; input may still hold data */
#define BEV_EVENT_ERROR 0x20     /* the transport failed; EVUTIL_SOCKET_ERROR() is the reason */
#define BEV_EVENT_TIMEOUT 0x40   /* no data moved within the time of bufferevent_set_timeouts() */
#define BEV_EVENT_CONNECTED 0x80 /* the requested connection, or the TLS handshake, is complete */

/* The read callback is invoked when data was added to the input buffer and the buffer holds at least the low
 * watermark; data that it leaves in the buffer does not cause another call until more arrives. The write
 * callback is invoked when data has left the output buffer and no more than the low watermark remains. arg is
 * the argument given to bufferevent_setcb(). */
typedef void (*bufferevent_data_cb)(struct bufferevent *bev, void *arg);

/* The event callback is invoked with BEV_EVENT_* bits in what. After EOF, ERROR or TIMEOUT the direction
 * concerned is disabled; <event2/bufferevent_ssl.h> lists the exceptions of TLS. */
typedef void (*bufferevent_event_cb)(struct bufferevent *bev, short what, void *arg);

/* --- creating and freeing --------------------------------------------------------------------------- */

/* Options for all functions that create a bufferevent; to be or'ed together. */
enum bufferevent_options {
  /* Freeing the bufferevent closes the socket, or frees the underlying bufferevent. Requires: nothing else
   * reads from the socket or closes it. */
  BEV_OPT_CLOSE_ON_FREE = (1 << 0),
  /* The bufferevent and its buffers get a lock. Requires: threads are enabled (<event2/thread.h>). */
  BEV_OPT_THREADSAFE = (1 << 1),
  /* Callbacks run from the loop, after the events that are active, and never inside the call that causes
   * them. */
  BEV_OPT_DEFER_CALLBACKS = (1 << 2),
  /* Callbacks run without the lock held. Requires BEV_OPT_DEFER_CALLBACKS; creating the bufferevent fails
   * otherwise. */
  BEV_OPT_UNLOCK_CALLBACKS = (1 << 3)
};

/* Creates a bufferevent for a stream socket.
 *
 * fd is the socket, connected or not, in non-blocking mode; or -1 if bufferevent_socket_connect() will create
 * one or bufferevent_setfd() will set one. With BEV_OPT_CLOSE_ON_FREE ownership of fd passes to the
 * bufferevent. Returns the bufferevent, to be freed with bufferevent_free(), or NULL if out of memory; the
 * caller then keeps ownership of fd. */
EVENT2_CORE_EXPORT_SYMBOL
struct bufferevent *bufferevent_socket_new(struct event_base *base, evutil_socket_t fd, int options);

/* Frees a bufferevent. Its callbacks do not start any more, and data in its output buffer is discarded; to
 * send that data first, free the bufferevent in the write callback (see eventide_bufferevent_when_drained()
 * for filters). With BEV_OPT_CLOSE_ON_FREE the transport is closed. Its memory is released when the last
 * reference is: a running callback holds one, and each bufferevent_incref() still needs its
 * bufferevent_decref(). */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_free(struct bufferevent *bev);

/* Take and release a reference, which keeps the memory of a bufferevent valid after bufferevent_free().
 * bufferevent_decref() returns 1 if it released the last reference and destroyed the bufferevent, else 0.
 * Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_incref(struct bufferevent *bev);
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_decref(struct bufferevent *bev);

/* Take and release the lock of a bufferevent and its buffers, around several calls that must be atomic. The
 * lock is recursive. No effect without BEV_OPT_THREADSAFE. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_lock(struct bufferevent *bev);
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_unlock(struct bufferevent *bev);

/* --- connecting a socket ---------------------------------------------------------------------------- */

/* Connects a socket bufferevent to an address of socklen bytes, creating a non-blocking socket of the
 * address's family if it has none. The address is copied. A NULL address means that the program has already
 * called connect(2) on the socket and the connection is in progress. Data may be written and directions
 * enabled at once; they take effect when the connection is established. On a filter, with TLS or not, the
 * call connects the lowest underlying socket bufferevent; a TLS bufferevent reports BEV_EVENT_CONNECTED after
 * its handshake.
 *
 * Returns 0 if the attempt was started: the loop will invoke the event callback once, with
 * BEV_EVENT_CONNECTED or BEV_EVENT_ERROR. Returns -1 if it could not be started; the event callback is not
 * invoked then. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_socket_connect(struct bufferevent *bev, const struct sockaddr *address, int socklen);

/* Resolves a host name and connects to the first of its addresses.
 *
 * dns_base  resolves the name (<event2/dns.h>, needs event_extra); NULL: the system's resolver, which blocks
 * family    AF_INET, AF_INET6, or AF_UNSPEC for both
 * hostname  a name or an address in text form
 * port      1 to 65535
 *
 * Returns 0 if the look-up was started or completed: the event callback then reports the result as with
 * bufferevent_socket_connect(), and if the look-up fails bufferevent_socket_get_dns_error() is not 0. Returns
 * -1 if the look-up could not be started. Freeing the bufferevent cancels the look-up. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_socket_connect_hostname(struct bufferevent *bev, struct evdns_base *dns_base, int family,
                                        const char *hostname, int port);

/* As bufferevent_socket_connect_hostname(), with the hints of evutil_getaddrinfo(): flags, family, socket
 * type and protocol are used. hints is not kept after the call. Since 2.2. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_socket_connect_hostname_hints(struct bufferevent *bev, struct evdns_base *dns_base,
                                              const struct evutil_addrinfo *hints, const char *hostname,
                                              int port);

/* Returns the EVUTIL_EAI_ code of the last look-up, for evutil_gai_strerror(); 0 if it did not fail. For a
 * filter, it is that of the lowest underlying socket bufferevent. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_socket_get_dns_error(struct bufferevent *bev);

/* --- base, priority, socket ------------------------------------------------------------------------- */

/* Moves a socket bufferevent to another base. Requires: both directions are disabled and no operation is in
 * progress. Returns 0, or -1 on failure, which changes nothing, and for other kinds. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_base_set(struct event_base *base, struct bufferevent *bev);

/* Returns the base; for a pair or filter the base that runs its deferred callbacks. */
EVENT2_CORE_EXPORT_SYMBOL
struct event_base *bufferevent_get_base(struct bufferevent *bev);

/* Sets the priority of a socket bufferevent's events (event_priority_set()). Returns 0, or -1 for other
 * kinds, for a priority that the base does not have, or while one of the events is active. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_priority_set(struct bufferevent *bev, int priority);

/* Returns the priority of the bufferevent's events; for kinds other than sockets the default priority of the
 * base. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_get_priority(const struct bufferevent *bev);

/* Replaces the socket of a socket or TLS bufferevent; an fd of -1 removes it. The old socket is not closed;
 * its ownership passes to the caller. The contents of the buffers are kept. Returns 0, or -1 for kinds
 * without a socket.
 *
 * With BEV_OPT_CLOSE_ON_FREE and without a maximum for single reads, the bufferevent may have read input from
 * the old socket that it has not passed to a read callback yet; this input is discarded. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_setfd(struct bufferevent *bev, evutil_socket_t fd);

/* As bufferevent_setfd(), but closes the old socket first if the bufferevent has BEV_OPT_CLOSE_ON_FREE. Since
 * 2.2. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_replacefd(struct bufferevent *bev, evutil_socket_t fd);

/* Returns the socket; for a filter or TLS bufferevent that of the underlying bufferevent; -1 if there is
 * none. The bufferevent keeps its ownership. */
EVENT2_CORE_EXPORT_SYMBOL
evutil_socket_t bufferevent_getfd(struct bufferevent *bev);

/* Returns the bufferevent that a filter or TLS bufferevent uses as its transport; NULL for other kinds. Since
 * 2.0.2. */
EVENT2_CORE_EXPORT_SYMBOL
struct bufferevent *bufferevent_get_underlying(struct bufferevent *bev);

/* --- callbacks, directions, watermarks, timeouts ---------------------------------------------------- */

/* Sets the three callbacks, any of which may be NULL, and their argument. Deferred calls that are already
 * queued invoke the new callbacks. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_setcb(struct bufferevent *bev, bufferevent_data_cb readcb, bufferevent_data_cb writecb,
                       bufferevent_event_cb eventcb, void *arg);

/* Stores the callbacks and their argument in those pointers that are not NULL. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_getcb(struct bufferevent *bev, bufferevent_data_cb *readcb_out,
                       bufferevent_data_cb *writecb_out, bufferevent_event_cb *eventcb_out, void **arg_out);

/* Enable and disable directions (EV_READ, EV_WRITE, or both). A disabled direction moves no data and its
 * timeout does not run; the contents of its buffer are kept. Both return 0, or -1 on failure. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_enable(struct bufferevent *bev, short directions);
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_disable(struct bufferevent *bev, short directions);

/* Returns the enabled directions: EV_READ, EV_WRITE, both or 0. */
EVENT2_CORE_EXPORT_SYMBOL
short bufferevent_get_enabled(struct bufferevent *bev);

/* Sets the watermarks, in bytes, of one direction or both.
 *
 * EV_READ   low   the read callback is invoked when the input buffer holds this or more
 *           high  reading stops while the input buffer holds this or more; 0 is unlimited
 * EV_WRITE  low   the write callback is invoked when this or less remains to be sent
 *           high  limits the output buffer when a filter on top fills it; 0 is unlimited
 *
 * All are 0 initially. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_setwatermark(struct bufferevent *bev, short directions, size_t low, size_t high);

/* Stores the watermarks of one direction, EV_READ or EV_WRITE, in those pointers that are not NULL. Returns
 * 0, or -1 if directions is not exactly one of the two. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_getwatermark(struct bufferevent *bev, short direction, size_t *low, size_t *high);

/* Sets for each direction how long it may be enabled and ready to move data without moving any; NULL or zero
 * for no limit. When the time has passed, the direction is disabled and the event callback is invoked with
 * BEV_EVENT_TIMEOUT and READING or WRITING. The time does not run while the direction is disabled, while the
 * input buffer is at its high watermark (reading) or while the output buffer is empty (writing). */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_set_timeouts(struct bufferevent *bev, const struct timeval *timeout_read,
                             const struct timeval *timeout_write);

/* --- data ------------------------------------------------------------------------------------------- */

/* Return the two buffers (<event2/buffer.h>), which the bufferevent owns. The program may only remove from
 * the input buffer and only add to the output buffer; doing so resumes reading or writing if it was
 * suspended. */
EVENT2_CORE_EXPORT_SYMBOL
struct evbuffer *bufferevent_get_input(struct bufferevent *bev);
EVENT2_CORE_EXPORT_SYMBOL
struct evbuffer *bufferevent_get_output(struct bufferevent *bev);

/* Append a copy of size bytes, or the contents of buf, to the output buffer. bufferevent_write_buffer() moves
 * the data and leaves buf empty. Return 0, or -1 if out of memory; nothing is appended then. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_write(struct bufferevent *bev, const void *data, size_t size);
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_write_buffer(struct bufferevent *bev, struct evbuffer *buf);

/* Moves up to size bytes from the input buffer to data. Returns the number of bytes moved, 0 if the buffer is
 * empty. */
EVENT2_CORE_EXPORT_SYMBOL
size_t bufferevent_read(struct bufferevent *bev, void *data, size_t size);

/* Moves the contents of the input buffer to the end of buf. Returns 0, or -1 if out of memory. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_read_buffer(struct bufferevent *bev, struct evbuffer *buf);

/* How much data to process at once; for bufferevent_flush() and filters. */
enum bufferevent_flush_mode {
  BEV_NORMAL = 0,  /* as much as is convenient */
  BEV_FLUSH = 1,   /* as much as possible */
  BEV_FINISHED = 2 /* the same, and the stream ends here: pass EOF on */
};

/* Moves as much data as possible at once, regardless of watermarks, in the given directions (EV_READ,
 * EV_WRITE). A pair delivers to its partner, and with BEV_FINISHED reports EOF to it; a filter runs its
 * filter functions and flushes the underlying bufferevent; TLS sends close_notify with BEV_FINISHED
 * (<event2/bufferevent_ssl.h>); sockets need no flushing. Returns -1 on failure; otherwise 1 if the kind can
 * determine that data was moved, else 0. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_flush(struct bufferevent *bev, short directions, enum bufferevent_flush_mode mode);

/* Options for the trigger functions; BEV_OPT_DEFER_CALLBACKS may be used too. Since 2.1. */
enum bufferevent_trigger_options {
  /* Invoke the callbacks regardless of the watermarks. */
  BEV_TRIG_IGNORE_WATERMARKS = (1 << 16),
  /* Invoke them from the loop, not inside the call. */
  BEV_TRIG_DEFER_CALLBACKS = BEV_OPT_DEFER_CALLBACKS
};

/* Invokes the read callback (EV_READ), the write callback (EV_WRITE) or both, as if data had been moved, if
 * the buffers satisfy the low watermarks. A bufferevent with deferred callbacks defers these too. Since
 * 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_trigger(struct bufferevent *bev, short directions, int options);

/* Invokes the event callback with the given BEV_EVENT_* bits. BEV_TRIG_DEFER_CALLBACKS is the only option
 * that has an effect. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_trigger_event(struct bufferevent *bev, short what, int options);

/* --- filters ---------------------------------------------------------------------------------------- */

/* The result of a filter function. */
enum bufferevent_filter_result {
  BEV_OK = 0,        /* data was put into dst */
  BEV_NEED_MORE = 1, /* nothing was put into dst: needs more in src, or another mode */
  BEV_ERROR = 2      /* the data is invalid; the event callback reports BEV_EVENT_ERROR */
};

/* A filter function: removes from src the data that it can transform and adds the result to dst.
 *
 * dst_limit  the maximum number of bytes to add, -1 for no limit; more may exceed a watermark or rate limit
 * mode       how much to process; with BEV_FINISHED src holds the end of the stream
 * arg        as given to bufferevent_filter_new()
 *
 * It is called again while it returns BEV_OK and moves data, src is not empty and dst has room. If it filled
 * dst, it is called again when dst has room, since it may hold back output internally. A flush calls it even
 * if src is empty. It may free the bufferevent. The bufferevent's lock, if any, is held. */
typedef enum bufferevent_filter_result (*bufferevent_filter_cb)(struct evbuffer *src, struct evbuffer *dst,
                                                                ev_ssize_t dst_limit,
                                                                enum bufferevent_flush_mode mode, void *arg);

/* Creates a bufferevent that uses another one as its transport. input_filter transforms what arrives in
 * underlying's input buffer; output_filter transforms what is written to the new bufferevent and adds it to
 * underlying's output buffer. A NULL filter passes data unchanged.
 *
 * The filter replaces the callbacks of underlying. The program must not set others, nor read from or write to
 * underlying, but may inspect its buffers. Both directions of underlying are enabled; its reading is
 * suspended while reading is disabled on the filter or the filter is at its high watermark. The write high
 * watermark of underlying limits output_filter; a read high watermark of underlying must leave room for the
 * amount of data that input_filter needs at once.
 *
 * The filter's event callback receives the events of underlying. EOF is reported after all earlier data has
 * passed input_filter, which is called with BEV_FINISHED for it.
 *
 * With BEV_OPT_CLOSE_ON_FREE underlying is freed with the filter; otherwise its callbacks are removed and it
 * can be used again. free_arg, if not NULL, is called once with arg after the filter was freed, from the loop
 * if a filter function may be running. Filter and underlying share one lock; if underlying has none, the
 * filter has BEV_OPT_THREADSAFE and threads are enabled, one is created.
 *
 * Returns the filter, to be freed with bufferevent_free(), or NULL if out of memory or if the options
 * contradict each other; the caller then keeps ownership of underlying and arg. */
EVENT2_CORE_EXPORT_SYMBOL
struct bufferevent *bufferevent_filter_new(struct bufferevent *underlying, bufferevent_filter_cb input_filter,
                                           bufferevent_filter_cb output_filter, int options,
                                           void (*free_arg)(void *arg), void *arg);

/* --- pairs ------------------------------------------------------------------------------------------ */

/* Creates two bufferevents in pair[0] and pair[1], each of which receives what is written to the other. No
 * socket is involved. The callbacks of a pair are always deferred, and BEV_OPT_CLOSE_ON_FREE has no effect.
 * Data passes only while the reader has EV_READ enabled and is below its high watermark. Free each with
 * bufferevent_free(); the other one stays usable without a partner, and is not notified. Returns 0, or -1 if
 * out of memory or base is NULL. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_pair_new(struct event_base *base, int options, struct bufferevent *pair[2]);

/* Returns the partner in a pair; NULL if it was freed, or if bev is not of a pair. Since 2.0.6. */
EVENT2_CORE_EXPORT_SYMBOL
struct bufferevent *bufferevent_pair_get_partner(struct bufferevent *bev);

/* --- limits on rate and size ------------------------------------------------------------------------ */

/* A limit is a token bucket, with one token per byte. Reading and writing take tokens from separate buckets;
 * a direction whose bucket is empty is suspended. Each tick adds rate tokens; tokens above burst are
 * discarded. A bucket starts with rate tokens; its ticks start when the limit is set. Sizes are in bytes of
 * payload, without network headers.
 *
 * Sockets and TLS bufferevents over sockets obey limits; pairs and filters accept limits, which the getters
 * return, but do not obey them. The timeout of a suspended direction does not run. Functions on a bufferevent
 * are as thread-safe as the bufferevent; those on a group may be called from any thread if threads were
 * enabled before it was created. Since 2.0 unless an entry says otherwise. */

/* The rates and bursts of a limit. Opaque. */
struct ev_token_bucket_cfg;

/* Bufferevents that share a limit. Opaque. */
struct bufferevent_rate_limit_group;

/* The greatest rate and burst; in effect no limit. */
#define EV_RATE_LIMIT_MAX EV_SSIZE_MAX

/* Creates a configuration. For each direction, rate is the number of bytes added per tick and burst the
 * maximum that can accumulate. tick_len is the length of a tick, rounded down to whole milliseconds; NULL
 * means one second.
 *
 * Returns the configuration, to be freed with ev_token_bucket_cfg_free(); NULL if a rate is 0 or exceeds its
 * burst, if a burst exceeds EV_RATE_LIMIT_MAX, if the tick is shorter than one millisecond or longer than
 * INT_MAX milliseconds, or if out of memory. A configuration is immutable, so bufferevents, groups and
 * threads may share it. */
EVENT2_CORE_EXPORT_SYMBOL
struct ev_token_bucket_cfg *ev_token_bucket_cfg_new(size_t read_rate, size_t read_burst, size_t write_rate,
                                                    size_t write_burst, const struct timeval *tick_len);

/* Frees a configuration; NULL is allowed. Bufferevents and groups hold copies; but libevent requires that no
 * bufferevent uses cfg any more, and so does a later bufferevent_get_token_bucket_cfg(), which returns this
 * pointer. */
EVENT2_CORE_EXPORT_SYMBOL
void ev_token_bucket_cfg_free(struct ev_token_bucket_cfg *cfg);

/* Sets the bufferevent's own limit, in addition to that of its group; the lower one applies. If it already
 * has a limit, it keeps its tokens, up to the new burst, and the part of the tick that has passed. NULL
 * removes the limit and resumes suspended directions. Returns 0, or -1 if out of memory. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_set_rate_limit(struct bufferevent *bev, struct ev_token_bucket_cfg *cfg);

/* Returns the configuration passed to bufferevent_set_rate_limit(); NULL if the bufferevent has no limit of
 * its own. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
const struct ev_token_bucket_cfg *bufferevent_get_token_bucket_cfg(const struct bufferevent *bev);

/* Creates a group, whose members share the limit of cfg, which is copied. The group uses the clock of base,
 * or the system's if base is NULL; members may belong to any base. Returns the group, to be freed with
 * bufferevent_rate_limit_group_free(), or NULL if cfg is NULL or if out of memory. A group has a lock if
 * threads are enabled. */
EVENT2_CORE_EXPORT_SYMBOL
struct bufferevent_rate_limit_group *bufferevent_rate_limit_group_new(struct event_base *base,
                                                                      const struct ev_token_bucket_cfg *cfg);

/* Changes the limit of a group to a copy of cfg. Tokens above the new burst are discarded; the part of the
 * tick that has passed is kept. Returns 0, or -1 if cfg is NULL. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_rate_limit_group_set_cfg(struct bufferevent_rate_limit_group *group,
                                         const struct ev_token_bucket_cfg *cfg);

/* Sets the minimum number of bytes that a member may move at a time, so that a small rate shared by many
 * members does not cause tiny packets; members take turns instead. The default is 64; 0 means no minimum. The
 * effective minimum is never above the lower of both rates, nor above the tokens that the group has left.
 * Returns 0, or -1 if share is above EV_SSIZE_MAX. Since 2.0.6. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_rate_limit_group_set_min_share(struct bufferevent_rate_limit_group *group, size_t share);

/* Frees a group; NULL is allowed. Bufferevents that are still members keep only their own limits (libevent
 * requires that they be removed first). */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_rate_limit_group_free(struct bufferevent_rate_limit_group *group);

/* Moves a bufferevent into a group, removing it from its present one; NULL only removes it. The group's
 * tokens are divided among the members that moved data recently; members that wait for tokens take turns.
 * Freeing a bufferevent removes it from its group. Returns 0, or -1 if out of memory. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_add_to_rate_limit_group(struct bufferevent *bev, struct bufferevent_rate_limit_group *group);

/* Removes a bufferevent from its group, if it is in one, and resumes directions that the group suspended.
 * Returns 0. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_remove_from_rate_limit_group(struct bufferevent *bev);

/* Return the number of bytes that the bufferevent's own limit allows now, negative if more was moved than
 * allowed; EV_RATE_LIMIT_MAX if it has no limit of its own. */
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_read_limit(struct bufferevent *bev);
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_write_limit(struct bufferevent *bev);

/* Return the number of bytes that the group's limit allows now. */
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t bufferevent_rate_limit_group_get_read_limit(struct bufferevent_rate_limit_group *group);
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t bufferevent_rate_limit_group_get_write_limit(struct bufferevent_rate_limit_group *group);

/* Return the maximum number of bytes that the bufferevent would read or write now: the least of what its own
 * limit, its group and the maximum for a single read or write allow. */
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_max_to_read(struct bufferevent *bev);
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_max_to_write(struct bufferevent *bev);

/* Take tokens from a bucket for data that was moved in some other way. Negative values add tokens; those
 * above the burst last until the next tick. Return 0, or -1 if the bufferevent has no limit of its own. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_decrement_read_limit(struct bufferevent *bev, ev_ssize_t bytes);
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_decrement_write_limit(struct bufferevent *bev, ev_ssize_t bytes);

/* Do the same for a group's buckets. Return 0. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_rate_limit_group_decrement_read(struct bufferevent_rate_limit_group *group, ev_ssize_t bytes);
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_rate_limit_group_decrement_write(struct bufferevent_rate_limit_group *group,
                                                 ev_ssize_t bytes);

/* Stores the number of bytes that all members together have read and written since the group was created or
 * the totals were reset, in those pointers that are not NULL. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_rate_limit_group_get_totals(struct bufferevent_rate_limit_group *group,
                                             ev_uint64_t *total_read_out, ev_uint64_t *total_written_out);

/* Resets both totals to 0. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_rate_limit_group_reset_totals(struct bufferevent_rate_limit_group *group);

/* Set the maximum number of bytes to read or write at a time before other events are processed; for reading
 * it is also the maximum number of new bytes per read callback. 0 and anything above EV_SSIZE_MAX select the
 * default, which the getters return as 16384. By default a read callback of a socket finds up to 4096 new
 * bytes, or the maximum set by evbuffer_set_max_read() on the input buffer; one of a TLS bufferevent finds up
 * to 16384. Return 0, or -1 on failure. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_set_max_single_read(struct bufferevent *bev, size_t bytes);
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_set_max_single_write(struct bufferevent *bev, size_t bytes);

/* Return these maxima. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_max_single_read(struct bufferevent *bev);
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_max_single_write(struct bufferevent *bev);

#ifdef __cplusplus
}
#endif

#endif
