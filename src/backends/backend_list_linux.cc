// The methods of Linux, best first; the only file that names them all.
#include "core/backend.h"

namespace evi {

extern const Backend epoll_backend;
extern const Backend poll_backend;
extern const Backend select_backend;

namespace {

constinit const Backend *const methods[] = {&epoll_backend, &poll_backend, &select_backend, nullptr};
constinit const char *names[] = {"epoll", "poll", "select", nullptr};

}  // namespace

const Backend *const *available_backends() noexcept { return methods; }
const char **backend_names() noexcept { return names; }

}  // namespace evi
