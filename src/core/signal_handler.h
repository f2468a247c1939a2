// What systems do differently about signals: the handler they call, and the lock around who is told of one.
//
// signal.cc keeps the list of ports; signal_handler_*.cc is a file per system.
#ifndef EVI_CORE_SIGNAL_HANDLER_H
#define EVI_CORE_SIGNAL_HANDLER_H

#include <sys/types.h>

namespace evi {

// Guards the dispositions and every change of the list; never taken by the handler. It exists whether or not
// the program enabled threads for events, since two bases in two threads share the process's signals all the
// same.
void lock_signal_registry() noexcept;
void unlock_signal_registry() noexcept;

// Before a port is linked or a signal held, the registry locked: sees to it that a fork leaves the registry in
// order. False with errno if the system cannot.
bool prepare_signal_registry() noexcept;

// Has the handler called for a signal from the first call on; the last release brings back what was there
// before. Both with the registry locked. False with errno if the system refuses.
bool install_signal_handler(int signal) noexcept;
void release_signal_handler(int signal) noexcept;

// Which process a port belongs to; async-signal-safe.
pid_t signal_process() noexcept;

// --- signal.cc ---

// Counts a signal for every base of this process that wants it, and wakes them; async-signal-safe.
void tell_signal_ports(int signal) noexcept;
// In a forked child: handlers that run in the parent's other threads are not waited for.
void forget_running_handlers() noexcept;

}  // namespace evi

#endif
