// The façade of event2/eventide.h.
#include <algorithm>
#include <cstring>

#include "core/dump.h"
#include "core/event_base.h"
#include "event2/eventide.h"

extern "C" {

int eventide_metrics_enable(struct event_base *base) { return base ? base->metrics().enable() : -1; }

void eventide_metrics_disable(struct event_base *base) {
  if (base) base->metrics().disable();
}

int eventide_metrics_reset(struct event_base *base) { return base ? base->metrics().reset() : -1; }

// `size` says which version of the struct the program was compiled with.
int eventide_metrics_get(struct event_base *base, struct eventide_metrics *out, size_t size) {
  eventide_metrics current;
  if (!base || !out || size == 0 || !base->metrics().read(current)) return -1;
  auto *bytes = reinterpret_cast<unsigned char *>(out);
  const size_t known = std::min(size, sizeof(current));
  std::memcpy(bytes, &current, known);
  std::memset(bytes + known, 0, size - known);
  return 0;
}

int eventide_set_slow_callback(struct event_base *base, const struct timeval *threshold,
                               eventide_slow_cb callback, void *arg) {
  if (!base) return -1;
  if (!threshold || !callback) return base->metrics().set_slow_callback(0, nullptr, nullptr);
  if (threshold->tv_sec < 0 || !evi::is_plain(*threshold)) return -1;
  // Three centuries are enough; more would not fit in nanoseconds.
  const evi::Micros micros = std::min<evi::Micros>(evi::to_micros(*threshold), INT64_MAX / 1000);
  return base->metrics().set_slow_callback(micros * 1000, callback, arg);
}

int eventide_loopbreak(struct event_base *base) { return base ? base->loop_break_or_next() : -1; }

int eventide_dump_json(struct event_base *base, FILE *out) {
  return base && out ? evi::dump_json(*base, out) : -1;
}

}  // extern "C"
