// The look-up of a peer's name on the way to a connection.
#ifndef EVI_BUFFEREVENT_LOOKUP_H
#define EVI_BUFFEREVENT_LOOKUP_H

#include "bufferevent/socket_transport.h"
#include "util/resolve_hook.h"

namespace evi {

// Holds a reference to its bufferevent until the resolver calls back, which may be after it was cancelled.
// Guarded by the bufferevent's lock.
class Lookup {
 public:
  explicit Lookup(SocketBufferevent &bev) noexcept : bev_(bev) {}

  // Holds both directions back until the answer is there, and connects to the first address then. False
  // if out of memory. The lock is held once, and open while the resolver is asked, which may block.
  [[nodiscard]] static bool start(SocketBufferevent &bev, evdns_base *resolver, const addrinfo &hints,
                                  const char *hostname, const char *service) noexcept;
  void cancel(BuffereventBase &bev) noexcept;

 private:
  static void on_answer(int error, addrinfo *answer, void *self) noexcept;

  SocketBufferevent &bev_;
  evdns_getaddrinfo_request *request_ = nullptr;
  bool asking_ = true;  // start() goes on using this object
  bool answered_ = false;
  bool cancelled_ = false;
};

// 0, or -1 if the attempt could not be begun.
[[nodiscard]] int socket_connect(SocketBufferevent &bev, const sockaddr *address, int length) noexcept;

}  // namespace evi

#endif
