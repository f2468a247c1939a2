// The functions of event2/bufferevent_compat.h.
#include "event2/bufferevent_compat.h"

#include "bufferevent/bufferevent.h"
#include "core/event_base.h"

using evi::BuffereventBase;
using evi::BuffereventUse;

extern "C" bufferevent *bufferevent_new(evutil_socket_t fd, bufferevent_data_cb readcb,
                                        bufferevent_data_cb writecb, bufferevent_event_cb errorcb,
                                        void *arg) {
  BuffereventBase *bev = evi::socket_bufferevent_new(evi::global_base(), fd, 0);
  if (bev) bev->set_callbacks(readcb, writecb, errorcb, arg);
  return bev;
}

extern "C" void bufferevent_settimeout(bufferevent *bev, int timeout_read, int timeout_write) {
  const timeval reading{timeout_read, 0};
  const timeval writing{timeout_write, 0};
  const BuffereventUse use(BuffereventBase::of(*bev));
  BuffereventBase::of(*bev).set_timeouts(&reading, &writing);
}
