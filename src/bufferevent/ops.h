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

// Why a direction is to begin.
enum class Start : unsigned char {
  enabled,  // the program asked for it: timeouts begin anew, and writing tells when it becomes possible
  resumed,  // what held it back is gone
};

}  // namespace evi

// The opaque struct of event2/bufferevent_struct.h.
struct bufferevent_ops {
  const char *name;
  // A socket of ours is underneath: the program may change base, priority and descriptor.
  bool owns_events;

  // Begins to move data where wants() says so. False if the kernel or memory fails.
  bool (*start)(evi::BuffereventBase &bev, short directions, evi::Start why) noexcept;
  void (*stop)(evi::BuffereventBase &bev, short directions) noexcept;
  // The timeouts were changed.
  void (*apply_timeouts)(evi::BuffereventBase &bev) noexcept;
  // Bytes were added to the output buffer.
  void (*output_added)(evi::BuffereventBase &bev) noexcept;
  // The turn that schedule_flush() asked for: on the loop's thread, just before it waits.
  void (*flush_turn)(evi::BuffereventBase &bev) noexcept;

  // As bufferevent_flush() returns.
  int (*flush)(evi::BuffereventBase &bev, short directions, bufferevent_flush_mode mode) noexcept;
  // False if this kind has no descriptor of its own.
  bool (*set_fd)(evi::BuffereventBase &bev, evutil_socket_t fd) noexcept;
  evutil_socket_t (*get_fd)(const evi::BuffereventBase &bev) noexcept;
  // Null if there is none.
  bufferevent *(*get_underlying)(const evi::BuffereventBase &bev) noexcept;
  // Makes the lock that it shares with others; null for kinds that share none.
  bool (*make_shared_lock)(evi::BuffereventBase &bev) noexcept = nullptr;

  // The program freed it: takes back what the kernel, a base or a partner knows of it. Does not wait.
  void (*unlink)(evi::BuffereventBase &bev) noexcept;
  // The last reference is gone: lets go of the transport and of the memory. No lock is held.
  void (*dispose)(evi::BuffereventBase *bev) noexcept;
};

#endif
