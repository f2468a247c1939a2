// The environment of a program that did not change its user on the way, by issetugid(2).
#include <unistd.h>

#include <cstdlib>

#include "core/config.h"

namespace evi {

const char *environment(const char *name) noexcept { return issetugid() ? nullptr : std::getenv(name); }

}  // namespace evi
