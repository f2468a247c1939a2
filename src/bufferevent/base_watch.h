// BaseWatch: whether the base of a bufferevent exists still, for programs without threads that free it first.
//
// The events of a socket or timer learn that from the base. A filter has none in the base's queues, but when
// it is freed, what is under it may still have to start reading or to send.
#ifndef EVI_BUFFEREVENT_BASE_WATCH_H
#define EVI_BUFFEREVENT_BASE_WATCH_H

#include "bufferevent/bufferevent.h"

namespace evi {

struct LoopChunks;

class BaseWatch {
 public:
  // `base` may be null. Out of memory, the base is taken to exist.
  explicit BaseWatch(event_base *base) noexcept;
  BaseWatch(const BaseWatch &) = delete;
  BaseWatch &operator=(const BaseWatch &) = delete;
  ~BaseWatch();

  // Clears a freed base in a bufferevent and in all underlying ones.
  void forget_if_gone(BuffereventBase &top) const noexcept;

 private:
  LoopChunks *chunks_ = nullptr;
};

}  // namespace evi

#endif
