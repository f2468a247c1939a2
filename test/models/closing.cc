// close(), dup2() and dup3() of a program with modelled kernels: they stand before the C library's.
#include "models/closing.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

namespace {

template <typename Fn>
Fn next(const char *name) {
  return reinterpret_cast<Fn>(dlsym(RTLD_NEXT, name));
}

void closing(int fd) {
  model::kqueue_closing(fd);
  model::port_closing(fd);
  model::devpoll_closing(fd);
}

}  // namespace

int model::real_close(int fd) {
  static const auto real = next<int (*)(int)>("close");
  return real(fd);
}

extern "C" int close(int fd) {
  closing(fd);
  return model::real_close(fd);
}

extern "C" int dup2(int from, int to) noexcept {
  static const auto real = next<int (*)(int, int)>("dup2");
  if (from != to && fcntl(from, F_GETFD) != -1) closing(to);
  return real(from, to);
}

extern "C" int dup3(int from, int to, int flags) noexcept {
  static const auto real = next<int (*)(int, int, int)>("dup3");
  if (from != to && fcntl(from, F_GETFD) != -1) closing(to);
  return real(from, to, flags);
}
