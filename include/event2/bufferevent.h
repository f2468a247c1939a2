/* Bufferevents: a connection with a buffer for each direction, which the loop fills and empties.
 *
 *   struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
 *   bufferevent_setcb(bev, on_read, NULL, on_event, arg);
 *   bufferevent_enable(bev, EV_READ);
 *   bufferevent_socket_connect_hostname(bev, dns, AF_UNSPEC, "www.example.org", 80);
 *   bufferevent_write(bev, "hello", 5);
 *
 * What the program writes goes to the output buffer and leaves when the transport takes it; what arrives goes
 * to the input buffer, and a callback tells the program. The transport depends on the kind of bufferevent:
 *   - a stream socket                            bufferevent_socket_new()
 *   - the other one of a pair, in memory         bufferevent_pair_new()
 *   - another bufferevent, through two filters   bufferevent_filter_new()
 *   - a TLS connection                           <event2/bufferevent_ssl.h>
 * An entry without a remark works for every kind.
 *
 * Directions are named EV_READ and EV_WRITE (<event2/event.h>). Both can be enabled and disabled; a new
 * bufferevent has only EV_WRITE enabled. There is no need to disable a direction because its buffer is full
 * or empty.
 *
 * Callbacks. A bufferevent has a read callback, a write callback and an event callback, with one argument in
 * common. They run in the loop's thread, or, without BEV_OPT_DEFER_CALLBACKS, wherever their reason arises,
 * which may be inside another call on this bufferevent. They may free the bufferevent.
 *
 * Threads. With BEV_OPT_THREADSAFE, and threads enabled before (<event2/thread.h>), a bufferevent and its two
 * buffers share a recursive lock and may be used from any thread. The lock is held while callbacks run,
 * unless BEV_OPT_UNLOCK_CALLBACKS was given. Otherwise a bufferevent belongs to the thread of its base's
 * loop.
 *
 * Errors. Functions that return int return 0 for success and -1 for failure unless the entry says more.
 *
 * Since 2.0 where nothing else is said.
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

/* A buffered connection. To be used through the functions below; its layout is in
 * <event2/bufferevent_struct.h>. */
struct bufferevent;

/* --- events and callbacks --------------------------------------------------------------------------- */

/* What an event callback is told; to be or'ed together. READING or WRITING tells the direction to which an
 * EOF, ERROR or TIMEOUT belongs. */
#define BEV_EVENT_READING 0x01   /* while reading */
#define BEV_EVENT_WRITING 0x02   /* while writing */
#define BEV_EVENT_EOF 0x10       /* the peer has ended its direction; input may still hold data */
#define BEV_EVENT_ERROR 0x20     /* the transport failed; EVUTIL_SOCKET_ERROR() tells why */
#define BEV_EVENT_TIMEOUT 0x40   /* nothing moved for the time of bufferevent_set_timeouts() */
#define BEV_EVENT_CONNECTED 0x80 /* the connection that was asked for, or the TLS handshake, is complete */

/* A read callback is called when data was added to the input buffer and that holds at least the low
 * watermark; what it leaves in the buffer does not cause another call before more arrives. A write callback
 * is called when data has left the output buffer and at most the low watermark remains. arg is the common
 * argument. */
typedef void (*bufferevent_data_cb)(struct bufferevent *bev, void *arg);

/* An event callback is called with BEV_EVENT_* bits. After EOF, ERROR or TIMEOUT the direction concerned is
 * disabled. */
typedef void (*bufferevent_event_cb)(struct bufferevent *bev, short what, void *arg);

/* --- creating and freeing --------------------------------------------------------------------------- */

/* Options for all functions that create a bufferevent; to be or'ed together. */
enum bufferevent_options {
  /* Freeing the bufferevent closes the socket, or frees the underlying bufferevent. Until then nothing else
   * reads from the socket or closes it. */
  BEV_OPT_CLOSE_ON_FREE = (1 << 0),
  /* The bufferevent and its buffers get a lock. Threads must have been enabled before. */
  BEV_OPT_THREADSAFE = (1 << 1),
  /* Callbacks are not called where their reason arises but from the loop, after the events that are
   * active. */
  BEV_OPT_DEFER_CALLBACKS = (1 << 2),
  /* Callbacks are called without the lock. Without BEV_OPT_DEFER_CALLBACKS creating the bufferevent fails. */
  BEV_OPT_UNLOCK_CALLBACKS = (1 << 3)
};

/* Creates a bufferevent for a stream socket.
 *
 * fd is the socket, connected or not, in non-blocking mode; or -1, if bufferevent_socket_connect() is to
 * create one or bufferevent_setfd() to set one. It becomes the bufferevent's own with BEV_OPT_CLOSE_ON_FREE.
 * Returns NULL without memory; fd is the caller's then. */
EVENT2_CORE_EXPORT_SYMBOL
struct bufferevent *bufferevent_socket_new(struct event_base *base, evutil_socket_t fd, int options);

/* Frees a bufferevent. Its callbacks do not begin any more, and data in its output buffer is lost; to send
 * that first, free it in the write callback. Where it is still in use, as by a callback that is running, its
 * memory goes later. With BEV_OPT_CLOSE_ON_FREE the transport is closed. A program that has called
 * bufferevent_incref() must still call bufferevent_decref(). */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_free(struct bufferevent *bev);

/* Take a reference to a bufferevent, which keeps its memory when it is freed, and give it back.
 * bufferevent_decref() returns 1 if it was the last and the bufferevent is gone, else 0. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_incref(struct bufferevent *bev);
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_decref(struct bufferevent *bev);

/* Take the lock of a bufferevent and of its buffers, and let it go, around several calls that belong
 * together. May be nested. No effect without BEV_OPT_THREADSAFE. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_lock(struct bufferevent *bev);
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_unlock(struct bufferevent *bev);

/* --- connecting a socket ---------------------------------------------------------------------------- */

/* Connects a socket bufferevent to an address of socklen bytes, creating a non-blocking socket of the
 * address's family if it has none. The address is copied. With a NULL address the program has called
 * connect() on the socket already and it is in progress. Data may be written and directions enabled at once;
 * they wait for the connection. With a filter, over TLS or not, the socket bufferevent at the bottom is
 * connected; a TLS bufferevent reports BEV_EVENT_CONNECTED after its handshake.
 *
 * Returns 0 if the attempt was begun: the event callback will be called once, with BEV_EVENT_CONNECTED or
 * BEV_EVENT_ERROR, from the loop. Returns -1 if it could not be begun, and then there is no call. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_socket_connect(struct bufferevent *bev, const struct sockaddr *address, int socklen);

/* Looks a name up and connects to the first of its addresses.
 *
 * dns_base  resolves the name (<event2/dns.h>, needs event_extra); NULL: the system's resolver, which blocks
 * family    AF_INET, AF_INET6 or AF_UNSPEC for either
 * hostname  a name or an address in text form
 * port      1 to 65535
 *
 * Returns 0 if the look-up was begun or done: then all that happens is told to the event callback as with
 * bufferevent_socket_connect(), and if the name has no address bufferevent_socket_get_dns_error() is not 0.
 * Returns -1 if it could not be begun. Freeing the bufferevent ends the look-up. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_socket_connect_hostname(struct bufferevent *bev, struct evdns_base *dns_base, int family,
                                        const char *hostname, int port);

/* bufferevent_socket_connect_hostname() with the hints of evutil_getaddrinfo(), of which flags, family,
 * socket type and protocol count. hints is used during the call only. Since 2.2. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_socket_connect_hostname_hints(struct bufferevent *bev, struct evdns_base *dns_base,
                                              const struct evutil_addrinfo *hints, const char *hostname,
                                              int port);

/* The EVUTIL_EAI_ number with which the last look-up failed, for evutil_gai_strerror(); 0 if it did not
 * fail. Of a filter: that of the socket bufferevent at the bottom. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_socket_get_dns_error(struct bufferevent *bev);

/* --- base, priority, socket ------------------------------------------------------------------------- */

/* Moves a socket bufferevent to another base. It must be disabled and have nothing under way. -1 for other
 * kinds. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_base_set(struct event_base *base, struct bufferevent *bev);

/* The base; for a pair or filter that of its deferred callbacks. */
EVENT2_CORE_EXPORT_SYMBOL
struct event_base *bufferevent_get_base(struct bufferevent *bev);

/* Sets the priority of a socket bufferevent's events (event_priority_set()). -1 for other kinds, for a number
 * that the base does not have, or while one of them is active. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_priority_set(struct bufferevent *bev, int priority);

/* The priority of its events; for other kinds that with which the base makes events. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_get_priority(const struct bufferevent *bev);

/* Replaces the socket of a socket or TLS bufferevent; -1 takes it away. The old one is not closed and is the
 * caller's again. What is in the buffers stays. -1 for kinds without a socket.
 *
 * With BEV_OPT_CLOSE_ON_FREE and without a maximum for single reads, input may have been read from the old
 * socket that no read callback has found yet; it is discarded. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_setfd(struct bufferevent *bev, evutil_socket_t fd);

/* bufferevent_setfd() that closes the old socket first if the bufferevent has BEV_OPT_CLOSE_ON_FREE.
 * Since 2.2. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_replacefd(struct bufferevent *bev, evutil_socket_t fd);

/* The socket, of a filter or TLS bufferevent that of the one underneath; -1 if there is none. */
EVENT2_CORE_EXPORT_SYMBOL
evutil_socket_t bufferevent_getfd(struct bufferevent *bev);

/* The bufferevent that a filter or TLS bufferevent uses as its transport; NULL for other kinds.
 * Since 2.0.2. */
EVENT2_CORE_EXPORT_SYMBOL
struct bufferevent *bufferevent_get_underlying(struct bufferevent *bev);

/* --- callbacks, directions, watermarks, timeouts ---------------------------------------------------- */

/* Sets the three callbacks, any of which may be NULL, and their argument. Calls that were deferred go to the
 * new ones. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_setcb(struct bufferevent *bev, bufferevent_data_cb readcb, bufferevent_data_cb writecb,
                       bufferevent_event_cb eventcb, void *arg);

/* Stores the callbacks and their argument where the pointers are not NULL. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_getcb(struct bufferevent *bev, bufferevent_data_cb *readcb_out,
                       bufferevent_data_cb *writecb_out, bufferevent_event_cb *eventcb_out, void **arg_out);

/* Enable and disable directions (EV_READ, EV_WRITE, or both). A direction that is disabled moves no data, has
 * no timeout and leaves its buffer as it is. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_enable(struct bufferevent *bev, short directions);
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_disable(struct bufferevent *bev, short directions);

/* The directions that are enabled. */
EVENT2_CORE_EXPORT_SYMBOL
short bufferevent_get_enabled(struct bufferevent *bev);

/* Sets the watermarks, in bytes, of one direction or both.
 *
 * EV_READ   low   the read callback is called when the input buffer holds this or more
 *           high  reading stops while the input buffer holds this or more; 0 is unlimited
 * EV_WRITE  low   the write callback is called when this or less remains to be sent
 *           high  how much a filter on top may put into the output buffer; 0 is unlimited
 *
 * All are 0 at first. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_setwatermark(struct bufferevent *bev, short directions, size_t low, size_t high);

/* Stores the watermarks of one direction, EV_READ or EV_WRITE, where the pointers are not NULL. 0, or -1 for
 * both directions or none. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_getwatermark(struct bufferevent *bev, short direction, size_t *low, size_t *high);

/* Sets how long a direction may want to move data without moving any; NULL or zero for no limit. Then it is
 * disabled and the event callback is called with BEV_EVENT_TIMEOUT and READING or WRITING. The time runs only
 * while the direction is enabled and not held back by the program: not for reading at the high watermark, and
 * not for writing with an empty output buffer. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_set_timeouts(struct bufferevent *bev, const struct timeval *timeout_read,
                             const struct timeval *timeout_write);

/* --- data ------------------------------------------------------------------------------------------- */

/* The two buffers (<event2/buffer.h>), which belong to the bufferevent. The program may only remove from the
 * input buffer and only add to the output buffer; doing so sets reading or writing going again where it was
 * held back. */
EVENT2_CORE_EXPORT_SYMBOL
struct evbuffer *bufferevent_get_input(struct bufferevent *bev);
EVENT2_CORE_EXPORT_SYMBOL
struct evbuffer *bufferevent_get_output(struct bufferevent *bev);

/* Append a copy of size bytes, or all that buf holds, to the output buffer. The second moves the data and
 * leaves buf empty. -1 without memory; nothing was appended then. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_write(struct bufferevent *bev, const void *data, size_t size);
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_write_buffer(struct bufferevent *bev, struct evbuffer *buf);

/* Removes up to size bytes from the input buffer into data. Returns how many, 0 if it is empty. */
EVENT2_CORE_EXPORT_SYMBOL
size_t bufferevent_read(struct bufferevent *bev, void *data, size_t size);

/* Moves all that the input buffer holds to the end of buf. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_read_buffer(struct bufferevent *bev, struct evbuffer *buf);

/* How much is to be done at once; for bufferevent_flush() and filters. */
enum bufferevent_flush_mode {
  BEV_NORMAL = 0,  /* what can be done conveniently */
  BEV_FLUSH = 1,   /* all that can be done */
  BEV_FINISHED = 2 /* the same, and there will be no more: pass on the end */
};

/* Moves as much data as possible at once, regardless of watermarks, in the given directions (EV_READ,
 * EV_WRITE). A pair delivers to its partner, and with BEV_FINISHED tells it EOF; a filter runs its filter
 * functions and flushes what is underneath; sockets need no flushing. Returns -1 for failure and otherwise 0,
 * or 1 where the kind knows that data was moved. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_flush(struct bufferevent *bev, short directions, enum bufferevent_flush_mode mode);

/* Options for the trigger functions; BEV_OPT_DEFER_CALLBACKS may be used too. Since 2.1. */
enum bufferevent_trigger_options {
  /* Call the callbacks whatever the watermarks say. */
  BEV_TRIG_IGNORE_WATERMARKS = (1 << 16),
  /* Call them from the loop and not from here. */
  BEV_TRIG_DEFER_CALLBACKS = BEV_OPT_DEFER_CALLBACKS
};

/* Calls the read callback (EV_READ), the write callback (EV_WRITE) or both, if the buffers' fill agrees with
 * the low watermarks, as if data had been moved. A bufferevent with deferred callbacks defers these too.
 * Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_trigger(struct bufferevent *bev, short directions, int options);

/* Calls the event callback with the given BEV_EVENT_* bits. Of the options only BEV_TRIG_DEFER_CALLBACKS has
 * a meaning. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_trigger_event(struct bufferevent *bev, short what, int options);

/* --- filters ---------------------------------------------------------------------------------------- */

/* What a filter function reports. */
enum bufferevent_filter_result {
  BEV_OK = 0,        /* data was put into dst */
  BEV_NEED_MORE = 1, /* nothing can be put into dst before there is more in src, or another mode */
  BEV_ERROR = 2      /* the data makes no sense; the event callback will tell BEV_EVENT_ERROR */
};

/* Transforms data: removes from src what it can use and adds the result to dst.
 *
 * dst_limit  how many bytes to add at most, -1 for any number; more may break a watermark or a rate limit
 * mode       how eagerly; with BEV_FINISHED src is the end of the stream
 * arg        as given to bufferevent_filter_new()
 *
 * It is called again as long as it returns BEV_OK, has moved something, and there is room and data; and, if
 * it filled all the room there was, once there is room again, as it may hold the rest. A flush calls it
 * without data too. It may free the bufferevent. Where that has a lock, the lock is held. */
typedef enum bufferevent_filter_result (*bufferevent_filter_cb)(struct evbuffer *src, struct evbuffer *dst,
                                                                ev_ssize_t dst_limit,
                                                                enum bufferevent_flush_mode mode, void *arg);

/* Creates a bufferevent on top of another. What arrives in underlying's input buffer passes input_filter;
 * what is written here passes output_filter into underlying's output buffer. A filter that is NULL passes
 * data unchanged.
 *
 * From now on the callbacks of underlying are the filter's; the program must not set others, nor read or
 * write there, but may watch its buffers. Both directions of underlying are enabled, and reading is held back
 * while the filter does not read or is at its high watermark. The high watermark of underlying's output
 * limits output_filter; one of its input must leave room for what input_filter needs at once.
 *
 * What underlying tells its event callback is told to the filter's; an EOF after the data before it has
 * passed, which input_filter is offered with BEV_FINISHED.
 *
 * With BEV_OPT_CLOSE_ON_FREE underlying is freed with the filter; otherwise it is left without callbacks and
 * can be used again. free_arg, if not NULL, is called once with arg after the filter was freed, from the loop
 * if a filter function may be running. Both use one lock, which underlying gets if it has none and the filter
 * has BEV_OPT_THREADSAFE and threads were enabled.
 *
 * Returns NULL without memory, or if the options contradict each other; underlying and arg are the caller's
 * then. */
EVENT2_CORE_EXPORT_SYMBOL
struct bufferevent *bufferevent_filter_new(struct bufferevent *underlying, bufferevent_filter_cb input_filter,
                                           bufferevent_filter_cb output_filter, int options,
                                           void (*free_arg)(void *arg), void *arg);

/* --- pairs ------------------------------------------------------------------------------------------ */

/* Creates two bufferevents in pair[0] and pair[1], each of which receives what is written to the other. No
 * socket is involved. The callbacks of a pair are always deferred, and BEV_OPT_CLOSE_ON_FREE has no meaning.
 * Data passes only while the reader has EV_READ enabled and is below its high watermark. Each is freed by
 * itself; the other then stays usable but has no partner, and is told nothing. 0, or -1 without memory. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_pair_new(struct event_base *base, int options, struct bufferevent *pair[2]);

/* The other one of a pair; NULL if it was freed, or if this is not of a pair. Since 2.0.6. */
EVENT2_CORE_EXPORT_SYMBOL
struct bufferevent *bufferevent_pair_get_partner(struct bufferevent *bev);

/* --- limits on rate and size ------------------------------------------------------------------------ */

/* A limit is a bucket of tokens, one for each byte. Reading takes from one bucket and writing from another; a
 * direction whose bucket is empty is held back. Every tick rate tokens are added, and what exceeds burst is
 * lost. Buckets begin with rate tokens, and ticks when the limit is set. Sizes are in bytes, and the headers
 * of the network are not counted.
 *
 * Sockets and TLS bufferevents over sockets obey limits; pairs and filters can be given some, which the
 * getters tell, but nothing holds them back. A direction that is held back does not run into its timeout.
 * Functions on a bufferevent are as thread-safe as it is; those on a group may be called from any thread if
 * threads were enabled before it was created. Since 2.0 where nothing else is said. */

/* The rates and bursts of a limit. Opaque. */
struct ev_token_bucket_cfg;

/* Bufferevents that share a limit. Opaque. */
struct bufferevent_rate_limit_group;

/* The greatest rate and burst, which is as good as none. */
#define EV_RATE_LIMIT_MAX EV_SSIZE_MAX

/* Creates a configuration: how many bytes are added per tick and how many may be saved up, for reading and
 * for writing, and the length of a tick, of which fractions of a millisecond do not count; NULL is one
 * second.
 *
 * Returns it, to be freed with ev_token_bucket_cfg_free(); NULL if a rate is 0 or exceeds its burst, if a
 * burst exceeds EV_RATE_LIMIT_MAX, if the tick is shorter than a millisecond or longer than INT_MAX
 * milliseconds, or without memory. It never changes, so any number of bufferevents, groups and threads may
 * share it. */
EVENT2_CORE_EXPORT_SYMBOL
struct ev_token_bucket_cfg *ev_token_bucket_cfg_new(size_t read_rate, size_t read_burst, size_t write_rate,
                                                    size_t write_burst, const struct timeval *tick_len);

/* Frees a configuration; NULL does nothing. For libevent's sake, and for
 * bufferevent_get_token_bucket_cfg()'s, only after all bufferevents that use it are gone or have another. */
EVENT2_CORE_EXPORT_SYMBOL
void ev_token_bucket_cfg_free(struct ev_token_bucket_cfg *cfg);

/* Gives a bufferevent a limit of its own, beside that of its group; the lower one holds. One that has a limit
 * keeps its tokens, up to the new burst, and the part of the tick that has passed. NULL takes the limit away,
 * and lets go on what it held back. 0, or -1 without memory. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_set_rate_limit(struct bufferevent *bev, struct ev_token_bucket_cfg *cfg);

/* The configuration that bufferevent_set_rate_limit() was given; NULL if the bufferevent has no limit of its
 * own. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
const struct ev_token_bucket_cfg *bufferevent_get_token_bucket_cfg(const struct bufferevent *bev);

/* Creates a group, whose members share the limit of cfg, which is copied. Its time is that of base, or of the
 * system if that is NULL; members may belong to any base. Returns the group, to be freed with
 * bufferevent_rate_limit_group_free(), or NULL if cfg is NULL or without memory. A group has a lock if
 * threads were enabled. */
EVENT2_CORE_EXPORT_SYMBOL
struct bufferevent_rate_limit_group *bufferevent_rate_limit_group_new(struct event_base *base,
                                                                      const struct ev_token_bucket_cfg *cfg);

/* Changes the limit of a group to a copy of cfg. Tokens above the new burst are lost, and the part of the
 * tick that has passed counts. 0, or -1 if cfg is NULL. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_rate_limit_group_set_cfg(struct bufferevent_rate_limit_group *group,
                                         const struct ev_token_bucket_cfg *cfg);

/* Sets how many bytes a member may move at least when it is its turn, so that a small rate among many members
 * does not end in tiny packets; members take turns instead. 64 at first; 0 for no minimum; never more than
 * the lower of both rates, nor than the group has left. 0, or -1 above EV_SSIZE_MAX. Since 2.0.6. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_rate_limit_group_set_min_share(struct bufferevent_rate_limit_group *group, size_t share);

/* Frees a group; NULL does nothing. Bufferevents that are still in it have no limit but their own from then
 * on (libevent wants them to be removed before). */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_rate_limit_group_free(struct bufferevent_rate_limit_group *group);

/* Puts a bufferevent into a group, out of the one that it may be in; NULL is no group. What bytes there are
 * is divided among the members that had something to move lately, and those that wait take turns. Freeing a
 * bufferevent takes it out of its group. 0, or -1 without memory. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_add_to_rate_limit_group(struct bufferevent *bev, struct bufferevent_rate_limit_group *group);

/* Takes a bufferevent out of its group, if it is in one, and lets go on what that held back. 0. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_remove_from_rate_limit_group(struct bufferevent *bev);

/* The bytes that the bufferevent's own limit allows now; EV_RATE_LIMIT_MAX if it has none. Below zero if more
 * was moved than allowed. */
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_read_limit(struct bufferevent *bev);
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_write_limit(struct bufferevent *bev);

/* The bytes that the group's limit allows now. */
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t bufferevent_rate_limit_group_get_read_limit(struct bufferevent_rate_limit_group *group);
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t bufferevent_rate_limit_group_get_write_limit(struct bufferevent_rate_limit_group *group);

/* The bytes that the bufferevent would read or write at most if it could now: the least of what its own
 * limit, its group and the maximum for a single read or write allow. */
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_max_to_read(struct bufferevent *bev);
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_max_to_write(struct bufferevent *bev);

/* Take bytes from a bucket for data that was moved in some other way; less than zero gives them, and what
 * exceeds the burst then lasts until the next tick. 0, or -1 if the bufferevent has no limit of its own. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_decrement_read_limit(struct bufferevent *bev, ev_ssize_t bytes);
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_decrement_write_limit(struct bufferevent *bev, ev_ssize_t bytes);

/* The same for a group's buckets. 0. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_rate_limit_group_decrement_read(struct bufferevent_rate_limit_group *group, ev_ssize_t bytes);
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_rate_limit_group_decrement_write(struct bufferevent_rate_limit_group *group,
                                                 ev_ssize_t bytes);

/* Stores how many bytes all members together have read and written since the group was created or this was
 * reset, where the pointers are not NULL. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_rate_limit_group_get_totals(struct bufferevent_rate_limit_group *group,
                                             ev_uint64_t *total_read_out, ev_uint64_t *total_written_out);

/* Lets both counts begin again at 0. */
EVENT2_CORE_EXPORT_SYMBOL
void bufferevent_rate_limit_group_reset_totals(struct bufferevent_rate_limit_group *group);

/* Set how many bytes are read or written at most in one go before other events have their turn, and so how
 * many new bytes a read callback finds at most. 0 and anything above EV_SSIZE_MAX select the default, which
 * the getters report as 16384. Without a maximum a read callback of a socket finds at most 4096 new bytes, or
 * what evbuffer_set_max_read() says of the input buffer, and one of TLS 16384. 0, or -1 for failure.
 * Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_set_max_single_read(struct bufferevent *bev, size_t bytes);
EVENT2_CORE_EXPORT_SYMBOL
int bufferevent_set_max_single_write(struct bufferevent *bev, size_t bytes);

/* These maxima. Since 2.1. */
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_max_single_read(struct bufferevent *bev);
EVENT2_CORE_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_max_single_write(struct bufferevent *bev);

#ifdef __cplusplus
}
#endif

#endif
