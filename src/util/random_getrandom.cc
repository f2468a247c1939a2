// The kernel's random bytes by getrandom(2).
#include <sys/random.h>
#include <sys/types.h>

#include <cerrno>

#include "util/random.h"

namespace evi {

// The call is missing before Linux 3.17, and some sandboxes forbid it.
std::size_t system_random_bytes(char *out, std::size_t size) noexcept {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = getrandom(out + done, size - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace evi
