// The methods of Windows, best first; the only file that names them all.
#include "core/backend.h"

namespace evi {

extern const Backend win32_backend;

namespace {

constinit const Backend *const methods[] = {&win32_backend, nullptr};
constinit const char *names[] = {"win32", nullptr};

}  // namespace

const Backend *const *available_backends() noexcept { return methods; }
const char **backend_names() noexcept { return names; }

}  // namespace evi
