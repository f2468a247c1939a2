// What a method (epoll, poll, select ...) must offer to the loop: a table of functions, filled by one file
// each.
//
// The loop decides what each descriptor is watched for; the method passes it to the kernel and reports
// readiness through BackendHost::report_ready. All functions are called with the base's lock held.
#ifndef EVI_CORE_BACKEND_H
#define EVI_CORE_BACKEND_H

#include <cstdint>

#include "core/fd_table.h"

namespace evi {

class BackendHost;

inline constexpr Nanos kWaitForever = -1;

struct Backend {
  // As event_base_get_method returns it. EVENT_NO<NAME>, in capitals, keeps it from being chosen.
  const char *name;
  // The name under EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST; null for a method that keeps its interest in our
  // memory.
  const char *changelist_name;
  int features;  // EV_FEATURE_*
  // Whether an update from another thread takes effect in a wait that is under way; else the loop is woken
  // for it.
  bool updates_reach_wait;

  // The method's state, or null if the kernel does not have it or refuses (errno says why).
  void *(*create)(BackendHost &host) noexcept;
  void (*destroy)(void *state) noexcept;

  // Makes the kernel watch `fd` for `wanted` (EV_READ|EV_WRITE|EV_CLOSED|EV_ET|kOneShot, 0 for nothing) in
  // place of slot.armed, and sets slot.armed to what it now watches. False with errno if it cannot; taking
  // interest away never fails, since the descriptor may have been closed. Called with slot.armed itself when
  // an event joins others on the descriptor: after fd reuse the kernel watches nothing. Otherwise the two
  // differ.
  bool (*update)(void *state, BackendHost &host, int fd, FdSlot &slot, std::uint8_t wanted) noexcept;

  // Waits until something is ready or `timeout` passes (kWaitForever: without bound), opening the base's lock
  // meanwhile, and reports what is ready. False with errno on an error that will not go away.
  bool (*wait)(void *state, BackendHost &host, Nanos timeout) noexcept;

  // For a method with a descriptor of its own, which a forked child has to replace; null for all others.
  // reopen closes it, if it is still there, and opens another, which watches nothing. False with errno: then
  // there is none, the calls above fail, and reopen may be called again. disown forgets
  // the descriptor without closing it: the fd refers to another file.
  bool (*reopen)(void *state) noexcept = nullptr;
  void (*disown)(void *state) noexcept = nullptr;
  // Optional: whether the kernel's set has an entry for the very file that `fd` refers to now. Only for the
  // library's own descriptors, which never report errors or hang-ups.
  bool (*has_entry)(void *state, int fd) noexcept = nullptr;

  // Optional, for a kernel that reports signals with everything else: then the method reports them through
  // BackendHost::report_signal, and the handler of core/signal.h only keeps them from killing the process.
  // watch_signal is false with errno if the kernel refuses. All of them null: signals come by the handler.
  bool (*watch_signal)(void *state, int signal) noexcept = nullptr;
  void (*unwatch_signal)(void *state, int signal) noexcept = nullptr;
  const char *signal_name = nullptr;  // as event_base_get_signal_method returns it

  // Optional, for a kernel whose wait can be ended without a descriptor: prepare_wake is called once before
  // the first wake, which then comes from any thread, the lock held; a wait that it ended says so through
  // BackendHost::woken. wake is false, and has logged why, if the kernel refuses: the next notification asks
  // again. If prepare_wake is null or says no, the loop is woken through a core/waker.h.
  bool (*prepare_wake)(void *state) noexcept = nullptr;
  bool (*wake)(void *state) noexcept = nullptr;

  // Optional: the completion port of Windows, a HANDLE, that wait takes reports from; overlapped operations
  // may use it too. The state owns it.
  void *(*completion_port)(void *state) noexcept = nullptr;
};

// The methods of this build in order of preference, ended by null. Defined above, in
// backends/backend_list_*.cc.
const Backend *const *available_backends() noexcept;
// Their names, in the form that event_get_supported_methods hands out.
const char **backend_names() noexcept;

}  // namespace evi

#endif
