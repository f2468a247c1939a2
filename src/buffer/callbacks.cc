// Callbacks on change: the list, its immediate invocation, and its deferred invocation by a loop.
#include "buffer/callbacks.h"

#include "core/deferred.h"
#include "util/alloc.h"
#include "util/assert.h"

using evi::DeferredChange;

namespace {

void call(evbuffer &buffer, const evbuffer_cb_entry &entry, const evbuffer_cb_info &info) noexcept {
  if (entry.takes_lengths) {
    entry.fn.lengths(&buffer, info.orig_size, info.orig_size + info.n_added - info.n_deleted, entry.arg);
  } else {
    entry.fn.change(&buffer, &info, entry.arg);
  }
}

}  // namespace

// --- the list ---

evbuffer_cb_entry *evbuffer::add_callback(evbuffer_cb_func fn, void *arg) noexcept {
  evbuffer_cb_entry *entry = evi::make<evbuffer_cb_entry>();
  if (!entry) return nullptr;
  if (deferred_ && !callbacks_) deferred_->forget_if_changed(length_);
  entry->fn.change = fn;
  entry->arg = arg;
  entry->next = callbacks_;
  callbacks_ = entry;
  return entry;
}

bool evbuffer::remove_callback(evbuffer_cb_func fn, void *arg) noexcept {
  for (evbuffer_cb_entry *e = callbacks_; e; e = e->next) {
    if (!e->removed && !e->takes_lengths && e->fn.change == fn && e->arg == arg) {
      remove_callback(*e);
      return true;
    }
  }
  return false;
}

void evbuffer::remove_callback(evbuffer_cb_entry &entry) noexcept {
  entry.removed = true;
  has_removed_ = true;
  if (!running_) purge_removed_callbacks();
}

void evbuffer::remove_all_callbacks() noexcept {
  for (evbuffer_cb_entry *e = callbacks_; e; e = e->next) e->removed = true;
  has_removed_ = callbacks_ != nullptr;
  if (!running_) purge_removed_callbacks();
}

bool evbuffer::replace_callbacks(evbuffer_cb fn, void *arg) noexcept {
  remove_all_callbacks();
  if (!fn) return true;
  evbuffer_cb_entry *entry = add_callback(nullptr, arg);
  if (!entry) return false;
  entry->fn.lengths = fn;
  entry->takes_lengths = true;
  return true;
}

void evbuffer::purge_removed_callbacks() noexcept {
  EVI_ASSERT(!running_);
  evbuffer_cb_entry **slot = &callbacks_;
  while (evbuffer_cb_entry *e = *slot) {
    if (e->removed) {
      *slot = e->next;
      evi::destroy(e);
    } else {
      slot = &e->next;
    }
  }
  has_removed_ = false;
}

// --- running ---

// A function of its own, so that the many callers that inline changed() compute no length.
void evbuffer::report_change(std::size_t added, std::size_t deleted) noexcept {
  EVI_ASSERT(length_ + deleted >= added);
  report_change_from(length_ - added + deleted, added, deleted);
}

void evbuffer::report_change_from(std::size_t length_before, std::size_t added,
                                  std::size_t deleted) noexcept {
  if (EVI_UNLIKELY(callbacks_ != nullptr)) {
    deferred_ ? defer_change(added, deleted) : run_callbacks({length_before, added, deleted});
  }
  // Last, since a pair or a filter moves the bytes on at once: the program's callbacks see the add before the
  // drain.
  if (owner_ops_) owner_ops_->changed(*this, added, deleted, owner());
}

// Entries that a callback adds are in front of those being run, and are not run for this change. Entries that
// it removes stay in the list until the outermost run has ended.
void evbuffer::run_callbacks(const evbuffer_cb_info &info) noexcept {
  // Not a counter: a callback that never returns leaves it set.
  const bool inside = running_;
  running_ = true;
  for (evbuffer_cb_entry *e = callbacks_; e; e = e->next) {
    if (e->enabled && !e->removed) call(*this, *e, info);
  }
  running_ = inside;
  if (!running_ && has_removed_) purge_removed_callbacks();
}

// --- deferred invocation ---

bool evbuffer::defer_callbacks(event_base &base) noexcept {
  if (deferred_) {
    deferred_->move_to(base);
  } else {
    deferred_ = DeferredChange::create(*this, base);
  }
  return deferred_ != nullptr;
}

void evbuffer::hold() noexcept {
  if (owner_ops_) {
    owner_ops_->hold(owner());
  } else {
    ++claims_;
  }
}

void evbuffer::defer_change(std::size_t added, std::size_t deleted) noexcept {
  EVI_ASSERT(deferred_);
  deferred_->added += added;
  deferred_->deleted += deleted;
  deferred_->counted_length = length_;
  if (deferred_->pending) return;
  deferred_->pending = true;
  hold();
  evi::deferred_schedule(*deferred_->base, deferred_->callback);
}

namespace evi {

DeferredChange *DeferredChange::create(evbuffer &buffer, event_base &base) noexcept {
  DeferredChange *change = make<DeferredChange>();
  if (!change) return nullptr;
  deferred_init(change->callback, deferred_default_priority(base), run, &buffer);
  change->base = &base;
  change->added = change->deleted = change->counted_length = 0;
  change->pending = false;
  return change;
}

void DeferredChange::destroy(DeferredChange *change) noexcept {
  if (change->pending) deferred_cancel(*change->base, change->callback);
  evi::destroy(change);
}

void DeferredChange::move_to(event_base &other) noexcept {
  if (pending) deferred_cancel(*base, callback);
  base = &other;
  deferred_set_priority(other, callback, deferred_default_priority(other));
  if (pending) deferred_schedule(other, callback);
}

void DeferredChange::forget_if_changed(std::size_t length) noexcept {
  if (counted_length != length) added = deleted = 0;
}

// Thread: the loop's, without locks.
void DeferredChange::run(event_callback *self, void *arg) noexcept {
  evbuffer &buffer = *static_cast<evbuffer *>(arg);
  const BufferOwner *ops;
  void *owner;
  {
    const BufferUse use(buffer);
    ops = buffer.owner_ops_;
    owner = buffer.owner();
    if (!ops) --buffer.claims_;
    if (self) {
      buffer.deferred_->report(buffer);
    } else {
      buffer.deferred_->pending = false;
    }
  }
  if (ops) ops->release(owner);
}

void DeferredChange::report(evbuffer &buffer) noexcept {
  EVI_ASSERT(pending);
  const evbuffer_cb_info info = {buffer.length_ - added + deleted, added, deleted};
  pending = false;
  added = deleted = 0;
  if (!buffer.callbacks_ || (info.n_added == 0 && info.n_deleted == 0)) return;
  EVI_ASSERT(buffer.length_ + info.n_deleted >= info.n_added);
  buffer.run_callbacks(info);
}

}  // namespace evi
