// The process-wide signal handler, and the dispositions it replaced.
#include <cerrno>

#include <pthread.h>
#include <unistd.h>

#include "core/signal.h"
#include "core/signal_handler.h"
#include "util/log.h"

namespace evi {
namespace {

pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;

struct Disposition {
  int bases;  // how many want the signal
  struct sigaction previous;
};

Disposition dispositions[kSignals];
// A child forked amid a handler starts anew.
pid_t registry_process = 0;

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

void note_process() noexcept {
  const pid_t self = getpid();
  if (registry_process == self) return;
  registry_process = self;
  forget_running_handlers();
}

extern "C" void evi_signal_handler(int signal) {
  const int saved_errno = errno;
  tell_signal_ports(signal);
  errno = saved_errno;
}

}  // namespace

void lock_signal_registry() noexcept { pthread_mutex_lock(&registry_mutex); }
void unlock_signal_registry() noexcept { pthread_mutex_unlock(&registry_mutex); }

bool prepare_signal_registry() noexcept {
  note_process();
  return guard_forks();
}

pid_t signal_process() noexcept { return getpid(); }

bool install_signal_handler(int signal) noexcept {
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

void release_signal_handler(int signal) noexcept {
  Disposition &d = dispositions[signal];
  if (--d.bases > 0) return;
  if (sigaction(signal, &d.previous, nullptr) != 0) log_warn("sigaction(%d) to restore", signal);
}

}  // namespace evi
