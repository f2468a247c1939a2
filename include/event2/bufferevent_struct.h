/* The layout of struct bufferevent, for old programs that access its members.
 *
 * The layout is part of the binary interface. A bufferevent is always created by the library and is larger
 * than this struct, so programs can neither declare nor copy one. New programs use the functions of
 * <event2/bufferevent.h>: bufferevent_get_input(), bufferevent_getcb(), bufferevent_get_enabled(),
 * bufferevent_getwatermark() and so on. Direct access takes no lock: with BEV_OPT_THREADSAFE hold
 * bufferevent_lock() during it.
 *
 * Since 2.0.
 */
#ifndef EVENT2_BUFFEREVENT_STRUCT_H_INCLUDED_
#define EVENT2_BUFFEREVENT_STRUCT_H_INCLUDED_

#include <event2/event-config.h>
#ifdef EVENT__HAVE_SYS_TYPES_H
#include <sys/types.h>
#endif
#ifdef EVENT__HAVE_SYS_TIME_H
#include <sys/time.h>
#endif

#include <event2/bufferevent.h>
#include <event2/event_struct.h>
#include <event2/util.h>

#ifdef __cplusplus
extern "C" {
#endif

struct evbuffer;

/* A pair of watermarks, in bytes; see bufferevent_setwatermark(). */
struct event_watermark {
  size_t low;
  size_t high; /* 0: unlimited */
};

/* The part that every kind of bufferevent begins with. 392 bytes where pointers have 64 bits. */
struct bufferevent {
  struct event_base *ev_base;           /* not owned */
  const struct bufferevent_ops *be_ops; /* what kind of bufferevent this is; opaque */

  /* The events of the socket, or only its timeouts if there is no socket. */
  struct event ev_read;
  struct event ev_write;

  struct evbuffer *input;  /* received and not yet taken; the program only removes */
  struct evbuffer *output; /* written and not yet sent; the program only adds */

  struct event_watermark wm_read;
  struct event_watermark wm_write;

  /* As given to bufferevent_setcb(); NULL is allowed for each. */
  bufferevent_data_cb readcb;
  bufferevent_data_cb writecb;
  bufferevent_event_cb errorcb;
  void *cbarg;

  /* As given to bufferevent_set_timeouts(); zero is none. */
  struct timeval timeout_read;
  struct timeval timeout_write;

  short enabled; /* EV_READ and EV_WRITE as switched by bufferevent_enable() and bufferevent_disable() */
};

#ifdef __cplusplus
}
#endif

#endif
