// Systems without overlapped I/O: sockets are served when they are ready.
#include "core/overlapped.h"

namespace evi {

bool open_completion_port(event_base &, void *, CompletionPort *&) noexcept { return true; }
void close_completion_port(CompletionPort *) noexcept {}

const AcceptMethod *accept_method(const event_base &) noexcept { return nullptr; }

}  // namespace evi
