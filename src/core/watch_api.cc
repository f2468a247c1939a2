// The façade of event2/watch.h, but for what a prepare callback asks about its wait (watchers.cc).
#include "core/event_base.h"
#include "event2/watch.h"
#include "util/alloc.h"

extern "C" {

struct event_base *evwatch_base(struct evwatch *watcher) {
  return watcher->base;
}

struct evwatch *evwatch_prepare_new(struct event_base *base, evwatch_prepare_cb callback, void *arg) {
  if (!base || !callback) return nullptr;
  auto *watch = evi::make<evwatch>();
  if (!watch) return nullptr;
  watch->base = base;
  watch->is_check = false;
  watch->callback.prepare = callback;
  watch->arg = arg;
  base->watchers().add(*watch);
  return watch;
}

struct evwatch *evwatch_check_new(struct event_base *base, evwatch_check_cb callback, void *arg) {
  if (!base || !callback) return nullptr;
  auto *watch = evi::make<evwatch>();
  if (!watch) return nullptr;
  watch->base = base;
  watch->is_check = true;
  watch->callback.check = callback;
  watch->arg = arg;
  base->watchers().add(*watch);
  return watch;
}

void evwatch_free(struct evwatch *watcher) {
  if (!watcher) return;
  watcher->base->watchers().remove(*watcher);
  evi::destroy(watcher);
}

}  // extern "C"
