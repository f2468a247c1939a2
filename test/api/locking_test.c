/* Which public function takes which lock, counted by lock callbacks.
 *
 * Each function of an object that has a lock is in one of the tables: the lock is taken, and released as
 * often. What takes none reads only what never changes, or belongs to the process; those are listed too, and
 * the last test compares the tables with the list of exported functions. */
#include <event2/buffer.h>
#include <event2/buffer_compat.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_compat.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/event_compat.h>
#include <event2/event_struct.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/counted_base.h"
#include "api/lock_rows.h"

#ifdef WITH_OURS
#include <event2/eventide.h>
#include <event2/watch.h>
#endif

/* What the calls work on, made again for each row. */
static struct evbuffer *buffer, *other;
static struct evbuffer_iovec space[2];
static struct evbuffer_cb_entry *entry;
static struct evbuffer_ptr position;
static struct evbuffer_file_segment *segment;
static struct event *ev;
static struct bufferevent *bev, *second;
static struct bufferevent_rate_limit_group *group;
static struct evconnlistener *listener;
static FILE *file;
static char bytes[16];

static void note_change(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg) {
  (void)b;
  (void)info;
  (void)arg;
}
static void note_old_change(struct evbuffer *b, size_t old_size, size_t new_size, void *arg) {
  (void)b;
  (void)old_size;
  (void)new_size;
  (void)arg;
}

/* --- evbuffer --- */

static int add_formatted(const char *format, ...) {
  va_list arguments;
  int size;
  va_start(arguments, format);
  size = evbuffer_add_vprintf(buffer, format, arguments);
  va_end(arguments);
  return size;
}

#define BUFFER_ROWS(ROW)                                                                          \
  ROW(evbuffer_add, O, 0, evbuffer_add(buffer, "x", 1))                                           \
  ROW(evbuffer_add_buffer, O | P, 0, evbuffer_add_buffer(buffer, other))                          \
  ROW(evbuffer_add_buffer_reference, O | P, 0, evbuffer_add_buffer_reference(buffer, other))      \
  ROW(evbuffer_add_cb, O, 0, evbuffer_add_cb(buffer, note_change, buffer))                        \
  ROW(evbuffer_add_file, O, 0, evbuffer_add_file(buffer, dup(fileno(file)), 0, 4))                \
  ROW(evbuffer_add_file_segment, O, 0, evbuffer_add_file_segment(buffer, segment, 0, 4))          \
  ROW(evbuffer_add_iovec, O, 0, evbuffer_add_iovec(buffer, space, 1))                             \
  ROW(evbuffer_add_printf, O, 0, evbuffer_add_printf(buffer, "%d", 12))                           \
  ROW(evbuffer_add_reference, O, 0, evbuffer_add_reference(buffer, bytes, 1, NULL, NULL))         \
  ROW(evbuffer_add_vprintf, O, 0, add_formatted("%d", 12))                                        \
  ROW(evbuffer_cb_clear_flags, O, 0, evbuffer_cb_clear_flags(buffer, entry, EVBUFFER_CB_ENABLED)) \
  ROW(evbuffer_cb_set_flags, O, 0, evbuffer_cb_set_flags(buffer, entry, EVBUFFER_CB_ENABLED))     \
  ROW(evbuffer_clear_flags, O, 0, evbuffer_clear_flags(buffer, EVBUFFER_FLAG_DRAINS_TO_FD))       \
  ROW(evbuffer_commit_space, O, 0, evbuffer_commit_space(buffer, space, 0))                       \
  ROW(evbuffer_copyout, O, 0, evbuffer_copyout(buffer, bytes, 2))                                 \
  ROW(evbuffer_copyout_from, O, 0, evbuffer_copyout_from(buffer, &position, bytes, 2))            \
  ROW(evbuffer_defer_callbacks, O, 0, evbuffer_defer_callbacks(buffer, base))                     \
  ROW(evbuffer_drain, O, 0, evbuffer_drain(buffer, 1))                                            \
  ROW(evbuffer_enable_locking, O, DIFFERS, evbuffer_enable_locking(buffer, NULL))                 \
  ROW(evbuffer_expand, O, 0, evbuffer_expand(buffer, 9000))                                       \
  ROW(evbuffer_find, O, 0, evbuffer_find(buffer, (const unsigned char *)"c", 1))                  \
  ROW(evbuffer_free, O, 0, evbuffer_free(buffer); buffer = NULL)                                  \
  ROW(evbuffer_freeze, O, 0, evbuffer_freeze(buffer, 0))                                          \
  ROW(evbuffer_get_contiguous_space, O, 0, evbuffer_get_contiguous_space(buffer))                 \
  ROW(evbuffer_get_length, O, 0, evbuffer_get_length(buffer))                                     \
  ROW(evbuffer_peek, O, 0, evbuffer_peek(buffer, 2, NULL, space, 2))                              \
  ROW(evbuffer_prepend, O, 0, evbuffer_prepend(buffer, "x", 1))                                   \
  ROW(evbuffer_prepend_buffer, O | P, 0, evbuffer_prepend_buffer(buffer, other))                  \
  ROW(evbuffer_ptr_set, O, 0, evbuffer_ptr_set(buffer, &position, 1, EVBUFFER_PTR_SET))           \
  ROW(evbuffer_pullup, O, 0, evbuffer_pullup(buffer, -1))                                         \
  ROW(evbuffer_read, O, 0, evbuffer_read(buffer, pair[0], 10))                                    \
  ROW(evbuffer_readline, O, 0, free(evbuffer_readline(buffer)))                                   \
  ROW(evbuffer_readln, O, 0, free(evbuffer_readln(buffer, NULL, EVBUFFER_EOL_LF)))                \
  ROW(evbuffer_remove, O, 0, evbuffer_remove(buffer, bytes, 1))                                   \
  ROW(evbuffer_remove_buffer, O | P, 0, evbuffer_remove_buffer(buffer, other, 2))                 \
  ROW(evbuffer_remove_cb, O, 0, evbuffer_remove_cb(buffer, note_change, NULL))                    \
  ROW(evbuffer_remove_cb_entry, O, 0, evbuffer_remove_cb_entry(buffer, entry))                    \
  ROW(evbuffer_reserve_space, O, 0, evbuffer_reserve_space(buffer, 10, space, 2))                 \
  ROW(evbuffer_search, O, 0, evbuffer_search(buffer, "c", 1, NULL))                               \
  ROW(evbuffer_search_eol, O, 0, evbuffer_search_eol(buffer, NULL, NULL, EVBUFFER_EOL_LF))        \
  ROW(evbuffer_search_range, O, 0, evbuffer_search_range(buffer, "c", 1, NULL, &position))        \
  ROW(evbuffer_set_flags, O, 0, evbuffer_set_flags(buffer, EVBUFFER_FLAG_DRAINS_TO_FD))           \
  ROW(evbuffer_setcb, O, 0, evbuffer_setcb(buffer, note_old_change, NULL))                        \
  ROW(evbuffer_unfreeze, O, 0, evbuffer_unfreeze(buffer, 0))                                      \
  ROW(evbuffer_write, O, 0, evbuffer_write(buffer, pair[0]))                                      \
  ROW(evbuffer_write_atmost, O, 0, evbuffer_write_atmost(buffer, pair[0], 2))                     \
  OURS_ALONE(ROW(evbuffer_get_max_read, O, 0, evbuffer_get_max_read(buffer)))                     \
  OURS_ALONE(ROW(evbuffer_set_max_read, O, 0, evbuffer_set_max_read(buffer, 100)))                \
  OURS_ALONE(ROW(evbuffer_add_reference_with_offset, O, 0,                                        \
                 evbuffer_add_reference_with_offset(buffer, bytes, 1, 1, NULL, NULL)))

BUFFER_ROWS(FUNCTION_OF_ROW)
static const struct lock_row buffer_rows[] = {BUFFER_ROWS(ENTRY_OF_ROW)};

static struct evbuffer *locked_buffer(enum lock_owner owner) {
  struct evbuffer *made = evbuffer_new();
  lock_owner_now = owner;
  evbuffer_enable_locking(made, NULL);
  lock_owner_now = LOCK_OF_PROCESS;
  evbuffer_add(made, "abc\ndef", 7);
  return made;
}

static void make_buffers(void) {
  make_base();
  buffer = locked_buffer(LOCK_OF_OBJECT);
  other = locked_buffer(LOCK_OF_OTHER);
  entry = evbuffer_add_cb(buffer, note_change, NULL);
  evbuffer_ptr_set(buffer, &position, 2, EVBUFFER_PTR_SET);
  space[0].iov_base = bytes;
  space[0].iov_len = 1;
  file = tmpfile();
  fputs("file", file);
  fflush(file);
  segment = evbuffer_file_segment_new(fileno(file), 0, 4, 0);
  CHECK(file && segment && write(pair[1], "incoming", 8) == 8);
}
static void free_buffers(void) {
  if (buffer) evbuffer_free(buffer);
  evbuffer_free(other);
  evbuffer_file_segment_free(segment);
  fclose(file);
  free_base();
}

TEST(each_function_of_an_evbuffer_takes_its_lock) { CHECK_ROWS(buffer_rows, make_buffers, free_buffers); }

/* --- bufferevent --- */

static void ignore_data(struct bufferevent *b, void *arg) {
  (void)b;
  (void)arg;
}
static void ignore_event(struct bufferevent *b, short what, void *arg) {
  (void)b;
  (void)what;
  (void)arg;
}

static struct ev_token_bucket_cfg *rates;
static struct sockaddr_in nowhere;
static const struct timeval one_second = {1, 0};

static size_t low_mark, high_mark;
static bufferevent_data_cb data_cb;
static bufferevent_event_cb event_cb;
static void *cb_arg;
static ev_uint64_t total_read, total_written;

#define BUFFEREVENT_ROWS(ROW)                                                                                \
  ROW(bufferevent_add_to_rate_limit_group, O | P, 0, bufferevent_add_to_rate_limit_group(second, group))     \
  ROW(bufferevent_base_set, O, 0, bufferevent_base_set(base, bev))                                           \
  ROW(bufferevent_decref, O, 0, bufferevent_incref(bev); forget_locks_taken(); bufferevent_decref(bev))      \
  ROW(bufferevent_decrement_read_limit, O, 0, bufferevent_decrement_read_limit(bev, 1))                      \
  ROW(bufferevent_decrement_write_limit, O, 0, bufferevent_decrement_write_limit(bev, 1))                    \
  ROW(bufferevent_disable, O, 0, bufferevent_disable(bev, EV_READ))                                          \
  ROW(bufferevent_enable, O | B, 0, bufferevent_enable(bev, EV_READ))                                        \
  ROW(bufferevent_filter_new, O, 0,                                                                          \
      bufferevent_free(bufferevent_filter_new(second, NULL, NULL, BEV_OPT_CLOSE_ON_FREE, NULL, NULL));       \
      second = NULL)                                                                                         \
  ROW(bufferevent_flush, O, 0, bufferevent_flush(bev, EV_WRITE, BEV_FLUSH))                                  \
  ROW(bufferevent_free, O, 0, bufferevent_free(bev); bev = NULL)                                             \
  ROW(bufferevent_get_enabled, O, 0, bufferevent_get_enabled(bev))                                           \
  ROW(bufferevent_get_max_single_read, O, 0, bufferevent_get_max_single_read(bev))                           \
  ROW(bufferevent_get_max_single_write, O, 0, bufferevent_get_max_single_write(bev))                         \
  ROW(bufferevent_get_max_to_read, O, 0, bufferevent_get_max_to_read(bev))                                   \
  ROW(bufferevent_get_max_to_write, O, 0, bufferevent_get_max_to_write(bev))                                 \
  ROW(bufferevent_get_read_limit, O, 0, bufferevent_get_read_limit(bev))                                     \
  ROW(bufferevent_get_token_bucket_cfg, O, 0, bufferevent_get_token_bucket_cfg(bev))                         \
  ROW(bufferevent_get_underlying, O, 0, bufferevent_get_underlying(bev))                                     \
  ROW(bufferevent_get_write_limit, O, 0, bufferevent_get_write_limit(bev))                                   \
  ROW(bufferevent_getcb, O, 0, bufferevent_getcb(bev, &data_cb, &data_cb, &event_cb, &cb_arg))               \
  ROW(bufferevent_getfd, O, 0, bufferevent_getfd(bev))                                                       \
  ROW(bufferevent_getwatermark, O, 0, bufferevent_getwatermark(bev, EV_READ, &low_mark, &high_mark))         \
  ROW(bufferevent_incref, O, 0, bufferevent_incref(bev); bufferevent_decref(bev))                            \
  ROW(bufferevent_lock, O, 0, bufferevent_lock(bev); bufferevent_unlock(bev))                                \
  ROW(bufferevent_pair_get_partner, O, 0, bufferevent_pair_get_partner(second))                              \
  ROW(bufferevent_priority_set, O, 0, bufferevent_priority_set(bev, 0))                                      \
  ROW(bufferevent_rate_limit_group_decrement_read, P, 0,                                                     \
      bufferevent_rate_limit_group_decrement_read(group, 1))                                                 \
  ROW(bufferevent_rate_limit_group_decrement_write, P, 0,                                                    \
      bufferevent_rate_limit_group_decrement_write(group, 1))                                                \
  ROW(bufferevent_rate_limit_group_free, P, 0, bufferevent_remove_from_rate_limit_group(bev);                \
      forget_locks_taken(); bufferevent_rate_limit_group_free(group); group = NULL)                          \
  ROW(bufferevent_rate_limit_group_get_read_limit, P, 0, bufferevent_rate_limit_group_get_read_limit(group)) \
  ROW(bufferevent_rate_limit_group_get_totals, P, DIFFERS,                                                   \
      bufferevent_rate_limit_group_get_totals(group, &total_read, &total_written))                           \
  ROW(bufferevent_rate_limit_group_get_write_limit, P, 0,                                                    \
      bufferevent_rate_limit_group_get_write_limit(group))                                                   \
  ROW(bufferevent_rate_limit_group_reset_totals, P, DIFFERS,                                                 \
      bufferevent_rate_limit_group_reset_totals(group))                                                      \
  ROW(bufferevent_rate_limit_group_set_cfg, P, 0, bufferevent_rate_limit_group_set_cfg(group, rates))        \
  ROW(bufferevent_rate_limit_group_set_min_share, P, DIFFERS,                                                \
      bufferevent_rate_limit_group_set_min_share(group, 9))                                                  \
  ROW(bufferevent_read, O, 0, bufferevent_read(bev, bytes, 1))                                               \
  ROW(bufferevent_read_buffer, O | P, 0, bufferevent_read_buffer(bev, other))                                \
  ROW(bufferevent_remove_from_rate_limit_group, O | P, 0, bufferevent_remove_from_rate_limit_group(bev))     \
  ROW(bufferevent_set_max_single_read, O, 0, bufferevent_set_max_single_read(bev, 9))                        \
  ROW(bufferevent_set_max_single_write, O, 0, bufferevent_set_max_single_write(bev, 9))                      \
  ROW(bufferevent_set_rate_limit, O, 0, bufferevent_set_rate_limit(bev, rates))                              \
  ROW(bufferevent_set_timeouts, O, 0, bufferevent_set_timeouts(bev, &one_second, NULL))                      \
  ROW(bufferevent_setcb, O, 0, bufferevent_setcb(bev, ignore_data, ignore_data, ignore_event, NULL))         \
  ROW(bufferevent_setfd, O | B, 0, bufferevent_setfd(bev, pair[0]))                                          \
  ROW(bufferevent_settimeout, O, 0, bufferevent_settimeout(bev, 1, 1))                                       \
  ROW(bufferevent_setwatermark, O, 0, bufferevent_setwatermark(bev, EV_READ, 1, 10))                         \
  ROW(bufferevent_socket_connect, O, 0, bufferevent_setfd(bev, -1); forget_locks_taken();                    \
      bufferevent_socket_connect(bev, (struct sockaddr *)&nowhere, sizeof(nowhere)))                         \
  ROW(bufferevent_socket_connect_hostname, O, 0,                                                             \
      bufferevent_socket_connect_hostname(bev, NULL, AF_INET, "127.0.0.1", 1))                               \
  ROW(bufferevent_socket_get_dns_error, O, 0, bufferevent_socket_get_dns_error(bev))                         \
  ROW(bufferevent_trigger, O, 0, bufferevent_trigger(bev, EV_READ, 0))                                       \
  ROW(bufferevent_trigger_event, O, 0, bufferevent_trigger_event(bev, BEV_EVENT_CONNECTED, 0))               \
  ROW(bufferevent_write, O, 0, bufferevent_write(bev, "x", 1))                                               \
  ROW(bufferevent_write_buffer, O | P, 0, bufferevent_write_buffer(bev, other))                              \
  ROW(evbuffer_lock, O, 0, evbuffer_lock(bufferevent_get_input(bev));                                        \
      evbuffer_unlock(bufferevent_get_input(bev)))                                                           \
  OURS_ALONE(ROW(bufferevent_replacefd, O | B, 0, bufferevent_replacefd(bev, -1)))                           \
  OURS_ALONE(ROW(bufferevent_socket_connect_hostname_hints, O, 0,                                            \
                 bufferevent_socket_connect_hostname_hints(bev, NULL, NULL, "127.0.0.1", 1)))                \
  OURS_ALONE(ROW(eventide_bufferevent_when_drained, O, 0,                                                    \
                 eventide_bufferevent_when_drained(bev, ignore_event, NULL)))

BUFFEREVENT_ROWS(FUNCTION_OF_ROW)
static const struct lock_row bufferevent_rows[] = {BUFFEREVENT_ROWS(ENTRY_OF_ROW)};

static void make_bufferevents(void) {
  struct bufferevent *ends[2];
  make_base();
  rates = ev_token_bucket_cfg_new(100, 100, 100, 100, NULL);
  other = locked_buffer(LOCK_OF_OTHER);
  lock_owner_now = LOCK_OF_OTHER;
  group = bufferevent_rate_limit_group_new(base, rates);
  lock_owner_now = LOCK_OF_OBJECT;
  bev = bufferevent_socket_new(base, pair[0], BEV_OPT_THREADSAFE);
  CHECK(bufferevent_pair_new(base, BEV_OPT_THREADSAFE, ends) == 0);
  lock_owner_now = LOCK_OF_PROCESS;
  second = ends[0];
  bufferevent_free(ends[1]);
  bufferevent_set_rate_limit(bev, rates);
  bufferevent_add_to_rate_limit_group(bev, group);
  bufferevent_enable(bev, EV_WRITE);
  nowhere.sin_family = AF_INET;
  nowhere.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  nowhere.sin_port = htons(1);
  CHECK(rates && bev && second && group && write(pair[1], "incoming", 8) == 8);
}
static void free_bufferevents(void) {
  if (bev) bufferevent_remove_from_rate_limit_group(bev);
  if (second) bufferevent_remove_from_rate_limit_group(second);
  if (bev) bufferevent_free(bev);
  if (second) bufferevent_free(second);
  evbuffer_free(other);
  event_base_loop(base, EVLOOP_NONBLOCK);
  if (group) bufferevent_rate_limit_group_free(group);
  event_base_loop(base, EVLOOP_NONBLOCK);
  ev_token_bucket_cfg_free(rates);
  free_base();
}

TEST(each_function_of_a_bufferevent_takes_its_lock) {
  CHECK_ROWS(bufferevent_rows, make_bufferevents, free_bufferevents);
}

/* --- listeners --- */

static void ignore_connection(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *address,
                              int size, void *arg) {
  (void)l;
  (void)address;
  (void)size;
  (void)arg;
  evutil_closesocket(fd);
}
static void ignore_error(struct evconnlistener *l, void *arg) {
  (void)l;
  (void)arg;
}

#define LISTENER_ROWS(ROW)                                                                     \
  ROW(evconnlistener_disable, O | B, 0, evconnlistener_disable(listener))                      \
  ROW(evconnlistener_enable, O | B, 0, evconnlistener_disable(listener); forget_locks_taken(); \
      evconnlistener_enable(listener))                                                         \
  ROW(evconnlistener_free, O, 0, evconnlistener_free(listener); listener = NULL)               \
  ROW(evconnlistener_set_cb, O, 0, evconnlistener_set_cb(listener, ignore_connection, NULL))   \
  ROW(evconnlistener_set_error_cb, O, 0, evconnlistener_set_error_cb(listener, ignore_error))

LISTENER_ROWS(FUNCTION_OF_ROW)
static const struct lock_row listener_rows[] = {LISTENER_ROWS(ENTRY_OF_ROW)};

static void make_listener(void) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  make_base();
  lock_owner_now = LOCK_OF_OBJECT;
  listener =
      evconnlistener_new_bind(base, ignore_connection, NULL, LEV_OPT_THREADSAFE | LEV_OPT_CLOSE_ON_FREE, -1,
                              (struct sockaddr *)&address, sizeof(address));
  lock_owner_now = LOCK_OF_PROCESS;
  CHECK(listener != NULL);
}
static void free_listener(void) {
  if (listener) evconnlistener_free(listener);
  free_base();
}

TEST(each_function_of_a_listener_takes_its_lock) { CHECK_ROWS(listener_rows, make_listener, free_listener); }

/* --- events and the base --- */

static int pass_event(const struct event_base *of, const struct event *each, void *arg) {
  (void)of;
  (void)each;
  (void)arg;
  return 0;
}
static struct timeval when;
static struct seen ignored;
static struct event_base *again;

#define EVENT_ROWS(ROW)                                                                                      \
  ROW(event_active, B, 0, event_active(ev, EV_READ, 1))                                                      \
  ROW(event_add, B, 0, event_add(ev, &one_second))                                                           \
  ROW(event_base_active_by_fd, B, 0, event_base_active_by_fd(base, pair[0], EV_READ))                        \
  ROW(event_base_active_by_signal, B, 0, event_base_active_by_signal(base, SIGINT))                          \
  ROW(event_base_dispatch, B, 0, event_base_dispatch(base))                                                  \
  ROW(event_base_dump_events, B, 0, event_base_dump_events(base, file))                                      \
  ROW(event_base_foreach_event, B, 0, event_base_foreach_event(base, pass_event, NULL))                      \
  ROW(event_base_get_max_events, B, 0, event_base_get_max_events(base, EVENT_BASE_COUNT_ADDED, 0))           \
  ROW(event_base_get_npriorities, B, 0, event_base_get_npriorities(base))                                    \
  ROW(event_base_get_num_events, B, 0, event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED))              \
  ROW(event_base_get_running_event, B, 0, event_base_get_running_event(base))                                \
  ROW(event_base_gettimeofday_cached, B, 0, event_base_gettimeofday_cached(base, &when))                     \
  ROW(event_base_got_break, B, 0, event_base_got_break(base))                                                \
  ROW(event_base_got_exit, B, 0, event_base_got_exit(base))                                                  \
  ROW(event_base_init_common_timeout, B, 0, event_base_init_common_timeout(base, &one_second))               \
  ROW(event_base_loop, B, 0, event_base_loop(base, EVLOOP_NONBLOCK))                                         \
  ROW(event_base_loopbreak, B, 0, event_base_loopbreak(base))                                                \
  ROW(event_base_loopcontinue, B, 0, event_base_loopcontinue(base))                                          \
  ROW(event_base_loopexit, B, 0, event_base_loopexit(base, NULL))                                            \
  ROW(event_base_once, B, 0, event_base_once(base, -1, EV_TIMEOUT, note, &ignored, NULL))                    \
  ROW(event_base_priority_init, B, 0, event_base_priority_init(base, 3))                                     \
  ROW(event_base_update_cache_time, B, 0, event_base_update_cache_time(base))                                \
  ROW(event_del, B, 0, event_del(ev))                                                                        \
  ROW(event_del_block, B, 0, event_del_block(ev))                                                            \
  ROW(event_del_noblock, B, 0, event_del_noblock(ev))                                                        \
  ROW(event_finalize, B, 0, event_finalize(0, ev, note_finalized); event_base_loop(base, EVLOOP_NONBLOCK))   \
  ROW(event_free, B, 0, event_add(ev, NULL); forget_locks_taken(); event_free(ev); ev = NULL)                \
  ROW(event_free_finalize, B, 0, event_free_finalize(0, ev, note_finalized); ev = NULL)                      \
  ROW(event_pending, B, 0, event_pending(ev, EV_READ, NULL))                                                 \
  ROW(event_priority_set, B, DIFFERS, event_priority_set(ev, 0))                                             \
  ROW(event_reinit, B, 0, event_reinit(base))                                                                \
  ROW(event_remove_timer, B, 0, event_remove_timer(ev))                                                      \
  OURS_ALONE(ROW(eventide_dump_json, B, 0, eventide_dump_json(base, file)))                                  \
  OURS_ALONE(ROW(eventide_loopbreak, B, 0, eventide_loopbreak(base)))                                        \
  OURS_ALONE(ROW(eventide_metrics_disable, B, 0, eventide_metrics_disable(base)))                            \
  OURS_ALONE(ROW(eventide_metrics_enable, B, 0, eventide_metrics_enable(base)))                              \
  OURS_ALONE(                                                                                                \
      ROW(eventide_metrics_get, B, 0, struct eventide_metrics m; eventide_metrics_get(base, &m, sizeof(m)))) \
  OURS_ALONE(ROW(eventide_metrics_reset, B, 0, eventide_metrics_reset(base)))                                \
  OURS_ALONE(                                                                                                \
      ROW(eventide_set_slow_callback, B, 0, eventide_set_slow_callback(base, &one_second, NULL, NULL)))      \
  OURS_ALONE(ROW(evwatch_check_new, B, 0, evwatch_check_new(base, ignore_check, NULL)))                      \
  OURS_ALONE(ROW(evwatch_free, B, 0, evwatch_free(evwatch_prepare_new(base, ignore_prepare, NULL))))         \
  OURS_ALONE(ROW(evwatch_prepare_new, B, 0, evwatch_prepare_new(base, ignore_prepare, NULL)))

#ifdef WITH_OURS
static void ignore_prepare(struct evwatch *watch, const struct evwatch_prepare_cb_info *info, void *arg) {
  (void)watch;
  (void)info;
  (void)arg;
}
static void ignore_check(struct evwatch *watch, const struct evwatch_check_cb_info *info, void *arg) {
  (void)watch;
  (void)info;
  (void)arg;
}
#endif

EVENT_ROWS(FUNCTION_OF_ROW)
static const struct lock_row event_rows[] = {EVENT_ROWS(ENTRY_OF_ROW)};

static void make_event(void) {
  make_base();
  file = tmpfile();
  ev = event_new(base, pair[0], EV_READ, note, &ignored);
  CHECK(file && ev);
}
static void free_event(void) {
  if (ev) event_free(ev);
  event_base_loop(base, EVLOOP_NONBLOCK);
  fclose(file);
  free_base();
}

TEST(each_function_of_an_event_or_a_base_takes_the_bases_lock) {
  CHECK_ROWS(event_rows, make_event, free_event);
}

/* The functions of the old interface work on the base that event_init() made last. */
#define OLD_ROWS(ROW)                                                     \
  ROW(event_dispatch, B, 0, event_dispatch())                             \
  ROW(event_loop, B, 0, event_loop(EVLOOP_NONBLOCK))                      \
  ROW(event_loopbreak, B, 0, event_loopbreak())                           \
  ROW(event_loopexit, B, 0, event_loopexit(NULL))                         \
  ROW(event_once, B, 0, event_once(-1, EV_TIMEOUT, note, &ignored, NULL)) \
  ROW(event_priority_init, B, 0, event_priority_init(3))

OLD_ROWS(FUNCTION_OF_ROW)
static const struct lock_row old_rows[] = {OLD_ROWS(ENTRY_OF_ROW)};

static void make_old_base(void) {
  lock_owner_now = LOCK_OF_BASE;
  again = event_init();
  lock_owner_now = LOCK_OF_PROCESS;
  CHECK(again != NULL);
}
static void free_old_base(void) { event_base_free(again); }

TEST(each_function_of_the_old_interface_takes_the_bases_lock) {
  CHECK_ROWS(old_rows, make_old_base, free_old_base);
}

/* --- what takes no lock --- */

static const char *const without_lock[] = {
    /* Belong to the process, or make, free or describe what no other thread can know yet. */
    "bufferevent_new",
    "bufferevent_pair_new",
    "bufferevent_rate_limit_group_new",
    "bufferevent_socket_new",
    "evbuffer_file_segment_add_cleanup_cb",
    "evbuffer_file_segment_new",
    "evbuffer_new",
    "evconnlistener_new",
    "evconnlistener_new_bind",
    "event_assign",
    "event_base_free",
    "event_base_free_nofinalize",
    "event_base_new",
    "event_base_new_with_config",
    "event_base_set",
    "event_config_avoid_method",
    "event_config_free",
    "event_config_new",
    "event_config_require_features",
    "event_config_set_flag",
    "event_config_set_max_dispatch_interval",
    "event_config_set_num_cpus_hint",
    "event_debug_unassign",
    "event_enable_debug_logging",
    "event_enable_debug_mode",
    "event_get_struct_event_size",
    "event_get_supported_methods",
    "event_get_version",
    "event_get_version_number",
    "event_init",
    "event_new",
    "event_self_cbarg",
    "event_set",
    "event_set_fatal_callback",
    "event_set_log_callback",
    "event_set_mem_functions",
    /* Read what does not change while the object lives, or while the event is added. */
    "bufferevent_get_base",
    "bufferevent_get_input",
    "bufferevent_get_output",
    "bufferevent_get_priority",
    "evconnlistener_get_base",
    "evconnlistener_get_fd",
    "event_base_get_features",
    "event_base_get_method",
    "event_base_get_signal_method",
    "event_get_assignment",
    "event_get_base",
    "event_get_callback",
    "event_get_callback_arg",
    "event_get_events",
    "event_get_fd",
    "event_get_method",
    "event_get_priority",
    "event_gettime_monotonic",
    "event_initialized",
    "evwatch_base",
    "evwatch_prepare_get_timeout",
    /* Counts references atomically. */
    "evbuffer_file_segment_free",
    /* Release what the function beside them in the tables took. */
    "bufferevent_unlock",
    "evbuffer_unlock",
};

static int in_rows(const struct lock_row *rows, size_t count, const char *name) {
  while (count--) {
    if (strcmp(rows[count].name, name) == 0) return 1;
  }
  return 0;
}
#define IN_ROWS(rows, name) in_rows(rows, sizeof(rows) / sizeof((rows)[0]), name)

static int is_known(const char *name) {
  size_t i;
  for (i = 0; i < sizeof(without_lock) / sizeof(without_lock[0]); ++i) {
    if (strcmp(without_lock[i], name) == 0) return 1;
  }
  return IN_ROWS(buffer_rows, name) || IN_ROWS(bufferevent_rows, name) || IN_ROWS(listener_rows, name) ||
         IN_ROWS(event_rows, name) || IN_ROWS(old_rows, name);
}

/* Whether the name is one of a family whose objects have locks. */
static int has_locks(const char *name) {
  static const char *const families[] = {"bufferevent_", "evbuffer_", "evconnlistener_",
                                         "event_",       "eventide_", "evwatch_"};
  size_t i;
  for (i = 0; i < sizeof(families) / sizeof(families[0]); ++i) {
    if (strncmp(name, families[i], strlen(families[i])) == 0) return 1;
  }
  return 0;
}

/* EVENTIDE_TEST_EXPORTS names the list of the core library's functions; ctest sets it. */
TEST(each_exported_function_is_in_one_of_the_tables) {
  const char *path = getenv("EVENTIDE_TEST_EXPORTS");
  FILE *list = path ? fopen(path, "r") : NULL;
  char line[200];
  int count = 0;
  if (!path || !ours()) return;
  CHECK(list != NULL);
  while (fgets(line, sizeof(line), list)) {
    line[strcspn(line, "\r\n")] = '\0';
    if (!has_locks(line)) continue;
    ++count;
    if (!is_known(line)) CHECK_FAIL_("%s is in no table", line);
  }
  fclose(list);
  CHECK_INT_GT(count, 200);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  if (use_counting_locks() != 0) {
    printf("0 passed, 1 failed\n");
    return 1;
  }
  RUN_TESTS(each_function_of_an_evbuffer_takes_its_lock, each_function_of_a_bufferevent_takes_its_lock,
            each_function_of_a_listener_takes_its_lock,
            each_function_of_an_event_or_a_base_takes_the_bases_lock,
            each_function_of_the_old_interface_takes_the_bases_lock,
            each_exported_function_is_in_one_of_the_tables);
}
