// A method whose kernel is the test: it records the interest it is given, and each wait follows the script.
//
//   test::FakeClock clock;
//   test::ScriptBackend script{&clock};
//   auto base = test::make_base(clock, script);
//   script.on_wait = [&](evi::Micros timeout) { script.ready(fd, EV_READ); };
#ifndef EVENTIDE_TEST_SUPPORT_SCRIPT_BACKEND_H
#define EVENTIDE_TEST_SUPPORT_SCRIPT_BACKEND_H

#include <cerrno>
#include <functional>
#include <utility>
#include <vector>

#include "core/event_base.h"
#include "support/fake_clock.h"
#include "util/socket.h"

namespace test {

// One base at a time, made while this is the latest of its kind.
struct ScriptBackend : evi::Backend {
  static constexpr evi::Micros kForever = -1;

  struct Update {
    int fd;
    int wanted;  // EV_* and evi::kOneShot
    bool operator==(const Update &) const = default;
  };

  // With a clock, a wait without a script lets its whole timeout pass.
  explicit ScriptBackend(FakeClock *clock = nullptr) : evi::Backend{}, clock_(clock) {
    name = "script";
    this->features = EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_FDS | EV_FEATURE_EARLY_CLOSE;
    updates_reach_wait = true;
    create = [](evi::BackendHost &) noexcept -> void * {
      return latest()->refuse_to_start ? nullptr : latest();
    };
    destroy = [](void *self) noexcept { static_cast<ScriptBackend *>(self)->destroyed = true; };
    update = [](void *self, evi::BackendHost &, int fd, evi::FdSlot &slot, std::uint8_t wanted) noexcept {
      return static_cast<ScriptBackend *>(self)->note_update(fd, slot, wanted);
    };
    wait = [](void *self, evi::BackendHost &host, evi::Nanos timeout) noexcept {
      return static_cast<ScriptBackend *>(self)->run_wait(host, timeout);
    };
    latest() = this;
  }
  ScriptBackend(const ScriptBackend &) = delete;
  ScriptBackend &operator=(const ScriptBackend &) = delete;

  // Runs in each wait, the base's lock open; the timeout is kForever or in microseconds.
  std::function<void(evi::Micros timeout)> on_wait;
  // Reported at the end of the wait that is running, or of the next.
  void ready(int fd, short what) { reports_.emplace_back(fd, what); }

  // Whether the next updates that ask for something, the next waits, and the creation of a base fail.
  int fail_updates = 0;
  // The one of those updates that fails, counted from 1; 0 for none. Counts down.
  int fail_update_at = 0;
  int fail_waits = 0;
  bool refuse_to_start = false;

  std::vector<Update> updates;
  std::vector<evi::Micros> waits;
  bool destroyed = false;
  bool failed_update = false;

 private:
  static ScriptBackend *&latest() {
    static ScriptBackend *instance = nullptr;
    return instance;
  }

  bool note_update(int fd, evi::FdSlot &slot, std::uint8_t wanted) {
    updates.push_back({fd, wanted});
    if (wanted && (fail_updates > 0 || (fail_update_at > 0 && --fail_update_at == 0))) {
      if (fail_updates > 0) --fail_updates;
      failed_update = true;
      errno = EPERM;
      evi::set_socket_error(evi::kNotPermitted);
      return false;
    }
    slot.armed = wanted;
    slot.registered = wanted != 0;
    return true;
  }

  bool run_wait(evi::BackendHost &host, evi::Nanos timeout) EVI_NO_THREAD_SAFETY_ANALYSIS {
    const evi::Micros micros = timeout < 0 ? kForever : timeout / 1000;
    waits.push_back(micros);
    if (fail_waits > 0) {
      --fail_waits;
      errno = EBADF;
      return false;
    }
    if (on_wait) {
      const evi::Unlocked open(host.lock());
      on_wait(micros);
    } else if (micros == kForever && reports_.empty()) {
      errno = EDEADLK;  // nothing could ever happen: the test ends instead
      return false;
    } else if (clock_ && micros > 0 && reports_.empty()) {
      clock_->t += micros;
    }
    for (const auto &[fd, what] : std::exchange(reports_, {})) {
      host.report_ready(fd, what);
      // As a method does: a one-shot entry is disarmed by its report.
      if (host.fds().contains(fd) && (host.fds()[fd].armed & evi::kOneShot)) host.fds()[fd].armed = 0;
    }
    return true;
  }

  FakeClock *clock_;
  std::vector<std::pair<int, short>> reports_;
};

}  // namespace test

#endif
