// A model of kqueue(2), as FreeBSD's manual page describes it, made of epoll, eventfd and signal handlers.
//
// A kqueue is an epoll set; each filter is a descriptor of its own in it: for reading and writing an inner
// epoll set with the watched fd alone, else an eventfd. Where the systems differ the model does what is
// harder for its users: the answer to a change keeps none of its flags (macOS adds to them), a long timeout
// is refused (macOS), EV_ADD of a filter that is there neither enables it nor changes its EV_CLEAR,
// EV_ONESHOT and EV_DISPATCH (FreeBSD), and adding a write filter to a broken pipe fails (FreeBSD). Signals
// are counted when they are delivered, not when they are sent: for a blocked signal the model differs.
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/event.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "models/closing.h"
#include "models/epoll_wait.h"
#include "models/refuse.h"

namespace {

using Key = std::pair<uintptr_t, short>;  // ident and filter

// --- signals ---

// One EVFILT_SIGNAL filter as the handler sees it.
struct SignalNote {
  std::atomic<int> signal{0};
  std::atomic<int> wake_fd{-1};
  std::atomic<unsigned> count{0};
};
constexpr int kMostSignalNotes = 64;
SignalNote signal_notes[kMostSignalNotes];
int signal_users[NSIG];
struct sigaction signal_before[NSIG];

void on_signal(int signal, siginfo_t *info, void *context) {
  const int error = errno;
  for (SignalNote &note : signal_notes) {
    if (note.signal.load() != signal) continue;
    ++note.count;
    const uint64_t one = 1;
    static_cast<void>(!write(note.wake_fd.load(), &one, sizeof(one)));
  }
  errno = error;
  const struct sigaction &before = signal_before[signal];
  if (before.sa_flags & SA_SIGINFO) return before.sa_sigaction(signal, info, context);
  if (before.sa_handler != SIG_IGN && before.sa_handler != SIG_DFL) before.sa_handler(signal);
}

int take_signal_note(int signal, int wake_fd) {
  for (int i = 0; i < kMostSignalNotes; ++i) {
    SignalNote &note = signal_notes[i];
    if (note.signal.load() != 0) continue;
    note.count = 0;
    note.wake_fd = wake_fd;
    note.signal = signal;
    if (signal_users[signal]++ == 0) {
      sigaction(signal, nullptr, &signal_before[signal]);
      struct sigaction action = signal_before[signal];
      action.sa_sigaction = on_signal;
      action.sa_flags |= SA_SIGINFO;
      sigaction(signal, &action, nullptr);
    }
    return i;
  }
  return -1;
}

void give_signal_note(int index) {
  SignalNote &note = signal_notes[index];
  const int signal = note.signal.exchange(0);
  if (--signal_users[signal] == 0) sigaction(signal, &signal_before[signal], nullptr);
}

// --- filters ---

struct Knote {
  uintptr_t ident = 0;
  short filter = 0;
  unsigned flags = 0;  // of its first EV_ADD
  void *udata = nullptr;
  int inner = -1;
  int signal_note = -1;

  Knote() = default;
  Knote(const Knote &) = delete;
  Knote &operator=(const Knote &) = delete;
  ~Knote() {
    if (signal_note >= 0) give_signal_note(signal_note);
    if (inner >= 0) model::real_close(inner);
  }
  int fd() const { return static_cast<int>(ident); }
  bool reads() const { return filter == EVFILT_READ; }
  uint32_t mask() const {
    return (reads() ? EPOLLIN | EPOLLRDHUP : EPOLLOUT) | ((flags & EV_CLEAR) ? EPOLLET : 0u);
  }
};

bool is_broken_pipe(int fd) {
  struct stat info;
  pollfd entry{fd, POLLOUT, 0};
  return fstat(fd, &info) == 0 && S_ISFIFO(info.st_mode) && poll(&entry, 1, 0) > 0 &&
         (entry.revents & POLLERR);
}

// A file is readable while there is more of it, or if NOTE_FILE_POLL says always; and always writable.
int open_file_filter(const struct kevent &change) {
  const int fd = static_cast<int>(change.ident);
  struct stat info;
  const bool more = fstat(fd, &info) == 0 && lseek(fd, 0, SEEK_CUR) < info.st_size;
  const bool ready = change.filter == EVFILT_WRITE || (change.fflags & NOTE_FILE_POLL) || more;
  return eventfd(ready ? 1 : 0, EFD_NONBLOCK | EFD_CLOEXEC);
}

int open_descriptor_filter(Knote &note, const struct kevent &change) {
  if (!note.reads() && is_broken_pipe(note.fd())) return errno = EPIPE, -1;
  const int inner = epoll_create1(EPOLL_CLOEXEC);
  if (inner < 0) return -1;
  epoll_event interest{};
  interest.events = note.mask();
  if (epoll_ctl(inner, EPOLL_CTL_ADD, note.fd(), &interest) == 0) return inner;
  const int error = errno;
  model::real_close(inner);
  if (error == EPERM) return open_file_filter(change);
  errno = error;
  return -1;
}

// 0 or an error.
int open_filter(Knote &note, const struct kevent &change) {
  switch (note.filter) {
    case EVFILT_READ:
    case EVFILT_WRITE:
      note.inner = open_descriptor_filter(note, change);
      return note.inner < 0 ? errno : 0;
    case EVFILT_SIGNAL:
      if (change.ident == 0 || change.ident >= NSIG) return EINVAL;
      note.flags |= EV_CLEAR;
      note.inner = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
      if (note.inner < 0) return errno;
      note.signal_note = take_signal_note(static_cast<int>(change.ident), note.inner);
      return note.signal_note < 0 ? ENOMEM : 0;
    case EVFILT_USER:
      note.inner = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
      return note.inner < 0 ? errno : 0;
    default:
      return EINVAL;
  }
}

// --- a kqueue ---

class Queue {
 public:
  explicit Queue(int set) : set_(set) {}
  Queue(const Queue &) = delete;
  Queue &operator=(const Queue &) = delete;

  void closing(int fd) {
    const std::lock_guard held(mutex_);
    drop({static_cast<uintptr_t>(fd), EVFILT_READ});
    drop({static_cast<uintptr_t>(fd), EVFILT_WRITE});
  }

  // Returns the answers to the changes; -1 with errno if there is no room to report an error.
  int apply(const struct kevent *changes, int count, struct kevent *events, int room) {
    const std::lock_guard held(mutex_);
    int reported = 0;
    for (int i = 0; i < count; ++i) {
      struct kevent answer = changes[i];
      const int error = change(answer);
      if (!error && !(answer.flags & EV_RECEIPT)) continue;
      if (reported == room) {
        if (!error) continue;
        errno = error;
        return -1;
      }
      answer.flags = EV_ERROR;
      answer.data = error;
      events[reported++] = answer;
    }
    return reported;
  }

  int collect(const epoll_event *ready, int count, struct kevent *events, int room) {
    const std::lock_guard held(mutex_);
    int reported = 0;
    for (int i = 0; i < count && reported < room; ++i) reported += report(ready[i].data.fd, events[reported]);
    return reported;
  }

 private:
  void drop(const Key &key) {
    const auto at = notes_.find(key);
    if (at == notes_.end()) return;
    epoll_ctl(set_, EPOLL_CTL_DEL, at->second->inner, nullptr);
    by_inner_.erase(at->second->inner);
    notes_.erase(at);
  }

  int change(const struct kevent &wanted) {
    const bool about_fd = wanted.filter == EVFILT_READ || wanted.filter == EVFILT_WRITE;
    if (about_fd && fcntl(static_cast<int>(wanted.ident), F_GETFD) < 0) return EBADF;
    const Key key{wanted.ident, wanted.filter};
    const auto at = notes_.find(key);
    if (at == notes_.end()) return (wanted.flags & EV_ADD) ? add(wanted) : ENOENT;
    if (wanted.flags & EV_DELETE) return drop(key), 0;
    if ((wanted.fflags & NOTE_TRIGGER) && model::refused_wakes.strike()) return errno;
    Knote &note = *at->second;
    if (wanted.flags & EV_ADD) {
      note.udata = wanted.udata;
      touch(note);
    }
    act(note, wanted);
    return 0;
  }

  int add(const struct kevent &wanted) {
    const bool about_fd = wanted.filter == EVFILT_READ || wanted.filter == EVFILT_WRITE;
    if (about_fd && model::refused_additions.strike()) return errno;
    auto note = std::make_unique<Knote>();
    note->ident = wanted.ident;
    note->filter = wanted.filter;
    note->flags = wanted.flags;
    note->udata = wanted.udata;
    if (const int error = open_filter(*note, wanted)) return error;
    epoll_event interest{};
    interest.events = EPOLLIN;
    interest.data.fd = note->inner;
    if (epoll_ctl(set_, EPOLL_CTL_ADD, note->inner, &interest) != 0) return errno;
    act(*note, wanted);
    by_inner_[note->inner] = note.get();
    notes_[{wanted.ident, wanted.filter}] = std::move(note);
    return 0;
  }

  // Current readiness counts as new, also for EV_CLEAR.
  static void touch(const Knote &note) {
    if (note.filter != EVFILT_READ && note.filter != EVFILT_WRITE) return;
    epoll_event interest{};
    interest.events = note.mask();
    epoll_ctl(note.inner, EPOLL_CTL_MOD, note.fd(), &interest);
  }

  void act(Knote &note, const struct kevent &wanted) {
    if (note.filter == EVFILT_USER && (wanted.fflags & NOTE_TRIGGER)) {
      const uint64_t one = 1;
      static_cast<void>(!write(note.inner, &one, sizeof(one)));
    }
    if (wanted.flags & EV_DISABLE) {
      enable(note, false);
    } else if (wanted.flags & EV_ENABLE) {
      enable(note, true);
    }
  }

  void enable(const Knote &note, bool on) {
    epoll_event interest{};
    interest.events = on ? EPOLLIN : 0u;
    interest.data.fd = note.inner;
    epoll_ctl(set_, EPOLL_CTL_MOD, note.inner, &interest);
  }

  // 1 if there was something to report.
  int report(int inner, struct kevent &event) {
    const auto at = by_inner_.find(inner);
    if (at == by_inner_.end()) return 0;
    Knote &note = *at->second;
    EV_SET(&event, note.ident, note.filter,
           static_cast<unsigned short>(note.flags & (EV_CLEAR | EV_ONESHOT | EV_DISPATCH)), 0, 0, note.udata);
    if (!look(note, event)) return 0;
    if (note.flags & EV_ONESHOT) {
      drop({note.ident, note.filter});
    } else if (note.flags & EV_DISPATCH) {
      enable(note, false);
    }
    return 1;
  }

  static bool look(const Knote &note, struct kevent &event) {
    uint64_t value = 0;
    switch (note.filter) {
      case EVFILT_SIGNAL:
        static_cast<void>(!read(note.inner, &value, sizeof(value)));
        event.data = signal_notes[note.signal_note].count.exchange(0);
        return event.data != 0;
      case EVFILT_USER:
        if (note.flags & EV_CLEAR) static_cast<void>(!read(note.inner, &value, sizeof(value)));
        return true;
      default:
        return look_at_descriptor(note, event);
    }
  }

  static bool look_at_descriptor(const Knote &note, struct kevent &event) {
    epoll_event ready{};
    const int got = epoll_wait(note.inner, &ready, 1, 0);
    if (got < 0) return errno == EINVAL;  // a file's eventfd
    if (got == 0) return false;
    int amount = 0;
    const uint32_t ends = note.reads() ? EPOLLRDHUP | EPOLLHUP : EPOLLERR | EPOLLHUP;
    if (ready.events & ends) event.flags |= EV_EOF;
    ioctl(note.fd(), note.reads() ? FIONREAD : SIOCOUTQ, &amount);
    event.data = amount;
    return true;
  }

  const int set_;
  std::mutex mutex_;
  std::map<Key, std::unique_ptr<Knote>> notes_;
  std::map<int, Knote *> by_inner_;
};

std::mutex queues_mutex;
std::map<int, std::shared_ptr<Queue>> &queues() {
  static auto *all = new std::map<int, std::shared_ptr<Queue>>;
  return *all;
}

std::shared_ptr<Queue> queue_of(int kq) {
  const std::lock_guard held(queues_mutex);
  const auto at = queues().find(kq);
  return at == queues().end() ? nullptr : at->second;
}

// A forked child has none of its parent's kqueues: the fds are free.
void forget_in_child() {
  for (auto &[fd, queue] : queues()) model::real_close(fd);
  queues().clear();
  queues_mutex.unlock();
}

timespec now() {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts;
}
int64_t nanos(const timespec &ts) { return ts.tv_sec * int64_t{1'000'000'000} + ts.tv_nsec; }

}  // namespace

void model::kqueue_closing(int fd) {
  std::shared_ptr<Queue> ended;
  const std::lock_guard held(queues_mutex);
  const auto at = queues().find(fd);
  if (at != queues().end()) {
    ended = std::move(at->second);
    queues().erase(at);
  }
  for (auto &[kq, queue] : queues()) queue->closing(fd);
}

namespace {

// Before the library registers its own, which fork() then runs first: as elsewhere, the signal registry's
// lock is taken before the one here.
[[maybe_unused]] const int registered =
    pthread_atfork([] { queues_mutex.lock(); }, [] { queues_mutex.unlock(); }, forget_in_child);

}  // namespace

extern "C" int kqueue(void) {
  if (model::refuse_with) return errno = model::refuse_with, -1;
  const int fd = epoll_create1(0);
  if (fd < 0) return -1;
  const std::lock_guard held(queues_mutex);
  queues()[fd] = std::make_shared<Queue>(fd);
  return fd;
}

extern "C" int kevent(int kq, const struct kevent *changes, int change_count, struct kevent *events,
                      int event_count, const struct timespec *timeout) {
  const std::shared_ptr<Queue> queue = queue_of(kq);
  if (!queue) return errno = EBADF, -1;
  if (timeout && timeout->tv_sec > 100'000'000) return errno = EINVAL, -1;
  const int answers = queue->apply(changes, change_count, events, event_count);
  if (answers != 0 || event_count == 0) return answers;

  const int64_t end = timeout ? nanos(now()) + nanos(*timeout) : 0;
  for (;;) {
    constexpr int kBatch = 256;
    epoll_event ready[kBatch];
    const int64_t left = timeout ? end - nanos(now()) : 0;
    const int room = event_count < kBatch ? event_count : kBatch;
    const int got = model::wait_for_epoll(kq, ready, room, timeout ? std::max<int64_t>(left, 0) : -1);
    if (got < 0) return -1;
    const int reported = queue->collect(ready, got, events, event_count);
    if (reported || got == 0 || (timeout && left <= 0)) return reported;
  }
}
