// What a base and its users know of overlapped I/O, which Windows alone has: completion_port_win32.cc and
// acceptor_win32.cc, or overlapped_none.cc, which has none.
#ifndef EVI_CORE_OVERLAPPED_H
#define EVI_CORE_OVERLAPPED_H

#include "event2/event_struct.h"
#include "util/socket.h"

struct event_base;

namespace evi {

class CompletionPort;
struct Acceptor;

// For a base that was made with EVENT_BASE_FLAG_STARTUP_IOCP. `method_port`: the port that its method waits
// at. If that is null, `out` stays null, and the base uses readiness. False if out of memory.
[[nodiscard]] bool open_completion_port(event_base &base, void *method_port, CompletionPort *&out) noexcept;
// Cancels what is under way and waits until the kernel has let go of it; the callbacks of those operations
// are then queued in the base. The base's lock is not held.
void close_completion_port(CompletionPort *port) noexcept;

// How a listener gets connections if not by accept().
struct AcceptMethod {
  // `ready` is an event without a descriptor: it is made active when there is a connection to be taken. Null,
  // with the socket error, if the socket does not fit, or if out of memory.
  Acceptor *(*create)(event_base &base, Socket listening, event &ready) noexcept;
  // If no connection can be waited for, `ready` is made active, and proceed() returns the reason.
  void (*start)(Acceptor &self) noexcept;
  // No connection is lost by stopping: those that came wait, here or in the system's queue.
  void (*stop)(Acceptor &self) noexcept;
  // As accept_socket() does it.
  Socket (*take)(Acceptor &self, sockaddr *peer, ev_socklen_t *length, SocketFlags flags) noexcept;
  // After a round of taking: waits for as many again, and makes `ready` active if there are more to be taken.
  // False, with the socket error, if there are none and none can be waited for.
  bool (*proceed)(Acceptor &self) noexcept;
  // Closes connections that were not taken. The listening socket and the event may be freed right after.
  void (*close)(Acceptor *self) noexcept;
};

// Null if listeners of the base are to wait for readiness.
const AcceptMethod *accept_method(const event_base &base) noexcept;

}  // namespace evi

#endif
