// A model of /dev/poll, as poll(7D) describes it, over poll(2).
//
// The set is keyed by fd: an entry outlives the close of its descriptor. Written interest adds to existing
// interest. Where the manual page leaves it open, the model does what is harder for its users: the removal of
// an fd that is not watched fails, entries written before a refused one stay, a wait in progress
// is not notified of changes, and the first of many ready descriptors are the same each time.
#include "models/devpoll/devpoll.h"

#include <fcntl.h>
#include <sys/devpoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "models/closing.h"
#include "models/refuse.h"

namespace {

struct Set {
  const pid_t owner = getpid();
  std::mutex mutex;
  std::map<int, short> entries;

  int take(const pollfd &entry) {
    if (entry.events & POLLREMOVE) return entries.erase(entry.fd) ? 0 : EINVAL;
    if (fcntl(entry.fd, F_GETFD) < 0) return EBADF;
    if (model::refused_additions.strike()) return errno;
    entries[entry.fd] = static_cast<short>(entries[entry.fd] | entry.events);
    return 0;
  }
};

std::mutex sets_mutex;
std::map<int, std::shared_ptr<Set>> &sets() {
  static auto *all = new std::map<int, std::shared_ptr<Set>>;
  return *all;
}

// A forked child may not use its parent's.
std::shared_ptr<Set> set_of(int fd) {
  const std::lock_guard held(sets_mutex);
  const auto at = sets().find(fd);
  errno = EACCES;
  return at != sets().end() && at->second->owner == getpid() ? at->second : nullptr;
}

}  // namespace

void model::devpoll_closing(int fd) {
  const std::lock_guard held(sets_mutex);
  sets().erase(fd);
}

extern "C" int devpoll_open(const char *path, int flags, ...) {
  if (std::strcmp(path, "/dev/poll") != 0) return open(path, flags);
  if (model::refuse_with) return errno = model::refuse_with, -1;
  const int fd = eventfd(0, EFD_CLOEXEC);
  if (fd < 0) return -1;
  const std::lock_guard held(sets_mutex);
  sets()[fd] = std::make_shared<Set>();
  return fd;
}

extern "C" ssize_t devpoll_write(int fd, const void *data, size_t size) {
  const auto set = set_of(fd);
  if (!set) return -1;
  if (size % sizeof(pollfd) != 0) return errno = EINVAL, -1;
  const std::lock_guard held(set->mutex);
  const auto *entries = static_cast<const pollfd *>(data);
  for (size_t i = 0; i < size / sizeof(pollfd); ++i) {
    if (const int error = set->take(entries[i])) return errno = error, -1;
  }
  return static_cast<ssize_t>(size);
}

extern "C" int devpoll_ioctl(int fd, unsigned long request, ...) noexcept {
  va_list ap;
  va_start(ap, request);
  const auto *wait = va_arg(ap, dvpoll_t *);
  va_end(ap);
  const auto set = set_of(fd);
  if (!set) return -1;
  if (request != DP_POLL || wait->dp_nfds > static_cast<nfds_t>(sysconf(_SC_OPEN_MAX)))
    return errno = EINVAL, -1;
  std::vector<pollfd> watched;
  {
    const std::lock_guard held(set->mutex);
    for (const auto &[number, events] : set->entries) watched.push_back({number, events, 0});
  }
  if (poll(watched.data(), watched.size(), wait->dp_timeout) < 0) return -1;
  int reported = 0;
  for (const pollfd &entry : watched) {
    if (entry.revents && reported < static_cast<int>(wait->dp_nfds)) wait->dp_fds[reported++] = entry;
  }
  return reported;
}
