// Asking POSIX whether a number is an open descriptor.
#include <fcntl.h>

#include "core/fd_table.h"

namespace evi {

bool descriptor_is_open(int fd) noexcept { return fcntl(fd, F_GETFD) != -1; }

}  // namespace evi
