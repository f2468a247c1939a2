// The list of ports that a signal is reported to, and a base's side of it.
#include "core/signal.h"

#include "core/signal_handler.h"
#include "thread/lock.h"

namespace evi {
namespace {

class RegistryGuard {
 public:
  RegistryGuard() noexcept { lock_signal_registry(); }
  ~RegistryGuard() { unlock_signal_registry(); }
  RegistryGuard(const RegistryGuard &) = delete;
  RegistryGuard &operator=(const RegistryGuard &) = delete;
};

constinit std::atomic<SignalPort *> first_port{nullptr};
constinit std::atomic<int> handlers_running{0};

constexpr std::uint64_t bit_of(int signal) noexcept { return std::uint64_t{1} << (signal - 1); }

void deliver(SignalPort &port, int signal) noexcept {
  port.counts[signal].fetch_add(1);
  port.arrived.fetch_or(bit_of(signal));
  if (port.waiting.load() && !port.notified.exchange(true) && !Waker::wake(port.write_fd.load()))
    port.notified.store(false);
}

void forget_signals(SignalPort &port) noexcept {
  port.arrived.store(0);
  for (auto &count : port.counts) count.store(0);
}

// What came early, before the port had its owner, is counted now.
void adopt(SignalPort &port) noexcept {
  forget_signals(port);
  port.write_fd.store(-1);
  port.waiting.store(false);
  port.owner.store(signal_process());
  for (std::uint64_t bits = port.early.exchange(0); bits; bits &= bits - 1) {
    deliver(port, std::countr_zero(bits) + 1);
  }
}

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

}  // namespace

void notify_signal_ports(int signal) noexcept {
  const pid_t self = signal_process();
  handlers_running.fetch_add(1);
  for (SignalPort *port = first_port.load(); port; port = port->next.load()) {
    if (!port->wanted[signal].load()) continue;
    if (port->owner.load() == self) {
      deliver(*port, signal);
    } else {
      port->early.fetch_or(bit_of(signal));
    }
  }
  handlers_running.fetch_sub(1);
}

void before_fork() noexcept {
  for (SignalPort *port = first_port.load(); port; port = port->next.load()) port->early.store(0);
}

void adopt_ports_in_child(pid_t parent) noexcept {
  handlers_running.store(0);  // those of the parent's other threads
  for (SignalPort *port = first_port.load(); port; port = port->next.load()) {
    if (port->owner.load() == parent) adopt(*port);
  }
}

bool SignalSource::link() noexcept {
  if (linked_) return true;
  if (!watch_forks()) return false;
  const RegistryGuard held;
  port_.owner.store(signal_process());
  link_port(port_);
  linked_ = true;
  return true;
}

bool SignalSource::open() noexcept {
  if (!waker_.open()) return false;
  port_.write_fd.store(waker_.write_fd());
  return link();
}

// Of a fork that begin_child() did not see: what is known of other threads' handlers is the parent's.
void SignalSource::note_unseen_fork() noexcept {
  if (port_.owner.load() == signal_process()) return;
  handlers_running.store(0);
  forget_signals(port_);
  port_.owner.store(signal_process());
}

void SignalSource::close() noexcept {
  if (linked_) {
    const RegistryGuard held;
    note_unseen_fork();
    for (int signal = 1; signal < kSignals; ++signal) {
      if (port_.wanted[signal].exchange(false)) release_signal_handler(signal);
    }
    unlink_port(port_);
    linked_ = false;
  }
  waker_.close();
}

bool SignalSource::reopen_after_fork() noexcept {
  const RegistryGuard held;
  port_.write_fd.store(-1);
  note_unseen_fork();
  if (!waker_.open()) return false;
  port_.write_fd.store(waker_.write_fd());
  return true;
}

bool SignalSource::watch(int signal) noexcept {
  const RegistryGuard held;
  if (port_.wanted[signal].load()) return true;
  // Wanted first: a signal that arrives right after the handler is there is not lost.
  port_.wanted[signal].store(true);
  if (install_signal_handler(signal)) return true;
  port_.wanted[signal].store(false);
  return false;
}

void SignalSource::unwatch(int signal) noexcept {
  const RegistryGuard held;
  if (!port_.wanted[signal].load()) return;
  release_signal_handler(signal);
  port_.wanted[signal].store(false);
  port_.counts[signal].store(0);
}

bool SignalSource::hold(int signal) noexcept { return link() && watch(signal); }

}  // namespace evi
