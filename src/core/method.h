// The method that a base waits with: its table of functions and the state that these work on.
//
// Requires: the base's lock is held, unless nothing but the thread that makes or frees the base can reach it.
#ifndef EVI_CORE_METHOD_H
#define EVI_CORE_METHOD_H

#include "core/backend.h"
#include "util/assert.h"

struct event_config;

namespace evi {

class Method {
 public:
  Method() noexcept = default;
  Method(const Method &) = delete;
  Method &operator=(const Method &) = delete;
  ~Method() { destroy(); }

  // The first of `methods` (ended by null) that the configuration admits and that works here. False, with a
  // log line, if there is none.
  [[nodiscard]] bool choose(BackendHost &host, const event_config &config,
                            const Backend *const *methods) noexcept;
  // Exactly this one. False with errno if it does not work here.
  [[nodiscard]] bool use(BackendHost &host, const Backend &backend) noexcept;
  // From here on there is no state; update() and wait() may not be called.
  void destroy() noexcept {
    if (state_) table_->destroy(state_);
    state_ = nullptr;
  }
  bool has_state() const noexcept { return state_ != nullptr; }

  const Backend &table() const noexcept { return *table_; }
  const char *name() const noexcept { return uses_changelist_ ? table_->changelist_name : table_->name; }
  bool has(int feature) const noexcept { return (table_->features & feature) != 0; }
  bool uses_changelist() const noexcept { return uses_changelist_; }

  // As the table's functions.
  bool update(BackendHost &host, int fd, FdSlot &slot, std::uint8_t wanted) noexcept {
    EVI_ASSERT(state_);
    return table_->update(state_, host, fd, slot, wanted);
  }
  bool wait(BackendHost &host, Nanos timeout) noexcept {
    EVI_ASSERT(state_);
    return table_->wait(state_, host, timeout);
  }
  // Whether wake() can end a wait.
  bool prepare_wake() noexcept { return table_->prepare_wake && table_->prepare_wake(state_); }
  bool wake() noexcept {
    EVI_ASSERT(table_->wake);
    return table_->wake(state_);
  }
  // The port that the method waits at; null if it waits at none.
  void *completion_port() const noexcept {
    return table_->completion_port ? table_->completion_port(state_) : nullptr;
  }

  // Whether the method reports signals, in place of the handler.
  bool reports_signals() const noexcept { return table_->watch_signal != nullptr; }
  bool watch_signal(int signal) noexcept { return table_->watch_signal(state_, signal); }
  void unwatch_signal(int signal) noexcept { table_->unwatch_signal(state_, signal); }

  // Whether the method has a kernel object that a forked child shares with its parent.
  bool is_shared_by_fork() const noexcept { return table_->reopen != nullptr; }
  // Replaces that object by one that watches nothing. False with a log line: then there is none.
  [[nodiscard]] bool reopen() noexcept;
  void disown() noexcept {
    EVI_ASSERT(is_shared_by_fork());
    table_->disown(state_);
  }
  // Whether the kernel has a set that can be asked for the entry of an fd; and whether that has an entry for
  // the file that `fd` refers to.
  bool can_ask_set() const noexcept { return table_->has_entry != nullptr; }
  bool set_has(int fd) const noexcept {
    EVI_ASSERT(can_ask_set());
    return table_->has_entry(state_, fd);
  }
  // Replaces the state by a new one, which watches nothing. False, and the old one is kept, if there is none.
  [[nodiscard]] bool renew(BackendHost &host) noexcept;

 private:
  bool try_methods(BackendHost &host, const event_config &config, const Backend *const *methods,
                   bool (*eligible)(const Backend &) noexcept) noexcept;

  const Backend *table_ = nullptr;
  void *state_ = nullptr;
  bool uses_changelist_ = false;
};

}  // namespace evi

#endif
