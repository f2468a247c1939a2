// Output for a bufferevent whose lock another thread holds.
//
// Callbacks run with their bufferevent's lock held. If two of them, in two loops, write to each other's
// bufferevent, each would wait for the lock that the other has. So a writer never waits: when the lock is
// taken, the bytes go onto a stack beside it, without a lock, and the flush hook is queued, so that the loop
// comes for them. Every new holder of the lock first appends what lies there; so a thread that wrote always
// finds its bytes in the buffer, in its order.
#ifndef EVI_BUFFEREVENT_MAIL_H
#define EVI_BUFFEREVENT_MAIL_H

#include "buffer/evbuffer.h"

namespace evi {

struct Mail {
  Mail *next = nullptr;
  evbuffer data;

  // Frees this one and all that it is linked to.
  static void discard(Mail *newest) noexcept;
};

}  // namespace evi

#endif
