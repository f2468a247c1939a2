// The process-wide handler for what the C run-time library calls signals, and the handlers it replaced.
//
// Windows has no signals. The run-time library calls a handler for raise() and abort(), for faults, and, in a
// thread of its own, for Ctrl-C (SIGINT) and Ctrl-Break (SIGBREAK). It forgets the handler with each call.
#include <winsock2.h>
// The order matters: winsock2.h comes before windows.h.
#include <windows.h>

#include <cerrno>

#include "core/signal.h"
#include "core/signal_handler.h"
#include "util/log.h"
#include "util/static_mutex.h"

namespace evi {

constinit std::atomic<unsigned> fork_count{0};

namespace {

constinit StaticMutex registry;

using Handler = void (*)(int);

struct Disposition {
  std::atomic<int> bases;  // how many want the signal
  Handler previous;
};

Disposition dispositions[kSignals];

extern "C" void evi_signal_handler(int signal) {
  const int error = errno;
  const DWORD last_error = GetLastError();
  if (dispositions[signal].bases.load() > 0) ::signal(signal, evi_signal_handler);
  notify_signal_ports(signal);
  SetLastError(last_error);
  errno = error;
}

}  // namespace

void lock_signal_registry() noexcept { registry.lock(); }
void unlock_signal_registry() noexcept { registry.unlock(); }

// Processes are not forked here.
bool watch_forks() noexcept { return true; }
pid_t signal_process() noexcept { return 1; }

bool install_signal_handler(int signal) noexcept {
  Disposition &d = dispositions[signal];
  if (d.bases.load() == 0) {
    const Handler previous = ::signal(signal, evi_signal_handler);
    if (previous == SIG_ERR) return false;
    d.previous = previous;
  }
  d.bases.fetch_add(1);
  return true;
}

void release_signal_handler(int signal) noexcept {
  Disposition &d = dispositions[signal];
  if (d.bases.fetch_sub(1) > 1) return;
  if (::signal(signal, d.previous) == SIG_ERR) log_warn("signal(%d) to restore", signal);
}

}  // namespace evi
