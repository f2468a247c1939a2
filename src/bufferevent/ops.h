// What each kind of bufferevent does its own way: one table per transport, which be_ops points to.
//
// Every function is called with the bufferevent's lock held, dispose excepted. Directions are EV_READ or
// EV_WRITE, one or both.
#ifndef EVI_BUFFEREVENT_OPS_H
#define EVI_BUFFEREVENT_OPS_H

#include "event2/bufferevent.h"
#include "event2/bufferevent_struct.h"

namespace evi {

class BuffereventBase;
class SocketBufferevent;

// Why a direction is to begin.
enum class Start : unsigned char {
  enabled,  // the program asked for it: timeouts restart, and the write callback reports when writing is
            // possible
  resumed,  // the reason to suspend was removed
};

// What became of an attempt to connect. `unfit`: for this way of connecting; nothing was done.
enum class Connecting : unsigned char { begun, refused, failed, unfit };

// How the socket transport learns that a socket is ready, if not by the base's method. `socket_.overlapped`
// says whether the present socket is served so.
struct OverlappedOps {
  // Sees whether the socket, which nothing is armed for, can be served so from now on.
  void (*attach)(SocketBufferevent &bev) noexcept;
  // The socket is being replaced, or the base: operations end, and what they did is accounted for. Does
  // nothing to a socket that is not served so.
  void (*detach)(BuffereventBase &bev) noexcept;
  // A direction was armed: begins the operation that ends its wait, unless one is under way.
  void (*await)(SocketBufferevent &bev, short direction) noexcept;
  // Takes `fd` for its socket and begins to connect it.
  Connecting (*connect)(SocketBufferevent &bev, evutil_socket_t fd, const sockaddr &address,
                        int length) noexcept;
};

}  // namespace evi

// The opaque struct of event2/bufferevent_struct.h.
struct bufferevent_ops {
  const char *name;
  // The transport is a socket of ours: the program may change base, priority and descriptor.
  bool owns_events;
  // It is the socket transport, which moves bytes as they are.
  bool plain_socket = false;

  // Begins to move data where wants() says so. False if the kernel or memory fails.
  bool (*start)(evi::BuffereventBase &bev, short directions, evi::Start why) noexcept;
  void (*stop)(evi::BuffereventBase &bev, short directions) noexcept;
  // The timeouts were changed.
  void (*apply_timeouts)(evi::BuffereventBase &bev) noexcept;
  // Bytes were added to the output buffer.
  void (*output_added)(evi::BuffereventBase &bev) noexcept;
  // The turn that schedule_flush() asked for: on the loop's thread, just before it waits.
  void (*flush_turn)(evi::BuffereventBase &bev) noexcept;

  // A read callback that was queued has run: goes on with what was read before it. Null for kinds that never
  // wait for that.
  void (*read_on)(evi::BuffereventBase &bev) noexcept = nullptr;
  // The filter on top is being freed, and this with it: writes what the transport takes now of the output,
  // which counts as written already. Neither calls back nor waits, from any thread. Null for kinds that keep
  // no output.
  void (*write_last)(evi::BuffereventBase &bev) noexcept = nullptr;

  // As bufferevent_flush() returns.
  int (*flush)(evi::BuffereventBase &bev, short directions, bufferevent_flush_mode mode) noexcept;
  // False if this kind has no descriptor of its own.
  bool (*set_fd)(evi::BuffereventBase &bev, evutil_socket_t fd) noexcept;
  evutil_socket_t (*get_fd)(const evi::BuffereventBase &bev) noexcept;
  // Null if there is none.
  bufferevent *(*get_underlying)(const evi::BuffereventBase &bev) noexcept;
  // Makes the lock that it shares with others; null for kinds that share none.
  bool (*make_shared_lock)(evi::BuffereventBase &bev) noexcept = nullptr;
  // For sockets served by overlapped operations; null for all others.
  const evi::OverlappedOps *overlapped = nullptr;

  // The read callback takes any amount from now on: reads may be large at once. Null for kinds that do not
  // choose the size of their reads.
  void (*read_whole)(evi::BuffereventBase &bev) noexcept = nullptr;
  // It has added one of its events. Null if !owns_events.
  bool (*events_armed)(const evi::BuffereventBase &bev) noexcept = nullptr;

  // The program freed it: takes back what the kernel, a base or a partner knows of it. Does not wait.
  void (*unlink)(evi::BuffereventBase &bev) noexcept;
  // The last reference was dropped: frees the transport and the memory. No lock is held.
  void (*dispose)(evi::BuffereventBase *bev) noexcept;
};

#endif
