// Listings of a base and its events: as text, and as a JSON object.
#ifndef EVI_CORE_DUMP_H
#define EVI_CORE_DUMP_H

#include <cstdio>

struct event_base;

namespace evi {

// Thread: any. The base's lock is taken.
void dump_events(event_base &base, std::FILE *out) noexcept;
// 0, or -1 if it cannot be written. Members: see event2/eventide.h.
int dump_json(event_base &base, std::FILE *out) noexcept;

}  // namespace evi

#endif
