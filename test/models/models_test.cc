// The models compared with the manual pages: kqueue(2), port_create(3C) and related pages, poll(7D).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <port.h>
#include <sys/devpoll.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <string>
#include <thread>
#include <utility>

#include "models/devpoll/devpoll.h"
#include "models/refuse.h"

namespace {

constexpr timespec kAtOnce{0, 0};
constexpr timespec kSoon{0, 5'000'000};
constexpr timespec kLong{20, 0};

struct Pair {
  Pair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0); }
  Pair(const Pair &) = delete;
  Pair &operator=(const Pair &) = delete;
  ~Pair() {
    for (const int fd : fds) {
      if (fd >= 0) close(fd);
    }
  }
  void put(const char *text = "x") const {
    EXPECT_EQ(write(fds[1], text, std::char_traits<char>::length(text)),
              static_cast<ssize_t>(std::char_traits<char>::length(text)));
  }
  void drain() const {
    char buffer[64];
    while (read(fds[0], buffer, sizeof(buffer)) > 0) {
    }
  }
  int fds[2] = {-1, -1};
};

template <typename F>
int in_child(F &&f) {
  const pid_t child = fork();
  if (child == 0) _exit(f() ? 0 : 1);
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

// --- kqueue ---

class Kqueue : public testing::Test {
 protected:
  ~Kqueue() override {
    if (kq >= 0) close(kq);
  }
  // Returns the error of one change, checked in both ways that kevent() reports it.
  int change(int ident, int filter, int flags, unsigned notes = 0, void *udata = nullptr) {
    struct kevent one;
    EV_SET(&one, static_cast<uintptr_t>(ident), filter, static_cast<unsigned short>(flags), notes, 0, udata);
    const int got = kevent(kq, &one, 1, nullptr, 0, nullptr);
    return got == 0 ? 0 : errno;
  }
  int receipt(int ident, int filter, int flags) {
    struct kevent one;
    EV_SET(&one, static_cast<uintptr_t>(ident), filter, static_cast<unsigned short>(flags | EV_RECEIPT), 0, 0,
           nullptr);
    EXPECT_EQ(kevent(kq, &one, 1, &one, 1, &kAtOnce), 1);
    EXPECT_EQ(one.flags & EV_ERROR, EV_ERROR);
    return static_cast<int>(one.data);
  }
  int wait(const timespec &timeout = kSoon) { return kevent(kq, nullptr, 0, out.data(), 8, &timeout); }

  const int kq = kqueue();
  Pair pair;
  std::array<struct kevent, 8> out = {};
};

TEST_F(Kqueue, a_failed_change_is_an_error_or_an_event) {
  EXPECT_EQ(change(-1, EVFILT_READ, EV_ADD), EBADF);
  EXPECT_EQ(receipt(-1, EVFILT_READ, EV_ADD), EBADF);
  EXPECT_EQ(change(pair.fds[0], EVFILT_WRITE, EV_DELETE), ENOENT);
  EXPECT_EQ(receipt(pair.fds[0], EVFILT_WRITE, EV_ADD), 0);
  EXPECT_EQ(wait(), 1);  // a receipt takes no event away
}

TEST_F(Kqueue, level_triggered_filters_report_again) {
  EXPECT_EQ(change(pair.fds[0], EVFILT_READ, EV_ADD, 0, &pair), 0);
  EXPECT_EQ(wait(), 0);
  pair.put("abc");
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(wait(), 1);
    EXPECT_EQ(out[0].filter, EVFILT_READ);
    EXPECT_EQ(out[0].data, 3);
    EXPECT_EQ(out[0].udata, &pair);
  }
  EXPECT_EQ(change(pair.fds[0], EVFILT_WRITE, EV_ADD), 0);
  EXPECT_EQ(wait(), 2);
  pair.drain();
  EXPECT_EQ(wait(), 1);
}

TEST_F(Kqueue, re_adding_changes_neither_clear_nor_dispatch) {
  pair.put();
  EXPECT_EQ(change(pair.fds[0], EVFILT_READ, EV_ADD), 0);
  EXPECT_EQ(change(pair.fds[0], EVFILT_READ, EV_ADD | EV_CLEAR), 0);
  EXPECT_EQ(wait(), 1);
  EXPECT_EQ(wait(), 1);
  EXPECT_EQ(change(pair.fds[0], EVFILT_READ, EV_DELETE), 0);
  EXPECT_EQ(change(pair.fds[0], EVFILT_READ, EV_ADD | EV_CLEAR), 0);
  EXPECT_EQ(wait(), 1);
  EXPECT_EQ(wait(), 0);
  pair.put();
  EXPECT_EQ(wait(), 1);
}

TEST_F(Kqueue, a_dispatched_filter_is_disabled_until_it_is_enabled) {
  pair.put();
  EXPECT_EQ(change(pair.fds[0], EVFILT_READ, EV_ADD | EV_DISPATCH), 0);
  EXPECT_EQ(wait(), 1);
  EXPECT_EQ(wait(), 0);
  EXPECT_EQ(change(pair.fds[0], EVFILT_READ, EV_ADD), 0);
  EXPECT_EQ(wait(), 0);
  EXPECT_EQ(change(pair.fds[0], EVFILT_READ, EV_ADD | EV_ENABLE), 0);
  EXPECT_EQ(wait(), 1);
  EXPECT_EQ(wait(), 0);
  EXPECT_EQ(change(pair.fds[0], EVFILT_READ, EV_DELETE), 0);
}

TEST_F(Kqueue, a_one_shot_filter_is_removed_after_its_report) {
  pair.put();
  EXPECT_EQ(change(pair.fds[0], EVFILT_READ, EV_ADD | EV_ONESHOT), 0);
  EXPECT_EQ(wait(), 1);
  EXPECT_EQ(change(pair.fds[0], EVFILT_READ, EV_DELETE), ENOENT);
}

TEST_F(Kqueue, eof_is_a_flag_and_closing_removes_filters) {
  EXPECT_EQ(change(pair.fds[0], EVFILT_READ, EV_ADD), 0);
  shutdown(pair.fds[1], SHUT_WR);
  ASSERT_EQ(wait(), 1);
  EXPECT_EQ(out[0].flags & EV_EOF, EV_EOF);
  const int alias = dup(pair.fds[0]);
  close(std::exchange(pair.fds[0], -1));
  EXPECT_EQ(wait(), 0);
  close(alias);
}

TEST_F(Kqueue, adding_a_filter_to_a_broken_pipe_fails) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  close(pipe[0]);
  EXPECT_EQ(receipt(pipe[1], EVFILT_WRITE, EV_ADD), EPIPE);
  close(pipe[1]);
}

TEST_F(Kqueue, signals_are_counted_and_coexist_with_handlers) {
  static int handled = 0;
  struct sigaction action {
  }, old{};
  action.sa_handler = [](int) { ++handled; };
  ASSERT_EQ(sigaction(SIGUSR1, &action, &old), 0);
  EXPECT_EQ(change(SIGUSR1, EVFILT_SIGNAL, EV_ADD), 0);
  for (int i = 0; i < 3; ++i) raise(SIGUSR1);
  ASSERT_EQ(wait(kLong), 1);
  EXPECT_EQ(out[0].ident, static_cast<uintptr_t>(SIGUSR1));
  EXPECT_EQ(out[0].data, 3);
  EXPECT_EQ(handled, 3);
  EXPECT_EQ(wait(), 0);
  EXPECT_EQ(change(SIGUSR1, EVFILT_SIGNAL, EV_DELETE), 0);
  raise(SIGUSR1);
  EXPECT_EQ(handled, 4);
  sigaction(SIGUSR1, &old, nullptr);
}

TEST_F(Kqueue, a_trigger_from_another_thread_interrupts_the_wait) {
  EXPECT_EQ(change(7, EVFILT_USER, EV_ADD | EV_CLEAR), 0);
  EXPECT_EQ(wait(), 0);
  std::thread other([&] { change(7, EVFILT_USER, 0, NOTE_TRIGGER); });
  ASSERT_EQ(wait(kLong), 1);
  EXPECT_EQ(out[0].filter, EVFILT_USER);
  other.join();
  EXPECT_EQ(wait(), 0);
}

TEST_F(Kqueue, a_child_does_not_inherit_it) {
  EXPECT_EQ(in_child([&] {
              return kevent(kq, nullptr, 0, out.data(), 8, &kAtOnce) == -1 && errno == EBADF &&
                     fcntl(kq, F_GETFD) == -1;
            }),
            0);
  EXPECT_EQ(change(pair.fds[0], EVFILT_READ, EV_ADD), 0);
}

TEST_F(Kqueue, additions_may_be_refused) {
  model::refuse_with = ENOMEM;
  EXPECT_EQ(kqueue(), -1);
  EXPECT_EQ(errno, ENOMEM);
  model::refuse_with = 0;
  EXPECT_EQ(change(pair.fds[0], EVFILT_READ, EV_ADD), 0);
  model::refused_additions.set(1, ENOMEM);
  EXPECT_EQ(change(pair.fds[0], EVFILT_READ, EV_ADD), 0);  // is there
  EXPECT_EQ(receipt(pair.fds[0], EVFILT_WRITE, EV_ADD), ENOMEM);
  EXPECT_EQ(receipt(pair.fds[0], EVFILT_WRITE, EV_ADD), 0);
  EXPECT_EQ(change(7, EVFILT_USER, EV_ADD | EV_CLEAR), 0);
  model::refused_wakes.set(1, ENOMEM);
  EXPECT_EQ(change(7, EVFILT_USER, 0, NOTE_TRIGGER), ENOMEM);
  EXPECT_EQ(change(7, EVFILT_USER, 0, NOTE_TRIGGER), 0);
}

// --- event ports ---

class EventPort : public testing::Test {
 protected:
  ~EventPort() override { close(port); }
  int associate(int fd, int events = POLLIN, void *user = nullptr) {
    return port_associate(port, PORT_SOURCE_FD, static_cast<uintptr_t>(fd), events, user);
  }
  int dissociate(int fd) { return port_dissociate(port, PORT_SOURCE_FD, static_cast<uintptr_t>(fd)); }
  // Returns 0 or an error; the events are in `out` and `count`.
  int get(uint_t wanted = 1, const timespec &timeout = kSoon) {
    count = wanted;
    return port_getn(port, out.data(), 8, &count, &timeout) == 0 ? 0 : errno;
  }

  const int port = port_create();
  Pair pair;
  std::array<port_event_t, 8> out = {};
  uint_t count = 0;
};

TEST_F(EventPort, an_event_removes_the_association) {
  EXPECT_EQ(associate(pair.fds[0], POLLIN, &pair), 0);
  EXPECT_EQ(get(), ETIME);
  EXPECT_EQ(count, 0u);
  pair.put();
  EXPECT_EQ(get(), 0);
  ASSERT_EQ(count, 1u);
  EXPECT_EQ(out[0].portev_source, PORT_SOURCE_FD);
  EXPECT_EQ(out[0].portev_object, static_cast<uintptr_t>(pair.fds[0]));
  EXPECT_EQ(out[0].portev_user, &pair);
  EXPECT_EQ(out[0].portev_events & POLLIN, POLLIN);
  EXPECT_EQ(get(), ETIME);
  EXPECT_EQ(dissociate(pair.fds[0]), -1);
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(associate(pair.fds[0]), 0);
  EXPECT_EQ(get(), 0);
}

TEST_F(EventPort, an_event_may_be_stale) {
  pair.put();
  EXPECT_EQ(associate(pair.fds[0]), 0);
  pair.drain();
  EXPECT_EQ(get(), 0);
  pair.put();
  EXPECT_EQ(associate(pair.fds[0]), 0);
  EXPECT_EQ(dissociate(pair.fds[0]), 0);  // takes it back
  EXPECT_EQ(get(), ETIME);
}

TEST_F(EventPort, a_timeout_returns_the_events_collected_so_far) {
  pair.put();
  EXPECT_EQ(associate(pair.fds[0]), 0);
  EXPECT_EQ(get(2), ETIME);
  EXPECT_EQ(count, 1u);
}

TEST_F(EventPort, a_signal_does_not_change_the_count) {
  struct sigaction action {
  }, old{};
  action.sa_handler = [](int) {};
  ASSERT_EQ(sigaction(SIGUSR1, &action, &old), 0);
  const pthread_t self = pthread_self();
  std::atomic<bool> done{false};
  std::thread other([&] {
    while (!done) {
      pthread_kill(self, SIGUSR1);
      std::this_thread::yield();
    }
  });
  EXPECT_EQ(get(1, kLong), EINTR);
  done = true;
  EXPECT_EQ(count, 1u);
  other.join();
  sigaction(SIGUSR1, &old, nullptr);
}

TEST_F(EventPort, an_event_sent_by_another_thread_is_received) {
  std::thread other([&] { EXPECT_EQ(port_send(port, 5, &pair), 0); });
  EXPECT_EQ(get(1, kLong), 0);
  EXPECT_EQ(out[0].portev_source, PORT_SOURCE_USER);
  EXPECT_EQ(out[0].portev_events, 5);
  EXPECT_EQ(out[0].portev_user, &pair);
  other.join();
}

TEST_F(EventPort, closing_removes_associations) {
  EXPECT_EQ(associate(pair.fds[0]), 0);
  const int alias = dup(pair.fds[0]);
  close(std::exchange(pair.fds[0], -1));
  pair.put();
  EXPECT_EQ(get(), ETIME);
  EXPECT_EQ(associate(999), -1);
  EXPECT_EQ(errno, EBADFD);
  close(alias);
}

TEST_F(EventPort, a_child_may_not_associate) {
  EXPECT_EQ(in_child([&] { return associate(pair.fds[0]) == -1 && errno == EACCES; }), 0);
}

TEST_F(EventPort, a_refused_association_is_removed_or_kept) {
  pair.put();
  for (const bool ends : {true, false}) {
    EXPECT_EQ(associate(pair.fds[0], POLLIN, &pair), 0);
    model::refusal_ends_association = ends;
    model::refused_additions.set(1, EAGAIN);
    EXPECT_EQ(associate(pair.fds[0]), -1);
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_EQ(get(), ends ? ETIME : 0);
  }
  EXPECT_EQ(out[0].portev_user, &pair);
  model::refusal_ends_association = true;
  model::refused_wakes.set(1, EAGAIN);
  EXPECT_EQ(port_send(port, 5, nullptr), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(port_send(port, 5, nullptr), 0);
}

// --- /dev/poll ---

class DevPoll : public testing::Test {
 protected:
  ~DevPoll() override { close(dp); }
  int put(int fd, short events) {
    const pollfd entry{fd, events, 0};
    return devpoll_write(dp, &entry, sizeof(entry)) == sizeof(entry) ? 0 : errno;
  }
  int wait(int timeout = 5) {
    dvpoll_t wait{out.data(), 8, timeout};
    return devpoll_ioctl(dp, DP_POLL, &wait);
  }

  const int dp = devpoll_open("/dev/poll", O_RDWR);
  Pair pair;
  std::array<pollfd, 8> out = {};
};

TEST_F(DevPoll, written_interest_accumulates_until_removed) {
  EXPECT_EQ(put(pair.fds[0], POLLIN), 0);
  EXPECT_EQ(wait(), 0);
  pair.put();
  ASSERT_EQ(wait(), 1);
  EXPECT_EQ(out[0].fd, pair.fds[0]);
  EXPECT_EQ(out[0].revents, POLLIN);
  EXPECT_EQ(put(pair.fds[0], POLLOUT), 0);
  ASSERT_EQ(wait(), 1);
  EXPECT_EQ(out[0].revents, POLLIN | POLLOUT);
  EXPECT_EQ(put(pair.fds[0], POLLREMOVE), 0);
  EXPECT_EQ(wait(), 0);
}

TEST_F(DevPoll, closed_descriptors_are_reported) {
  EXPECT_EQ(put(999, POLLIN), EBADF);
  EXPECT_EQ(put(pair.fds[0], POLLIN), 0);
  close(std::exchange(pair.fds[0], -1));
  ASSERT_EQ(wait(), 1);
  EXPECT_EQ(out[0].revents, POLLNVAL);
}

TEST_F(DevPoll, requesting_more_reports_than_the_descriptor_limit_fails) {
  dvpoll_t wait{out.data(), static_cast<nfds_t>(sysconf(_SC_OPEN_MAX)) + 1, 0};
  EXPECT_EQ(devpoll_ioctl(dp, DP_POLL, &wait), -1);
  EXPECT_EQ(errno, EINVAL);
}

TEST_F(DevPoll, entries_before_a_refused_one_take_effect) {
  pair.put();
  EXPECT_EQ(put(pair.fds[0], POLLIN), 0);
  model::refused_additions.set(1, ENOMEM);
  const pollfd entries[2] = {{pair.fds[0], POLLREMOVE, 0}, {pair.fds[0], POLLOUT, 0}};
  EXPECT_EQ(devpoll_write(dp, entries, sizeof(entries)), -1);
  EXPECT_EQ(errno, ENOMEM);
  EXPECT_EQ(wait(), 0);
  EXPECT_EQ(put(pair.fds[0], POLLOUT), 0);
  EXPECT_EQ(wait(), 1);
}

TEST_F(DevPoll, a_child_may_not_use_it) {
  EXPECT_EQ(in_child([&] { return put(pair.fds[0], POLLIN) == EACCES; }), 0);
}

}  // namespace
