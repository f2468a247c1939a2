// Random bytes of POSIX systems: by the system's own call, or from a device file.
#include "util/random.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "util/assert.h"

namespace evi {
namespace {

constexpr const char *kDefaultDevice = "/dev/urandom";

std::atomic<const char *> device_path{kDefaultDevice};
std::atomic<bool> used{false};
// Kept open by init_random() for programs that change their root directory afterwards; -1 otherwise.
std::atomic<int> kept_device{-1};

bool is_char_device(int fd) noexcept {
  struct stat info;
  return fstat(fd, &info) == 0 && S_ISCHR(info.st_mode);
}

int open_device(int mode) noexcept {
  const int fd = open(device_path.load(std::memory_order_relaxed), mode | O_CLOEXEC | O_NOCTTY);
  if (fd >= 0 && !is_char_device(fd)) {
    close(fd);
    errno = ENODEV;
    return -1;
  }
  return fd;
}

bool read_all(int fd, char *out, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t got = read(fd, out, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

// The program may have closed the kept fd, and the fd may have been reused: if it is no character device any
// more, the device is opened by name again.
bool read_device(char *out, std::size_t size) noexcept {
  const int kept = kept_device.load(std::memory_order_relaxed);
  if (kept >= 0 && is_char_device(kept)) return read_all(kept, out, size);
  const int fd = open_device(O_RDONLY);
  if (fd < 0) return false;
  const bool done = read_all(fd, out, size);
  close(fd);
  return done;
}

bool random_bytes_keeping_errno(char *out, std::size_t size) noexcept {
  const std::size_t done = system_random_bytes(out, size);
  EVI_ASSERT(done <= size);
  return done == size || read_device(out + done, size - done);
}

}  // namespace

bool random_bytes(void *out, std::size_t size) noexcept {
  // Read first, so that threads do not contend for its cache line.
  if (!used.load(std::memory_order_relaxed)) used.store(true, std::memory_order_relaxed);
  const int error_before = errno;
  const bool done = random_bytes_keeping_errno(static_cast<char *>(out), size);
  errno = error_before;
  return done;
}

bool init_random() noexcept {
  used.store(true, std::memory_order_relaxed);
  char probe[1];
  if (system_random_bytes(probe, sizeof(probe)) == sizeof(probe)) return true;
  if (!read_device(probe, sizeof(probe))) return false;
  int none = -1;
  const int fd = open_device(O_RDONLY);
  if (fd >= 0 && !kept_device.compare_exchange_strong(none, fd)) close(fd);
  return fd >= 0;
}

bool set_random_device(const char *path) noexcept {
  if (used.load(std::memory_order_relaxed)) return false;
  device_path.store(path ? path : kDefaultDevice, std::memory_order_relaxed);
  return true;
}

// Writing to /dev/urandom mixes the bytes into the kernel's pool without counting them as entropy: random(4).
bool add_random_bytes(const void *data, std::size_t size) noexcept {
  const int fd = open_device(O_WRONLY);
  if (fd < 0) return false;
  const auto *from = static_cast<const char *>(data);
  while (size > 0) {
    const ssize_t taken = write(fd, from, size);
    if (taken < 0 && errno == EINTR) continue;
    if (taken <= 0) break;
    from += taken;
    size -= static_cast<std::size_t>(taken);
  }
  close(fd);
  return size == 0;
}

}  // namespace evi
