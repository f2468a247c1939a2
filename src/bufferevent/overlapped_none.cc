// Systems whose bases have no completion ports.
#include "bufferevent/bufferevent.h"

namespace evi {

SocketBufferevent *overlapped_bufferevent_new(event_base &, int) noexcept { return nullptr; }

}  // namespace evi
