// File descriptors held by the library that the application closed and reused.
#include "util/held_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#ifdef __linux__
#include <sys/epoll.h>
#include <sys/eventfd.h>
#endif

#include "support/events.h"

namespace {

using evi::HeldFd;
using test::Fd;

int new_socket() { return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0); }
bool is_open(int fd) { return fcntl(fd, F_GETFD) != -1; }

// Another file under the same fd.
Fd replace(const HeldFd &held, int by) {
  const Fd closed_here{by};
  return Fd{dup3(by, static_cast<int>(held.get()), O_CLOEXEC)};
}

TEST(HeldFd, close_closes_the_fd) {
  HeldFd held;
  EXPECT_FALSE(held.is_open());
  EXPECT_FALSE(held.is_intact());
  held.reset(new_socket());
  const int fd = static_cast<int>(held.get());
  EXPECT_TRUE(held.is_intact());
  held.close();
  EXPECT_FALSE(held.is_open());
  EXPECT_FALSE(is_open(fd));
}

TEST(HeldFd, closes_the_fd_at_the_end_of_its_scope) {
  int fd = -1;
  {
    HeldFd held;
    held.reset(new_socket());
    fd = static_cast<int>(held.get());
  }
  EXPECT_FALSE(is_open(fd));
}

TEST(HeldFd, reset_replaces_the_fd_and_closes_the_old_one) {
  HeldFd held;
  held.reset(new_socket());
  const int first = static_cast<int>(held.get());
  held.reset(new_socket());
  EXPECT_FALSE(is_open(first));
  EXPECT_TRUE(held.is_intact());
  held.reset(evi::kNoSocket);
  EXPECT_FALSE(held.is_open());
}

TEST(HeldFd, leaves_a_closed_fd_alone) {
  HeldFd held;
  held.reset(new_socket());
  ::close(static_cast<int>(held.get()));
  EXPECT_FALSE(held.is_intact());
  errno = EXDEV;
  held.close();
  EXPECT_EQ(errno, EXDEV);
}

TEST(HeldFd, leaves_an_fd_of_another_file_alone) {
  HeldFd held;
  held.reset(new_socket());
  const Fd other = replace(held, new_socket());
  EXPECT_FALSE(held.is_intact());
  held.close();
  EXPECT_TRUE(is_open(other));
}

TEST(HeldFd, forget_does_not_close_the_fd) {
  HeldFd held;
  held.reset(new_socket());
  const Fd fd{static_cast<int>(held.get())};
  held.forget();
  held.close();
  EXPECT_TRUE(is_open(fd));
}

#ifdef __linux__
// These have one inode: they are distinguished by their flags, and among the library's own by their age.
TEST(HeldFd, distinguishes_objects_without_a_file) {
  const auto is_intact_beside = [](int other_fd) {
    HeldFd held;
    held.reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    const Fd other = replace(held, other_fd);
    const bool intact = held.is_intact();
    held.close();
    EXPECT_TRUE(intact || is_open(other));
    return intact;
  };
  EXPECT_FALSE(is_intact_beside(epoll_create1(EPOLL_CLOEXEC)));
  EXPECT_FALSE(is_intact_beside(eventfd(0, EFD_CLOEXEC)));
  EXPECT_FALSE(is_intact_beside(open("/dev/null", O_RDONLY | O_CLOEXEC)));
  // The limit of detection.
  EXPECT_TRUE(is_intact_beside(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)));
}

TEST(HeldFd, distinguishes_a_later_fd_of_the_library) {
  HeldFd before, after;
  before.reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  Fd again = replace(before, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  after.reset(again.release());
  ASSERT_EQ(before.get(), after.get());
  EXPECT_FALSE(before.is_intact());
  EXPECT_TRUE(after.is_intact());
  before.close();
  EXPECT_TRUE(after.is_intact());
}
#endif

}  // namespace
