// The methods of Solaris and illumos, best first; the only file that names them all.
#include "core/backend.h"

namespace evi {

extern const Backend evport_backend;
extern const Backend devpoll_backend;
extern const Backend poll_backend;
extern const Backend select_backend;

namespace {

constinit const Backend *const methods[] = {&evport_backend, &devpoll_backend, &poll_backend, &select_backend,
                                            nullptr};
constinit const char *names[] = {"evport", "devpoll", "poll", "select", nullptr};

}  // namespace

const Backend *const *available_backends() noexcept { return methods; }
const char **backend_names() noexcept { return names; }

}  // namespace evi
