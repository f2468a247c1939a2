// The methods of macOS and the BSDs, best first; the only file that names them all.
#include "core/backend.h"

namespace evi {

extern const Backend kqueue_backend;
extern const Backend poll_backend;
extern const Backend select_backend;

namespace {

constinit const Backend *const methods[] = {&kqueue_backend, &poll_backend, &select_backend, nullptr};
constinit const char *names[] = {"kqueue", "poll", "select", nullptr};

}  // namespace

const Backend *const *available_backends() noexcept { return methods; }
const char **backend_names() noexcept { return names; }

}  // namespace evi
