// What event_core offers to evhttp: a layer that takes input in any amount, and limits by itself what the
// program sees.
#ifndef EVI_BUFFEREVENT_READ_WHOLE_H
#define EVI_BUFFEREVENT_READ_WHOLE_H

#include "event2/bufferevent.h"
#include "util/platform.h"

// Until callbacks are set the next time, the read callback finds all that one system call brings, not a slice
// of it. Does nothing to kinds without a socket.
extern "C" EVI_VISIBLE void evi_private_read_whole(bufferevent *bev);

#endif
