#include "util/socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "support/descriptor_limit.h"
#include "util/log.h"
#include "util/socket_pair.h"

namespace {

using evi::Socket;

std::vector<std::string> warnings;
void keep_warning(int, const char *message) { warnings.emplace_back(message); }

// Closes at the end of its scope.
class Fd {
 public:
  explicit Fd(Socket fd) : fd_(fd) {}
  Fd(const Fd &) = delete;
  Fd &operator=(const Fd &) = delete;
  ~Fd() {
    if (fd_ != evi::kNoSocket) evi::close_socket(fd_);
  }
  operator Socket() const { return fd_; }

 private:
  Socket fd_;
};

class SocketTest : public testing::Test {
 protected:
  void SetUp() override {
    warnings.clear();
    evi::set_log_callback(keep_warning);
  }
  void TearDown() override { evi::set_log_callback(nullptr); }
};

bool is_nonblocking(int fd) { return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }
bool is_cloexec(int fd) { return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof(value);
  EXPECT_EQ(getsockopt(fd, level, name, &value, &length), 0);
  return value;
}

// Bound to a free port of the loopback interface; `address` receives it.
Socket listening(sockaddr_in &address, evi::SocketFlags flags = evi::kBlocking) {
  const Socket fd = evi::open_socket(AF_INET, SOCK_STREAM, 0, flags);
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr *>(&address), length), 0);
  EXPECT_EQ(listen(fd, 8), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr *>(&address), &length), 0);
  return fd;
}

TEST_F(SocketTest, new_flags_are_added_to_existing_flags) {
  const Fd fd{socket(AF_INET, SOCK_STREAM, 0)};
  const int before = fcntl(fd, F_GETFL);
  EXPECT_TRUE(evi::set_nonblocking(fd));
  EXPECT_EQ(fcntl(fd, F_GETFL), before | O_NONBLOCK);
  EXPECT_TRUE(evi::set_nonblocking(fd));
  EXPECT_TRUE(evi::set_closeonexec(fd));
  EXPECT_TRUE(is_cloexec(fd));
  EXPECT_TRUE(warnings.empty());
}

TEST_F(SocketTest, setting_flags_on_an_invalid_fd_fails_with_a_warning) {
  EXPECT_FALSE(evi::set_nonblocking(-1));
  EXPECT_FALSE(evi::set_closeonexec(-1));
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_EQ(warnings[0], "fcntl(-1, F_GETFL): Bad file descriptor");
  EXPECT_EQ(warnings[1], "fcntl(-1, F_GETFD): Bad file descriptor");
}

TEST_F(SocketTest, options_of_listening_sockets_reach_the_kernel) {
  const Fd fd{evi::open_socket(AF_INET, SOCK_STREAM, 0, evi::kCloseOnExec)};
  EXPECT_TRUE(evi::set_reuseable(fd));
  EXPECT_EQ(option(fd, SOL_SOCKET, SO_REUSEADDR), 1);
  EXPECT_TRUE(evi::set_reuseable_port(fd));
  EXPECT_TRUE(evi::set_deferred_accept(fd));
#ifdef __linux__
  EXPECT_EQ(option(fd, SOL_SOCKET, SO_REUSEPORT), 1);
  EXPECT_GT(option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
#endif
}

TEST_F(SocketTest, ipv6only_can_be_set_and_cleared_and_fails_on_ipv4) {
  const Fd v4{evi::open_socket(AF_INET, SOCK_STREAM, 0, evi::kCloseOnExec)};
  EXPECT_FALSE(evi::set_ipv6only(v4, true));
  const Fd fd{evi::open_socket(AF_INET6, SOCK_STREAM, 0, evi::kCloseOnExec)};
  if (fd == evi::kNoSocket) GTEST_SKIP() << "no IPv6 here";
  EXPECT_TRUE(evi::set_ipv6only(fd, true));
  EXPECT_EQ(option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
  EXPECT_TRUE(evi::set_ipv6only(fd, false));
  EXPECT_EQ(option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 0);
}

TEST_F(SocketTest, options_fail_on_an_invalid_fd_or_another_kind_of_socket) {
  EXPECT_FALSE(evi::set_reuseable(-1));
  EXPECT_FALSE(evi::set_ipv6only(-1, true));
  EXPECT_FALSE(evi::set_keepalive(-1, true, 10));
#ifdef __linux__
  EXPECT_FALSE(evi::set_reuseable_port(-1));
  EXPECT_FALSE(evi::set_deferred_accept(-1));
  const Fd path{socket(AF_UNIX, SOCK_STREAM, 0)};
  EXPECT_FALSE(evi::set_deferred_accept(path));
#endif
}

#ifdef __linux__
TEST_F(SocketTest, keepalive_intervals_add_up_to_about_the_timeout) {
  const Fd fd{evi::open_socket(AF_INET, SOCK_STREAM, 0, evi::kCloseOnExec)};
  for (const int timeout : {1, 2, 3, 10, 60, 300, 7200}) {
    SCOPED_TRACE(timeout);
    ASSERT_TRUE(evi::set_keepalive(fd, true, timeout));
    EXPECT_EQ(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    const int total = option(fd, IPPROTO_TCP, TCP_KEEPIDLE) +
                      option(fd, IPPROTO_TCP, TCP_KEEPINTVL) * option(fd, IPPROTO_TCP, TCP_KEEPCNT);
    EXPECT_LE(std::abs(total - timeout), 3);
  }
  EXPECT_TRUE(evi::set_keepalive(fd, false, 0));
  EXPECT_EQ(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
}
#endif

TEST_F(SocketTest, keepalive_rejects_a_timeout_of_zero) {
  const Fd fd{evi::open_socket(AF_INET, SOCK_STREAM, 0, evi::kCloseOnExec)};
  for (const int timeout : {0, -1}) {
    EXPECT_FALSE(evi::set_keepalive(fd, true, timeout));
    EXPECT_EQ(evi::last_socket_error(), EINVAL);
    EXPECT_EQ(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
  }
}

TEST_F(SocketTest, new_sockets_have_the_requested_flags) {
  for (unsigned bits = 0; bits < 4; ++bits) {
    const auto flags = static_cast<evi::SocketFlags>(bits);
    const Fd fd{evi::open_socket(AF_INET, SOCK_STREAM, 0, flags)};
    ASSERT_NE(fd, evi::kNoSocket);
    EXPECT_EQ(is_nonblocking(fd), (bits & evi::kNonblocking) != 0);
    EXPECT_EQ(is_cloexec(fd), (bits & evi::kCloseOnExec) != 0);
  }
  EXPECT_EQ(evi::open_socket(-1, SOCK_STREAM, 0, evi::kBlocking), evi::kNoSocket);
}

TEST_F(SocketTest, accepted_sockets_have_the_requested_flags) {
  sockaddr_in address;
  const Fd listener{listening(address)};
  for (unsigned bits = 0; bits < 4; ++bits) {
    const Fd client{evi::open_socket(AF_INET, SOCK_STREAM, 0, evi::kCloseOnExec)};
    ASSERT_EQ(connect(client, reinterpret_cast<sockaddr *>(&address), sizeof(address)), 0);
    sockaddr_in peer{};
    socklen_t length = sizeof(peer);
    const Fd fd{
        evi::accept_nonblocking(listener, reinterpret_cast<sockaddr *>(&peer), &length, bits & 1, bits & 2)};
    ASSERT_NE(fd, evi::kNoSocket);
    EXPECT_EQ(is_nonblocking(fd), (bits & 1) != 0);
    EXPECT_EQ(is_cloexec(fd), (bits & 2) != 0);
    EXPECT_EQ(peer.sin_family, AF_INET);
  }
}

TEST_F(SocketTest, accept_without_an_address_reports_would_block) {
  sockaddr_in address;
  const Fd listener{listening(address, evi::kNonblocking)};
  EXPECT_EQ(evi::accept_socket(listener, nullptr, nullptr, evi::kNonblocking), evi::kNoSocket);
  EXPECT_TRUE(evi::would_block(evi::last_socket_error()));
  EXPECT_TRUE(evi::accept_retriable(evi::last_socket_error()));
}

TEST_F(SocketTest, accept_reports_running_out_of_descriptors) {
  sockaddr_in address;
  const Fd listener{listening(address)};
  const Fd client{evi::open_socket(AF_INET, SOCK_STREAM, 0, evi::kCloseOnExec)};
  ASSERT_EQ(connect(client, reinterpret_cast<sockaddr *>(&address), sizeof(address)), 0);
  Socket fd = -5;
  int error = 0;
  {
    const test::DescriptorLimit none(0);
    fd = evi::accept_socket(listener, nullptr, nullptr, evi::kNonblocking);
    error = evi::last_socket_error();
  }
  EXPECT_EQ(fd, evi::kNoSocket);
  EXPECT_TRUE(evi::out_of_descriptors(error));
  EXPECT_FALSE(evi::accept_retriable(error));
}

TEST_F(SocketTest, a_refused_connect_is_reported_once) {
  sockaddr_in address;
  { const Fd closed{listening(address)}; }
  const Fd fd{evi::open_socket(AF_INET, SOCK_STREAM, 0, evi::kCloseOnExec)};
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof(address)), -1);
  EXPECT_TRUE(evi::connect_refused(evi::last_socket_error()));
  const Fd later{evi::open_socket(AF_INET, SOCK_STREAM, 0, evi::kNonblocking | evi::kCloseOnExec)};
  if (connect(later, reinterpret_cast<sockaddr *>(&address), sizeof(address)) == -1 &&
      evi::connect_in_progress(evi::last_socket_error())) {
    EXPECT_EQ(evi::pending_socket_error(later), ECONNREFUSED);
  }
  EXPECT_EQ(evi::pending_socket_error(later), 0);
  EXPECT_EQ(evi::pending_socket_error(-1), EBADF);
}

TEST_F(SocketTest, errors_are_classified) {
  EXPECT_TRUE(evi::would_block(EAGAIN));
  EXPECT_TRUE(evi::would_block(EWOULDBLOCK));
  EXPECT_FALSE(evi::would_block(EINTR));
  EXPECT_TRUE(evi::interrupted(EINTR));
  EXPECT_TRUE(evi::rw_retriable(EINTR));
  EXPECT_TRUE(evi::rw_retriable(EAGAIN));
  EXPECT_TRUE(evi::connect_in_progress(EINPROGRESS));
  EXPECT_TRUE(evi::connect_in_progress(EINTR));
  for (const int error : {EINTR, ECONNABORTED, EPROTO, ENETDOWN, EHOSTUNREACH}) {
    EXPECT_TRUE(evi::accept_retriable(error)) << error;
  }
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    EXPECT_TRUE(evi::out_of_descriptors(error)) << error;
    EXPECT_FALSE(evi::accept_retriable(error)) << error;
  }
  for (const int error : {0, EBADF, ECONNRESET, EPIPE, EINVAL}) {
    EXPECT_FALSE(evi::rw_retriable(error)) << error;
    EXPECT_FALSE(evi::accept_retriable(error)) << error;
    EXPECT_FALSE(evi::out_of_descriptors(error)) << error;
    EXPECT_FALSE(evi::connect_in_progress(error)) << error;
  }
}

TEST_F(SocketTest, closing_an_invalid_fd_is_an_error) { EXPECT_EQ(evi::close_socket(-1), -1); }

// --- pairs ---

void expect_connected(int from, int to) {
  ASSERT_EQ(write(from, "ping", 4), 4);
  char got[8];
  ASSERT_EQ(read(to, got, sizeof(got)), 4);
  EXPECT_EQ(std::string(got, 4), "ping");
}

int count_descriptors() {
  int open = 0;
  for (int fd = 0; fd < 256; ++fd) open += fcntl(fd, F_GETFD) != -1;
  return open;
}

TEST_F(SocketTest, pairs_of_each_family_are_connected_and_blocking) {
  const int before = count_descriptors();
  for (const int family : {AF_UNIX, AF_INET}) {
    Socket pair[2];
    ASSERT_TRUE(evi::socket_pair(family, SOCK_STREAM, 0, pair, evi::kBlocking)) << family;
    EXPECT_EQ(count_descriptors(), before + 2);
    const Fd a{pair[0]};
    const Fd b{pair[1]};
    expect_connected(a, b);
    expect_connected(b, a);
    EXPECT_FALSE(is_nonblocking(a) || is_nonblocking(b));
    EXPECT_FALSE(is_cloexec(a) || is_cloexec(b));
    sockaddr_storage name{};
    socklen_t length = sizeof(name);
    EXPECT_EQ(getsockname(a, reinterpret_cast<sockaddr *>(&name), &length), 0);
    EXPECT_EQ(name.ss_family, family);
  }
}

TEST_F(SocketTest, pairs_accept_flags) {
  for (const int family : {AF_UNIX, AF_INET}) {
    Socket pair[2];
    ASSERT_TRUE(evi::socket_pair(family, SOCK_STREAM, 0, pair, evi::kNonblocking | evi::kCloseOnExec));
    for (const Socket each : pair) {
      const Fd fd{each};
      EXPECT_TRUE(is_nonblocking(fd));
      EXPECT_TRUE(is_cloexec(fd));
    }
  }
}

#ifdef SOCK_NONBLOCK
TEST_F(SocketTest, pairs_accept_flags_in_the_type) {
  for (const int family : {AF_UNIX, AF_INET}) {
    Socket pair[2];
    ASSERT_TRUE(
        evi::socket_pair(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair, evi::kBlocking));
    for (const Socket each : pair) {
      const Fd fd{each};
      EXPECT_TRUE(is_nonblocking(fd));
      EXPECT_TRUE(is_cloexec(fd));
    }
  }
}
#endif

TEST_F(SocketTest, pairs_that_cannot_be_created_leave_no_fd_open) {
  const int before = count_descriptors();
  const struct {
    int family, type, protocol, error;
  } bad[] = {{AF_INET, SOCK_DGRAM, 0, EOPNOTSUPP},
             {AF_INET6, SOCK_STREAM, 0, EOPNOTSUPP},
             {AF_UNIX, SOCK_STREAM, 7, EPROTONOSUPPORT},
             {-1, SOCK_STREAM, 0, EAFNOSUPPORT}};
  for (const auto &c : bad) {
    Socket pair[2] = {-5, -5};
    errno = 0;
    EXPECT_FALSE(evi::socket_pair(c.family, c.type, c.protocol, pair, evi::kBlocking));
#ifdef __linux__
    EXPECT_EQ(evi::last_socket_error(), c.error) << c.family;
#endif
  }
  EXPECT_FALSE(evi::socket_pair(AF_UNIX, SOCK_STREAM, 0, nullptr, evi::kBlocking));
  EXPECT_EQ(evi::last_socket_error(), EFAULT);
  EXPECT_EQ(count_descriptors(), before);
}

TEST_F(SocketTest, a_loopback_pair_that_runs_out_of_descriptors_leaves_no_fd_open) {
  const int before = count_descriptors();
  // The lowest free fd: sockets get it and the next ones.
  const int next = dup(0);
  close(next);
  for (int room = 0; room < 3; ++room) {
    Socket pair[2] = {-5, -5};
    bool made = true;
    int error = 0;
    {
      const test::DescriptorLimit few(next + room);
      made = evi::loopback_pair(pair, evi::kCloseOnExec);
      error = evi::last_socket_error();
    }
    EXPECT_FALSE(made);
    EXPECT_TRUE(evi::out_of_descriptors(error)) << error;
    EXPECT_EQ(count_descriptors(), before);
  }
}

TEST_F(SocketTest, internal_pipes_are_one_way_and_nonblocking) {
  Socket pair[2];
  ASSERT_TRUE(evi::internal_pipe(pair));
  const Fd reader{pair[0]};
  const Fd writer{pair[1]};
  expect_connected(writer, reader);
  for (const Socket fd : {Socket{reader}, Socket{writer}}) {
    EXPECT_TRUE(is_nonblocking(fd));
    EXPECT_TRUE(is_cloexec(fd));
  }
  char byte;
  EXPECT_EQ(read(reader, &byte, 1), -1);
  EXPECT_TRUE(evi::would_block(errno));
}

}  // namespace
