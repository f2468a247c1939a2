// The state of a base as one JSON object; event2/eventide.h describes its members.
#include "core/dump.h"
#include "core/event_base.h"
#include "core/json.h"
#include "core/metrics.h"

namespace evi {
namespace {

struct FlagName {
  int flag;
  const char *name;
};

constexpr FlagName kFeatures[] = {{EV_FEATURE_ET, "et"},
                                  {EV_FEATURE_O1, "o1"},
                                  {EV_FEATURE_FDS, "fds"},
                                  {EV_FEATURE_EARLY_CLOSE, "early_close"}};
constexpr FlagName kEventFlags[] = {{EV_READ, "read"},     {EV_WRITE, "write"},      {EV_CLOSED, "closed"},
                                    {EV_SIGNAL, "signal"}, {EV_TIMEOUT, "timeout"},  {EV_PERSIST, "persist"},
                                    {EV_ET, "et"},         {EV_FINALIZE, "finalize"}};

template <std::size_t N>
void write_flags(JsonWriter &json, const char *key, const FlagName (&names)[N], int flags) noexcept {
  json.begin_list(key);
  for (const FlagName &name : names) {
    if (flags & name.flag) json.string(nullptr, name.name);
  }
  json.end_list();
}

bool is_finalizer(const event_callback &cb) noexcept {
  const auto kind = static_cast<Closure>(cb.evcb_closure);
  return kind == Closure::callback_finalize || kind == Closure::event_finalize ||
         kind == Closure::event_finalize_free;
}

void write_target(JsonWriter &json, const event_callback &cb) noexcept {
  const Target target = target_of(cb);
  json.address("callback", target.callback);
  json.address("arg", target.arg);
}

int pending_flags(const event &ev) noexcept {
  const bool waits = has(ev, EVLIST_INSERTED) || !has(ev, kQueuedFlags);  // or has output queued for it
  const int io_or_signal = waits ? ev.ev_events & (kIoEvents | EV_SIGNAL) : 0;
  return io_or_signal | (has(ev, EVLIST_TIMEOUT) ? EV_TIMEOUT : 0);
}

struct EventList {
  JsonWriter &json;
  Micros now;
};

int write_event(const event_base *, const event *event_pointer, void *arg) noexcept {
  const auto &[json, now] = *static_cast<EventList *>(arg);
  const event &ev = *event_pointer;
  json.begin_object();
  json.address("event", &ev);
  json.number(is_signal(ev) ? "signal" : "fd", static_cast<std::int64_t>(descriptor(ev)));
  write_flags(json, "flags", kEventFlags, ev.ev_events & ~EV_TIMEOUT);
  json.boolean("internal", is_internal(ev));
  json.number("priority", priority(ev));
  write_target(json, ev.ev_evcallback);
  write_flags(json, "pending", kEventFlags, pending_flags(ev));
  write_flags(json, "active", kEventFlags,
              has(ev, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER) ? ev.ev_res & ~(EV_ET | EV_PERSIST) : 0);
  if (has(ev, EVLIST_TIMEOUT)) {
    json.number("due_in_us", deadline(ev) - now);
  } else {
    json.null("due_in_us");
  }
  json.end_object();
  return 0;
}

void write_active_callback(JsonWriter &json, const event_callback &cb) noexcept {
  const bool of_event = belongs_to_event(cb);
  json.begin_object();
  json.string("kind", is_finalizer(cb) ? "finalizer" : of_event ? "event" : "deferred");
  json.address("event", of_event ? &cb : nullptr);
  write_target(json, cb);
  json.number("priority", cb.evcb_pri);
  json.boolean("next_turn", (cb.evcb_flags & EVLIST_ACTIVE_LATER) != 0);
  json.end_object();
}

void write_histogram(JsonWriter &json, const char *key,
                     const ev_uint64_t (&buckets)[EVENTIDE_METRICS_BUCKETS]) noexcept {
  json.begin_list(key);
  for (int i = 0; i < EVENTIDE_METRICS_BUCKETS; ++i) {
    if (buckets[i] == 0) continue;
    json.begin_object();
    if (i + 1 < EVENTIDE_METRICS_BUCKETS) {
      json.number("below_ns", std::int64_t{2} << i);
    } else {
      json.null("below_ns");
    }
    json.unsigned_number("count", buckets[i]);
    json.end_object();
  }
  json.end_list();
}

void write_slowest(JsonWriter &json, const eventide_slowest (&slowest)[EVENTIDE_METRICS_SLOWEST]) noexcept {
  json.begin_list("slowest");
  for (const eventide_slowest &entry : slowest) {
    if (!entry.callback) break;
    json.begin_object();
    json.address("callback", entry.callback);
    json.unsigned_number("worst_ns", entry.worst_ns);
    json.unsigned_number("count", entry.count);
    json.unsigned_number("total_ns", entry.total_ns);
    json.end_object();
  }
  json.end_list();
}

void write_metrics(JsonWriter &json, const eventide_metrics &m) noexcept {
  const struct {
    const char *name;
    ev_uint64_t value;
  } numbers[] = {
      {"elapsed_ns", m.elapsed_ns},
      {"iterations", m.iterations},
      {"wait_ns", m.wait_ns},
      {"callbacks", m.callbacks},
      {"callback_ns", m.callback_ns},
      {"reads", m.reads},
      {"writes", m.writes},
      {"closes", m.closes},
      {"signals", m.signals},
      {"timeouts", m.timeouts},
      {"others", m.others},
      {"slow_callbacks", m.slow_callbacks},
      {"timers_due", m.timers_due},
      {"lateness_ns", m.lateness_ns},
      {"worst_lateness_ns", m.worst_lateness_ns},
  };
  json.begin_object("metrics");
  for (const auto &number : numbers) json.unsigned_number(number.name, number.value);
  write_histogram(json, "callback_time", m.callback_time);
  write_histogram(json, "timer_lateness", m.timer_lateness);
  write_slowest(json, m.slowest);
  json.end_object();
}

int count_later(const event_base &base) noexcept {
  int count = 0;
  base.for_each_active(
      [&](const event_callback &cb) { count += (cb.evcb_flags & EVLIST_ACTIVE_LATER) != 0; });
  return count;
}

void write_counts(JsonWriter &json, event_base &base) noexcept {
  json.begin_object("counts");
  json.number("added", base.count_events(EVENT_BASE_COUNT_ADDED));
  json.number("added_max", base.max_events(EVENT_BASE_COUNT_ADDED, false));
  json.number("virtual", base.count_events(EVENT_BASE_COUNT_VIRTUAL));
  json.number("virtual_max", base.max_events(EVENT_BASE_COUNT_VIRTUAL, false));
  json.number("active", base.count_events(EVENT_BASE_COUNT_ACTIVE));
  json.number("active_max", base.max_events(EVENT_BASE_COUNT_ACTIVE, false));
  json.number("next_turn", count_later(base));
  json.end_object();
}

void write_events(JsonWriter &json, event_base &base) noexcept {
  EventList list{json, base.monotonic_now()};
  json.begin_list("events");
  base.for_each_event(write_event, &list);
  json.end_list();
}

void write_active(JsonWriter &json, const event_base &base) noexcept {
  json.begin_list("active");
  base.for_each_active([&](event_callback &cb) { write_active_callback(json, cb); });
  json.end_list();
}

}  // namespace

int dump_json(event_base &base, std::FILE *out) noexcept {
  const LockGuard held(base.lock());
  JsonWriter json(out);
  json.begin_object();
  json.string("method", base.method());
  json.string("signal_method", base.signal_method());
  write_flags(json, "features", kFeatures, base.features());
  json.boolean("running", base.loop_runs());
  json.number("priorities", base.priorities());
  write_counts(json, base);
  write_events(json, base);
  write_active(json, base);
  eventide_metrics metrics;
  if (base.metrics().read(metrics)) {
    write_metrics(json, metrics);
  } else {
    json.null("metrics");
  }
  json.end_object();
  std::fputc('\n', out);
  return std::ferror(out) || std::fflush(out) != 0 ? -1 : 0;
}

}  // namespace evi
