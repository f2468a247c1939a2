// The list of ports that a signal is told to, and a base's side of it.
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

void deliver(SignalPort &port, int signal) noexcept {
  port.counts[signal].fetch_add(1);
  port.arrived.fetch_or(std::uint64_t{1} << (signal - 1));
  if (port.waiting.load() && !port.notified.exchange(true) && !Waker::wake(port.write_fd.load()))
    port.notified.store(false);
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

void tell_signal_ports(int signal) noexcept {
  const pid_t self = signal_process();
  handlers_running.fetch_add(1);
  for (SignalPort *port = first_port.load(); port; port = port->next.load()) {
    if (port->wanted[signal].load() && port->owner.load() == self) deliver(*port, signal);
  }
  handlers_running.fetch_sub(1);
}

void forget_running_handlers() noexcept { handlers_running.store(0); }

bool SignalSource::open() noexcept {
  if (!waker_.open()) return false;
  const RegistryGuard held;
  if (!prepare_signal_registry()) return false;
  port_.write_fd.store(waker_.write_fd());
  port_.owner.store(signal_process());
  if (!linked_) link_port(port_);
  linked_ = true;
  return true;
}

void SignalSource::close() noexcept {
  for (int signal = 1; signal < kSignals; ++signal) unhold(signal);
  if (linked_) {
    const RegistryGuard held;
    static_cast<void>(prepare_signal_registry());
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
  // Delivery in this process starts only with the new owner, so the old descriptor is not written to
  // meanwhile.
  if (!prepare_signal_registry() || !waker_.open()) return false;
  for (auto &count : port_.counts) count.store(0);
  port_.arrived.store(0);
  port_.write_fd.store(waker_.write_fd());
  port_.owner.store(signal_process());
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

bool SignalSource::hold(int signal) noexcept {
  if (held_[signal]) return true;
  const RegistryGuard held;
  held_[signal] = prepare_signal_registry() && install_signal_handler(signal);
  return held_[signal];
}

void SignalSource::unhold(int signal) noexcept {
  if (!held_[signal]) return;
  const RegistryGuard held;
  release_signal_handler(signal);
  held_[signal] = false;
}

}  // namespace evi
