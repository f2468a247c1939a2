// Deleting an event of a bufferevent, whose base may have been freed.
#ifndef EVI_BUFFEREVENT_EVENT_REMOVAL_H
#define EVI_BUFFEREVENT_EVENT_REMOVAL_H

#include "core/event_access.h"
#include "core/event_base.h"

namespace evi {

// Without threads the event's own flags say whether there is anything to delete: the application may have
// freed the base first, which deleted the event. Does nothing without a base. Does not wait for a callback
// that is running.
inline void delete_if_queued(event_base *base, event &ev, bool threads) noexcept {
  if (base && (threads || has(ev, kQueuedFlags))) base->del(ev, DelMode::no_block);
}

}  // namespace evi

#endif
