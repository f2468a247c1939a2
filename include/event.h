/* The whole of the old, 1.x interface in one header. New programs include the headers they need from event2/.
 *
 * Includes the system headers that programs of that time expect, then everything about events, buffers and
 * bufferevents, both the present functions and those that work on the current base (event_init(),
 * event_set(), event_dispatch(), ...; see <event2/event_compat.h>), and the layouts of struct event and
 * struct bufferevent.
 */
#ifndef EVENT1_EVENT_H_INCLUDED_
#define EVENT1_EVENT_H_INCLUDED_

#include <event2/event-config.h>
#ifdef EVENT__HAVE_SYS_TYPES_H
#include <sys/types.h>
#endif
#ifdef EVENT__HAVE_SYS_TIME_H
#include <sys/time.h>
#endif
#include <stdarg.h>
#include <stdint.h>
#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <winsock2.h>

#include <windows.h>
#endif

#include <evutil.h>

#include <event2/event_struct.h>

#include <event2/buffer.h>
#include <event2/buffer_compat.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_compat.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/event_compat.h>

#endif
