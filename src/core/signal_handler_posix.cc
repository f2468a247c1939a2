// The process-wide signal handler, and the dispositions it replaced.
#include <cerrno>

#include <pthread.h>
#include <unistd.h>

#include <atomic>

#include "core/signal.h"
#include "core/signal_handler.h"
#include "util/log.h"

namespace evi {

constinit std::atomic<unsigned> fork_count{0};

namespace {

pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;

struct Disposition {
  int bases;  // how many want the signal
  struct sigaction previous;
};

Disposition dispositions[kSignals];
pid_t forking_process = 0;

// A child forked while another thread is at the registry would find it locked for ever, and half changed.
void prepare_fork() noexcept {
  pthread_mutex_lock(&registry_mutex);
  forking_process = getpid();
  before_fork();
}

void after_fork() noexcept { pthread_mutex_unlock(&registry_mutex); }

void begin_child() noexcept {
  fork_count.fetch_add(1, std::memory_order_relaxed);
  adopt_ports_in_child(forking_process);
  pthread_mutex_unlock(&registry_mutex);
}

extern "C" void evi_signal_handler(int signal) {
  const int saved_errno = errno;
  notify_signal_ports(signal);
  errno = saved_errno;
}

}  // namespace

void lock_signal_registry() noexcept { pthread_mutex_lock(&registry_mutex); }
void unlock_signal_registry() noexcept { pthread_mutex_unlock(&registry_mutex); }

bool watch_forks() noexcept {
  constinit static bool watched = false;
  pthread_mutex_lock(&registry_mutex);
  int error = 0;
  if (!watched) error = pthread_atfork(prepare_fork, after_fork, begin_child);
  watched = watched || error == 0;
  pthread_mutex_unlock(&registry_mutex);
  if (error) errno = error;
  return error == 0;
}

pid_t signal_process() noexcept { return getpid(); }

bool install_signal_handler(int signal) noexcept {
  Disposition &d = dispositions[signal];
  if (d.bases == 0) {
    struct sigaction action {};
    action.sa_handler = evi_signal_handler;
    // Hosts that run threads on small stacks (Go, coroutines) require the alternate one; without one the flag
    // has no effect.
    action.sa_flags = SA_RESTART | SA_ONSTACK;
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
