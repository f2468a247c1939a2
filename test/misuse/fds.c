/* Invalid file descriptors, and those that cannot be polled. */
#include "misuse.h"

static void add_and_turn(const char *method, int fd, short what) {
  struct event_base *base = base_of(method);
  struct event *ev = event_new(base, fd, what, on_event, NULL);
  PTR("new", ev);
  if (!ev) return;
  RET("add", event_add(ev, NULL));
  say_pending(ev);
  turn(base);
  RET("del", event_del(ev));
  say_pending(ev);
  event_free(ev);
  event_base_free(base);
}

PER_METHOD("fd/closed, read") { add_and_turn(method, closed_fd(), EV_READ); }
PER_METHOD("fd/closed, write persist") { add_and_turn(method, closed_fd(), EV_WRITE | EV_PERSIST); }
PER_METHOD("fd/-1, read") { add_and_turn(method, -1, EV_READ); }
PER_METHOD("fd/-1, write persist") { add_and_turn(method, -1, EV_WRITE | EV_PERSIST); }
PER_METHOD("fd/INT_MIN, read") { add_and_turn(method, INT_MIN, EV_READ); }
PER_METHOD("fd/INT_MAX, read") { add_and_turn(method, INT_MAX, EV_READ); }
PER_METHOD("fd/one million, read") { add_and_turn(method, 1000000, EV_READ); }
PER_METHOD("fd/regular file, read") { add_and_turn(method, file_fd(), EV_READ); }
PER_METHOD("fd/regular file, write") { add_and_turn(method, file_fd(), EV_WRITE); }
PER_METHOD("fd/directory, read") { add_and_turn(method, open_fd("/tmp"), EV_READ); }
PER_METHOD("fd/dev null, read") { add_and_turn(method, open_fd("/dev/null"), EV_READ); }
PER_METHOD("fd/dev null, write") { add_and_turn(method, open("/dev/null", O_WRONLY), EV_WRITE); }
PER_METHOD("fd/write end of a pipe, read") {
  int fds[2];
  if (pipe(fds) != 0) return;
  add_and_turn(method, fds[1], EV_READ);
}
PER_METHOD("fd/no flags at all") {
  int fds[2];
  pair(fds);
  add_and_turn(method, fds[0], 0);
}
PER_METHOD("fd/persist alone") {
  int fds[2];
  pair(fds);
  add_and_turn(method, fds[0], EV_PERSIST);
}
PER_METHOD("fd/unknown flag bits") {
  int fds[2];
  pair(fds);
  add_and_turn(method, fds[0], EV_WRITE | 0x4000 | 0x100);
}
PER_METHOD("fd/finalize flag from the user") {
  int fds[2];
  pair(fds);
  add_and_turn(method, fds[0], EV_WRITE | EV_FINALIZE);
}
PER_METHOD("fd/edge triggered, asked of every method") {
  int fds[2];
  pair(fds);
  add_and_turn(method, fds[0], EV_WRITE | EV_ET);
}
PER_METHOD("fd/closed alone, nothing closed") {
  int fds[2];
  pair(fds);
  add_and_turn(method, fds[0], EV_CLOSED);
}
PER_METHOD("fd/read and closed, peer has closed") {
  int fds[2];
  pair(fds);
  close(fds[1]);
  add_and_turn(method, fds[0], EV_READ | EV_CLOSED);
}
PER_METHOD("fd/write, peer has closed") {
  int fds[2];
  pair(fds);
  close(fds[1]);
  add_and_turn(method, fds[0], EV_WRITE);
}
PER_METHOD("fd/above FD_SETSIZE") {
  int fds[2];
  pair(fds);
  const int high = dup2(fds[0], FD_SETSIZE + 5);
  if (high < 0) say("no-dup");
  add_and_turn(method, high, EV_WRITE);
}

PER_METHOD("fd/closed while added, then deleted") {
  struct event_base *base = base_of(method);
  int fds[2];
  pair(fds);
  struct event *ev = event_new(base, fds[0], EV_READ | EV_PERSIST, on_event, NULL);
  RET("add", event_add(ev, NULL));
  close(fds[0]);
  RET("del", event_del(ev));
  turn(base);
}
PER_METHOD("fd/closed while added, another event on it") {
  struct event_base *base = base_of(method);
  int fds[2];
  pair(fds);
  struct event *first = event_new(base, fds[0], EV_READ | EV_PERSIST, on_event, NULL);
  struct event *second = event_new(base, fds[0], EV_WRITE | EV_PERSIST, on_event, NULL);
  RET("add", event_add(first, NULL));
  close(fds[0]);
  RET("add", event_add(second, NULL));
  RET("del", event_del(first));
  RET("del", event_del(second));
}
PER_METHOD("fd/closed and reopened without a deletion") {
  struct event_base *base = base_of(method);
  int fds[2], others[2];
  pair(fds);
  struct event *first = event_new(base, fds[0], EV_READ | EV_PERSIST, on_event, (void *)"first");
  RET("add", event_add(first, NULL));
  close(fds[0]);
  pair(others);
  say("same=%d", others[0] == fds[0]);
  struct event *second = event_new(base, others[0], EV_WRITE, on_event, (void *)"second");
  RET("add", event_add(second, NULL));
  turn(base);
  RET("del", event_del(first));
  RET("del", event_del(second));
}
PER_METHOD("fd/edge and level triggered on one descriptor") {
  struct event_base *base = base_of(method);
  int fds[2];
  pair(fds);
  struct event *edge = event_new(base, fds[0], EV_READ | EV_ET | EV_PERSIST, on_event, (void *)"edge");
  struct event *level = event_new(base, fds[0], EV_READ | EV_PERSIST, on_event, (void *)"level");
  RET("add", event_add(edge, NULL));
  RET("add", event_add(level, NULL));
  if (write(fds[1], "x", 1) != 1) return;
  turn(base);
}
PER_METHOD("fd/two events, the same flags") {
  struct event_base *base = base_of(method);
  int fds[2];
  pair(fds);
  struct event *first = event_new(base, fds[0], EV_WRITE, on_event, (void *)"first");
  struct event *second = event_new(base, fds[0], EV_WRITE, on_event, (void *)"second");
  event_add(first, NULL);
  event_add(second, NULL);
  turn(base);
  turn(base);
}
CASE("fd/the base's own epoll descriptor") {
  const int next = open_fd("/dev/null");
  close(next);
  struct event_base *base = base_of("epoll");
  struct event *ev = event_new(base, next, EV_READ, on_event, NULL);
  RET("add", event_add(ev, NULL));
}
