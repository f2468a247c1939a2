// Large reads for the layers of event_extra.
#include "bufferevent/read_whole.h"

#include "bufferevent/bufferevent.h"

using evi::BuffereventBase;
using evi::BuffereventUse;

extern "C" void evi_private_read_whole(bufferevent *bev) {
  BuffereventBase &self = BuffereventBase::of(*bev);
  const BuffereventUse use(self);
  self.read_whole();
}
