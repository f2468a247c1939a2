// Random bytes on Windows: the system's preferred generator, which needs no device and accepts no bytes.
#include <winsock2.h>
// The order matters: winsock2.h comes before windows.h.
#include <windows.h>

#include <bcrypt.h>

#include <algorithm>

#include "util/random.h"

namespace evi {

std::size_t system_random_bytes(char *out, std::size_t size) noexcept {
  constexpr std::size_t kMaxRequest = 1 << 30;
  std::size_t done = 0;
  while (done < size) {
    const std::size_t now = std::min(size - done, kMaxRequest);
    const NTSTATUS status = BCryptGenRandom(nullptr, reinterpret_cast<PUCHAR>(out + done),
                                            static_cast<ULONG>(now), BCRYPT_USE_SYSTEM_PREFERRED_RNG);
    if (status < 0) break;
    done += now;
  }
  return done;
}

bool random_bytes(void *out, std::size_t size) noexcept {
  return system_random_bytes(static_cast<char *>(out), size) == size;
}

bool init_random() noexcept {
  char probe[1];
  return random_bytes(probe, sizeof(probe));
}

// There is no device to replace.
bool set_random_device(const char *) noexcept { return false; }

bool add_random_bytes(const void *, std::size_t) noexcept { return false; }

}  // namespace evi
