// The façade of event2/eventide.h for bufferevents.
#include "bufferevent/drained.h"
#include "event2/eventide.h"

using evi::BuffereventBase;
using evi::BuffereventUse;

extern "C" int eventide_bufferevent_when_drained(struct bufferevent *bev, eventide_drained_cb callback,
                                                 void *arg) {
  if (!bev) return -1;
  BuffereventBase &self = BuffereventBase::of(*bev);
  const BuffereventUse use(self);
  return !self.freed() && evi::Drained::ask(self, callback, arg) ? 0 : -1;
}
