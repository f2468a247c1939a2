// The process-wide handler for what the C run-time library calls signals, its list of ports, and the handlers
// it replaced.
//
// Windows has no signals. The run-time library calls a handler for raise() and abort(), for faults, and, in a
// thread of its own, for Ctrl-C (SIGINT) and Ctrl-Break (SIGBREAK). It forgets the handler with each call.
#include <winsock2.h>
// The order matters: winsock2.h comes before windows.h.
#include <windows.h>

#include <cerrno>

#include "core/signal.h"
#include "thread/lock.h"
#include "util/log.h"
#include "util/static_mutex.h"

namespace evi {
namespace {

// Guards the dispositions and every change of the list; never taken by the handler.
constinit StaticMutex registry;

class RegistryGuard {
 public:
  RegistryGuard() noexcept { registry.lock(); }
  ~RegistryGuard() { registry.unlock(); }
  RegistryGuard(const RegistryGuard &) = delete;
  RegistryGuard &operator=(const RegistryGuard &) = delete;
};

using Handler = void (*)(int);

struct Disposition {
  std::atomic<int> bases;  // how many want the signal
  Handler previous;
};

constinit std::atomic<SignalPort *> first_port{nullptr};
constinit std::atomic<int> handlers_running{0};
Disposition dispositions[kSignals];

void deliver(SignalPort &port, int signal) noexcept {
  port.counts[signal].fetch_add(1);
  port.arrived.fetch_or(std::uint64_t{1} << (signal - 1));
  if (port.waiting.load() && !port.notified.exchange(true)) Waker::wake(port.write_fd.load());
}

extern "C" void evi_signal_handler(int signal);

void handle(int signal) noexcept {
  const int error = errno;
  const DWORD last_error = GetLastError();
  handlers_running.fetch_add(1);
  if (dispositions[signal].bases.load() > 0) ::signal(signal, evi_signal_handler);
  for (SignalPort *port = first_port.load(); port; port = port->next.load()) {
    if (port->wanted[signal].load()) deliver(*port, signal);
  }
  handlers_running.fetch_sub(1);
  SetLastError(last_error);
  errno = error;
}

extern "C" void evi_signal_handler(int signal) { handle(signal); }

void link_port(SignalPort &port) noexcept {
  port.next.store(first_port.load());
  first_port.store(&port);
}

// Returns only when no handler can still see the port.
void unlink_port(SignalPort &port) noexcept {
  std::atomic<SignalPort *> *slot = &first_port;
  while (SignalPort *at = slot->load()) {
    if (at == &port) {
      slot->store(port.next.load());
      break;
    }
    slot = &at->next;
  }
  while (handlers_running.load() != 0) yield_thread();
}

bool install(int signal) noexcept {
  Disposition &d = dispositions[signal];
  if (d.bases.load() == 0) {
    const Handler previous = ::signal(signal, evi_signal_handler);
    if (previous == SIG_ERR) return false;
    d.previous = previous;
  }
  d.bases.fetch_add(1);
  return true;
}

void uninstall(int signal) noexcept {
  Disposition &d = dispositions[signal];
  if (d.bases.fetch_sub(1) > 1) return;
  if (::signal(signal, d.previous) == SIG_ERR) log_warn("signal(%d) to restore", signal);
}

}  // namespace

bool SignalSource::open() noexcept {
  if (!waker_.open()) return false;
  const RegistryGuard held;
  port_.write_fd.store(waker_.write_fd());
  if (!linked_) link_port(port_);
  linked_ = true;
  return true;
}

void SignalSource::close() noexcept {
  for (int signal = 1; signal < kSignals; ++signal) unhold(signal);
  if (linked_) {
    const RegistryGuard held;
    for (int signal = 1; signal < kSignals; ++signal) {
      if (port_.wanted[signal].exchange(false)) uninstall(signal);
    }
    unlink_port(port_);
    linked_ = false;
  }
  waker_.close();
}

// Processes are not forked here: a program that calls event_reinit all the same gets a waker anew.
bool SignalSource::reopen_after_fork() noexcept {
  const RegistryGuard held;
  if (!waker_.open()) return false;
  for (auto &count : port_.counts) count.store(0);
  port_.arrived.store(0);
  port_.write_fd.store(waker_.write_fd());
  return true;
}

bool SignalSource::watch(int signal) noexcept {
  const RegistryGuard held;
  if (port_.wanted[signal].load()) return true;
  port_.wanted[signal].store(true);
  if (install(signal)) return true;
  port_.wanted[signal].store(false);
  return false;
}

void SignalSource::unwatch(int signal) noexcept {
  const RegistryGuard held;
  if (!port_.wanted[signal].load()) return;
  uninstall(signal);
  port_.wanted[signal].store(false);
  port_.counts[signal].store(0);
}

bool SignalSource::hold(int signal) noexcept {
  if (held_[signal]) return true;
  const RegistryGuard held;
  held_[signal] = install(signal);
  return held_[signal];
}

void SignalSource::unhold(int signal) noexcept {
  if (!held_[signal]) return;
  const RegistryGuard held;
  uninstall(signal);
  held_[signal] = false;
}

}  // namespace evi
