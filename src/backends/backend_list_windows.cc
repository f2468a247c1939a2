// The methods of Windows, in libevent's order: a program gets wepoll by asking for it, or for what it alone
// can. The only file that names them all.
#include "core/backend.h"

namespace evi {

extern const Backend win32_backend;
extern const Backend wepoll_backend;

namespace {

constinit const Backend *const methods[] = {&win32_backend, &wepoll_backend, nullptr};
constinit const char *names[] = {"win32", "wepoll", nullptr};

}  // namespace

const Backend *const *available_backends() noexcept { return methods; }
const char **backend_names() noexcept { return names; }

}  // namespace evi
