// The process-wide signal handler, its list of ports, and the dispositions it replaced.
#include <cerrno>

#include <pthread.h>
#include <unistd.h>

#include "core/signal.h"
#include "thread/lock.h"
#include "util/log.h"

namespace evi {
namespace {

// Guards the dispositions and every change of the list; never taken by the handler. It exists whether or not
// the program enabled threads for events, since two bases in two threads share the process's signals all the
// same.
pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;

class RegistryGuard {
 public:
  RegistryGuard() noexcept { pthread_mutex_lock(&registry_mutex); }
  ~RegistryGuard() { pthread_mutex_unlock(&registry_mutex); }
  RegistryGuard(const RegistryGuard &) = delete;
  RegistryGuard &operator=(const RegistryGuard &) = delete;
};

struct Disposition {
  int bases;  // how many want the signal
  struct sigaction previous;
};

// A child forked while another thread is at the registry would find it locked for ever, and half changed.
bool guard_forks() noexcept {
  constinit static bool guarded = false;
  if (!guarded) {
    guarded = pthread_atfork([] { pthread_mutex_lock(&registry_mutex); },
                             [] { pthread_mutex_unlock(&registry_mutex); },
                             [] { pthread_mutex_unlock(&registry_mutex); }) == 0;
    if (!guarded) errno = ENOMEM;
  }
  return guarded;
}

constinit std::atomic<SignalPort *> first_port{nullptr};
constinit std::atomic<int> handlers_running{0};
Disposition dispositions[kSignals];
// handlers_running counts the threads of one process; a child forked amid a handler starts anew.
pid_t registry_process = 0;

void note_process() noexcept {
  const pid_t self = getpid();
  if (registry_process == self) return;
  registry_process = self;
  handlers_running.store(0);
}

void deliver(SignalPort &port, int signal) noexcept {
  port.counts[signal].fetch_add(1);
  port.arrived.fetch_or(std::uint64_t{1} << (signal - 1));
  if (port.waiting.load() && !port.notified.exchange(true)) Waker::wake(port.write_fd.load());
}

void handle(int signal) noexcept {
  const int saved_errno = errno;
  const pid_t self = getpid();
  handlers_running.fetch_add(1);
  for (SignalPort *port = first_port.load(); port; port = port->next.load()) {
    if (port->wanted[signal].load() && port->owner.load() == self) deliver(*port, signal);
  }
  handlers_running.fetch_sub(1);
  errno = saved_errno;
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
  if (d.bases == 0) {
    struct sigaction action {};
    action.sa_handler = evi_signal_handler;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    if (sigaction(signal, &action, &d.previous) != 0) return false;
  }
  ++d.bases;
  return true;
}

void uninstall(int signal) noexcept {
  Disposition &d = dispositions[signal];
  if (--d.bases > 0) return;
  if (sigaction(signal, &d.previous, nullptr) != 0) log_warn("sigaction(%d) to restore", signal);
}

}  // namespace

bool SignalSource::open() noexcept {
  if (!waker_.open()) return false;
  const RegistryGuard held;
  if (!guard_forks()) return false;
  note_process();
  port_.write_fd.store(waker_.write_fd());
  port_.owner.store(getpid());
  if (!linked_) link_port(port_);
  linked_ = true;
  return true;
}

void SignalSource::close() noexcept {
  for (int signal = 1; signal < kSignals; ++signal) unhold(signal);
  if (linked_) {
    const RegistryGuard held;
    note_process();
    for (int signal = 1; signal < kSignals; ++signal) {
      if (port_.wanted[signal].exchange(false)) uninstall(signal);
    }
    unlink_port(port_);
    linked_ = false;
  }
  waker_.close();
}

bool SignalSource::reopen_after_fork() noexcept {
  const RegistryGuard held;
  note_process();
  // Delivery in this process starts only with the new owner, so the old descriptor is not written to
  // meanwhile.
  if (!waker_.open()) return false;
  for (auto &count : port_.counts) count.store(0);
  port_.arrived.store(0);
  port_.write_fd.store(waker_.write_fd());
  port_.owner.store(getpid());
  return true;
}

bool SignalSource::watch(int signal) noexcept {
  const RegistryGuard held;
  if (port_.wanted[signal].load()) return true;
  // Wanted first: a signal that arrives right after sigaction is not lost.
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
  if (!guard_forks()) return false;
  note_process();
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
