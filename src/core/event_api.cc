// The façade of event2/event.h, in the header's order of subjects: library, configuration, base, loop, event.
#include <cstring>

#include "core/config.h"
#include "core/debug_mode.h"
#include "core/dump.h"
#include "core/event_base.h"
#include "event2/event.h"
#include "util/alloc.h"
#include "util/log.h"

using evi::DelMode;

namespace {

EVI_ALWAYS_INLINE bool has_base(const event *ev, const char *function) noexcept {
  if (EVI_LIKELY(ev->ev_base != nullptr)) {
    if (evi::debug::enabled()) evi::debug::check_assigned(*ev, function);
    return true;
  }
  evi::log_warnx("%s: event has no event_base set.", function);
  return false;
}

// For what reads an event's fields and needs no base.
const event *known(const event *ev, const char *function) noexcept {
  if (evi::debug::enabled()) evi::debug::check_assigned(*ev, function);
  return ev;
}

event_base *or_global(event_base *base) noexcept { return base ? base : evi::global_base(); }

}  // namespace

extern "C" {

// --- the library ---

void event_enable_debug_logging(ev_uint32_t which) { evi::set_debug_log_mask(which); }
void event_set_log_callback(event_log_cb cb) { evi::set_log_callback(cb); }
void event_set_fatal_callback(event_fatal_cb cb) { evi::set_fatal_callback(cb); }

void event_set_mem_functions(void *(*malloc_fn)(size_t), void *(*realloc_fn)(void *, size_t),
                             void (*free_fn)(void *)) {
  evi::set_mem_functions(malloc_fn, realloc_fn, free_fn);
}

const char *event_get_version(void) { return LIBEVENT_VERSION; }
ev_uint32_t event_get_version_number(void) { return LIBEVENT_VERSION_NUMBER; }
size_t event_get_struct_event_size(void) { return sizeof(struct event); }
const char **event_get_supported_methods(void) { return evi::backend_names(); }

void event_enable_debug_mode(void) { evi::debug::enable(); }

// Debug mode's table is all that is process-wide and allocated.
void libevent_global_shutdown(void) { evi::debug::shutdown(); }

// --- configuration ---

struct event_config *event_config_new(void) {
  return evi::make<event_config>();
}
void event_config_free(struct event_config *cfg) { evi::destroy(cfg); }

int event_config_avoid_method(struct event_config *cfg, const char *method) {
  return cfg && method && cfg->avoid(method) ? 0 : -1;
}

int event_config_require_features(struct event_config *cfg, int feature) {
  if (!cfg) return -1;
  cfg->required_features = feature;
  return 0;
}

int event_config_set_flag(struct event_config *cfg, int flag) {
  if (!cfg) return -1;
  cfg->flags |= flag;
  return 0;
}

int event_config_set_num_cpus_hint(struct event_config *cfg, int) { return cfg ? 0 : -1; }

int event_config_set_max_dispatch_interval(struct event_config *cfg, const struct timeval *max_interval,
                                           int max_callbacks, int min_priority) {
  if (!cfg) return -1;
  cfg->max_dispatch_interval = max_interval ? evi::to_micros(*max_interval) : -1;
  cfg->max_dispatch_callbacks = max_callbacks >= 0 ? max_callbacks : INT_MAX;
  cfg->limit_from_priority = min_priority > 0 ? min_priority : 0;
  return 0;
}

// --- bases ---

struct event_base *event_base_new(void) {
  return event_base::create(nullptr);
}
struct event_base *event_base_new_with_config(const struct event_config *cfg) {
  return event_base::create(cfg);
}

static void dispose(event_base *base, bool run_finalizers) noexcept {
  base = or_global(base);
  if (!base) {
    evi::log_warnx("event_base_free: no base to free");
    return;
  }
  base->dispose(run_finalizers);
}

void event_base_free(struct event_base *base) { dispose(base, true); }
void event_base_free_nofinalize(struct event_base *base) { dispose(base, false); }
int event_reinit(struct event_base *base) { return base ? base->reinit() : -1; }

const char *event_base_get_method(const struct event_base *base) { return base ? base->method() : nullptr; }
const char *event_base_get_signal_method(const struct event_base *base) {
  return base ? base->signal_method() : nullptr;
}
int event_base_get_features(const struct event_base *base) { return base ? base->features() : 0; }
int event_base_get_num_events(struct event_base *base, unsigned int kinds) {
  return base->count_events(kinds);
}
int event_base_get_max_events(struct event_base *base, unsigned int kinds, int clear) {
  return base->max_events(kinds, clear != 0);
}
int event_base_priority_init(struct event_base *base, int count) {
  const evi::BaseCheck check(base);
  return base->set_priorities(count);
}
int event_base_get_npriorities(struct event_base *base) {
  return or_global(base) ? or_global(base)->priorities() : -1;
}

void event_base_dump_events(struct event_base *base, FILE *out) { evi::dump_events(*base, out); }
int event_base_foreach_event(struct event_base *base, event_base_foreach_event_cb callback, void *arg) {
  return base && callback ? base->for_each_event(callback, arg) : -1;
}
void event_base_active_by_fd(struct event_base *base, evutil_socket_t fd, short what) {
  base->activate_by_fd(static_cast<int>(fd), what);
}
void event_base_active_by_signal(struct event_base *base, int signal) { base->activate_by_signal(signal); }

// --- the loop ---

int event_base_dispatch(struct event_base *base) {
  const evi::BaseCheck check(base);
  return base->loop(0);
}
int event_base_loop(struct event_base *base, int loop_flags) {
  const evi::BaseCheck check(base);
  return base->loop(loop_flags);
}
int event_base_loopexit(struct event_base *base, const struct timeval *tv) {
  return base ? base->loop_exit_after(tv) : -1;
}
int event_base_loopbreak(struct event_base *base) { return base ? base->loop_break() : -1; }
int event_base_loopcontinue(struct event_base *base) { return base ? base->loop_continue() : -1; }
int event_base_got_exit(struct event_base *base) { return base->got_exit(); }
int event_base_got_break(struct event_base *base) { return base->got_break(); }
struct event *event_base_get_running_event(struct event_base *base) {
  return base->running_event();
}

int event_base_gettimeofday_cached(struct event_base *base, struct timeval *tv) {
  base = or_global(base);
  if (base) {
    *tv = base->cached_time_of_day();
    return 0;
  }
  return evutil_gettimeofday(tv, nullptr);
}

int event_base_update_cache_time(struct event_base *base) {
  base = or_global(base);
  if (!base) return -1;
  base->update_cached_time();
  return 0;
}

int event_gettime_monotonic(struct event_base *base, struct timeval *tv) {
  if (!base || !tv) return -1;
  *tv = evi::to_timeval(base->monotonic_now());
  return 0;
}

const struct timeval *event_base_init_common_timeout(struct event_base *base,
                                                     const struct timeval *duration) {
  const evi::BaseCheck check(base);
  return base && duration ? base->init_common_timeout(*duration) : nullptr;
}

// --- events ---

void *event_self_cbarg(void) { return &evi::self_cbarg; }

int event_assign(struct event *ev, struct event_base *base, evutil_socket_t fd, short what,
                 event_callback_fn callback, void *arg) {
  evi::debug::note_in_use();
  return evi::assign_event(*ev, or_global(base), static_cast<int>(fd), what, callback, arg);
}

void event_debug_unassign(struct event *ev) {
  if (evi::debug::enabled()) evi::debug::given_up(*ev, "event_debug_unassign");
  evi::flags(*ev) &= static_cast<short>(~EVLIST_INIT);
}

struct event *event_new(struct event_base *base, evutil_socket_t fd, short what, event_callback_fn callback,
                        void *arg) {
  auto *ev = static_cast<event *>(evi::mm_malloc(sizeof(event)));
  if (!ev) return nullptr;
  if (event_assign(ev, base, fd, what, callback, arg) == 0) return ev;
  if (evi::debug::enabled()) evi::debug::unassigned(*ev);
  evi::mm_free(ev);
  return nullptr;
}

void event_free(struct event *ev) {
  if (!ev) return;
  if (evi::debug::enabled()) evi::debug::check_assigned(*ev, "event_free");
  evi::delete_event(*ev, DelMode::automatic);
  if (evi::debug::enabled()) evi::debug::unassigned(*ev);
  evi::mm_free(ev);
}

int event_finalize(unsigned flags, struct event *ev, event_finalize_callback_fn callback) {
  if (flags != 0 || !has_base(ev, "event_finalize")) return -1;
  const evi::BaseCheck check(ev->ev_base);
  return ev->ev_base->finalize(*ev, callback, false);
}

int event_free_finalize(unsigned flags, struct event *ev, event_finalize_callback_fn callback) {
  if (flags != 0 || !has_base(ev, "event_free_finalize")) return -1;
  const evi::BaseCheck check(ev->ev_base);
  return ev->ev_base->finalize(*ev, callback, true);
}

int event_base_once(struct event_base *base, evutil_socket_t fd, short what, event_callback_fn callback,
                    void *arg, const struct timeval *tv) {
  const evi::BaseCheck check(base);
  return base ? base->once(static_cast<int>(fd), what, callback, arg, tv) : -1;
}

int event_add(struct event *ev, const struct timeval *tv) {
  if (!has_base(ev, "event_add")) return -1;
  const evi::BaseCheck check(ev->ev_base);
  return ev->ev_base->add(*ev, tv);
}

int event_remove_timer(struct event *ev) {
  if (!has_base(ev, "event_remove_timer")) return -1;
  const evi::BaseCheck check(ev->ev_base);
  return ev->ev_base->remove_timer(*ev);
}

int event_del(struct event *ev) {
  return has_base(ev, "event_del") ? evi::delete_event(*ev, DelMode::automatic) : -1;
}
int event_del_block(struct event *ev) {
  return has_base(ev, "event_del_block") ? evi::delete_event(*ev, DelMode::block) : -1;
}
int event_del_noblock(struct event *ev) {
  return has_base(ev, "event_del_noblock") ? evi::delete_event(*ev, DelMode::no_block) : -1;
}

void event_active(struct event *ev, int result, short ncalls) {
  if (!has_base(ev, "event_active")) return;
  const evi::BaseCheck check(ev->ev_base);
  ev->ev_base->activate(*ev, result, ncalls);
}

int event_pending(const struct event *ev, short what, struct timeval *tv) {
  return has_base(ev, "event_pending") ? ev->ev_base->pending(*ev, what, tv) : 0;
}

int event_initialized(const struct event *ev) { return evi::has(*ev, EVLIST_INIT) ? 1 : 0; }

int event_base_set(struct event_base *base, struct event *ev) {
  // Only an event that is in no queue can move.
  if (!base || evi::flags(*ev) != EVLIST_INIT) return -1;
  if (evi::debug::enabled()) evi::debug::check_assigned(*ev, "event_base_set");
  ev->ev_base = base;
  ev->ev_evcallback.evcb_pri = static_cast<ev_uint8_t>(base->default_priority());
  return 0;
}

int event_priority_set(struct event *ev, int priority) {
  // In debug mode the first to ask, also of an event without a base, as libevent is.
  return has_base(known(ev, "event_priority_set"), "event_priority_set")
             ? ev->ev_base->set_priority(*ev, priority)
             : -1;
}

evutil_socket_t event_get_fd(const struct event *ev) { return known(ev, "event_get_fd")->ev_fd; }
struct event_base *event_get_base(const struct event *ev) {
  return known(ev, "event_get_base")->ev_base;
}
short event_get_events(const struct event *ev) { return known(ev, "event_get_events")->ev_events; }
event_callback_fn event_get_callback(const struct event *ev) {
  return known(ev, "event_get_callback")->ev_evcallback.evcb_cb_union.evcb_callback;
}
void *event_get_callback_arg(const struct event *ev) {
  return known(ev, "event_get_callback_arg")->ev_evcallback.evcb_arg;
}
int event_get_priority(const struct event *ev) { return evi::priority(*known(ev, "event_get_priority")); }

void event_get_assignment(const struct event *ev, struct event_base **base, evutil_socket_t *fd, short *what,
                          event_callback_fn *callback, void **arg) {
  static_cast<void>(known(ev, "event_get_assignment"));
  if (base) *base = ev->ev_base;
  if (fd) *fd = ev->ev_fd;
  if (what) *what = ev->ev_events;
  if (callback) *callback = event_get_callback(ev);
  if (arg) *arg = event_get_callback_arg(ev);
}

}  // extern "C"
