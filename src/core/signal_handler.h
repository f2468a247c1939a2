// What systems do differently about signals: the handler that they call, and the lock around the list of
// ports.
//
// signal.cc keeps the list of ports; signal_handler_*.cc is a file per system.
#ifndef EVI_CORE_SIGNAL_HANDLER_H
#define EVI_CORE_SIGNAL_HANDLER_H

#include <sys/types.h>

#include <atomic>

namespace evi {

// Guards the dispositions and every change of the list; never taken by the handler. It exists whether or not
// the program enabled threads for events, since two bases in two threads share the process's signals all the
// same.
void lock_signal_registry() noexcept;
void unlock_signal_registry() noexcept;

// Sees to it that a fork leaves the registry in order, and that forked_generation() counts it. To be called
// before a port is linked or a signal held. False with errno if the system cannot.
bool watch_forks() noexcept;

// How often this process's line of descent was forked since watch_forks(): a base that was made under another
// number shares its kernel objects with the parent process. Forks that bypass the C library's fork() (vfork,
// raw system calls) do not count.
extern constinit std::atomic<unsigned> fork_count;
inline unsigned forked_generation() noexcept { return fork_count.load(std::memory_order_relaxed); }

// Has the handler called for a signal from the first call on; the last release brings back what was there
// before. Both with the registry locked. False with errno if the system refuses.
bool install_signal_handler(int signal) noexcept;
void release_signal_handler(int signal) noexcept;

// Which process a port belongs to; async-signal-safe.
pid_t signal_process() noexcept;

// --- signal.cc ---

// Counts a signal for every base of this process that wants it, and wakes them; async-signal-safe.
void notify_signal_ports(int signal) noexcept;
// Around a fork, the registry locked. The child's copies of the ports belong to the child: they count its
// signals, and none that the parent received; they wake no loop until the base has a waker of its own.
void before_fork() noexcept;
void adopt_ports_in_child(pid_t parent) noexcept;

}  // namespace evi

#endif
