// The environment of a program. Windows knows no programs that run with another user's rights than their
// caller's.
#include <cstdlib>

#include "core/config.h"

namespace evi {

const char *environment(const char *name) noexcept { return std::getenv(name); }

}  // namespace evi
