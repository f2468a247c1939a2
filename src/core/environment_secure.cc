// The environment of a program, by secure_getenv(3).
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <cstdlib>

#include "core/config.h"

namespace evi {

const char *environment(const char *name) noexcept { return secure_getenv(name); }

}  // namespace evi
