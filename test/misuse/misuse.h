/* The table of misuse cases: how a case records its result, and how it is registered. */
#ifndef MISUSE_H_INCLUDED
#define MISUSE_H_INCLUDED

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_compat.h>
#include <event2/event_struct.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

typedef void (*case_fn)(const char *method);

/* Adds a case; `method` is what it is called with. */
void add_case(const char *name, case_fn fn, const char *method);

#define MISUSE_JOIN2(a, b) a##b
#define MISUSE_JOIN(a, b) MISUSE_JOIN2(a, b)

/* CASE("subject/what is done") { body }: one row of the table, run in a child of its own. */
#define CASE(title)                                                                 \
  static void MISUSE_JOIN(case_, __LINE__)(const char *method);                     \
  __attribute__((constructor)) static void MISUSE_JOIN(register_, __LINE__)(void) { \
    add_case(title, MISUSE_JOIN(case_, __LINE__), NULL);                            \
  }                                                                                 \
  static void MISUSE_JOIN(case_, __LINE__)(const char *method __attribute__((unused)))

/* The same once for each method; the body makes its base with base_of(method). */
#define PER_METHOD(title)                                                           \
  static void MISUSE_JOIN(case_, __LINE__)(const char *method);                     \
  __attribute__((constructor)) static void MISUSE_JOIN(register_, __LINE__)(void) { \
    add_case(title "@epoll", MISUSE_JOIN(case_, __LINE__), "epoll");                \
    add_case(title "@poll", MISUSE_JOIN(case_, __LINE__), "poll");                  \
    add_case(title "@select", MISUSE_JOIN(case_, __LINE__), "select");              \
  }                                                                                 \
  static void MISUSE_JOIN(case_, __LINE__)(const char *method)

/* Appends words to the result of the running case. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_return(const char *what, long long value, int error);

/* Calls and records what came back: a number (with errno if it is negative), a pointer or none, nothing. */
#define RET(what, call)              \
  do {                               \
    errno = 0;                       \
    const long long value_ = (call); \
    say_return(what, value_, errno); \
  } while (0)
#define PTR(what, call) say("%s=%s", what, (const void *)(call) ? "ptr" : "null")
#define DO(what, call) \
  do {                 \
    call;              \
    say("%s", what);   \
  } while (0)

/* An event callback that records its flags; the argument may be a name. */
void on_event(evutil_socket_t fd, short what, void *name);
/* One that breaks its base's loop, given as the argument. */
void on_event_break(evutil_socket_t fd, short what, void *base);
/* A log callback: severity and, if the text holds one, the error's name. Installed before each case. */
void on_log(int severity, const char *text);

/* A base of the named method alone. */
struct event_base *base_of(const char *method);
struct event_base *base_new(void);
/* Turns of the loop that do not wait. */
void turn(struct event_base *base);
/* Runs the loop until it is empty or `ms` have gone. */
void run_for(struct event_base *base, int ms);
void say_pending(const struct event *ev);

/* Descriptors: one that was closed, a connected pair, a regular file, a directory. */
int closed_fd(void);
/* Moves a descriptor to where nothing that the library opens takes its place once it is closed. */
int high_fd(int fd);
void pair(int fds[2]);
int file_fd(void);
int open_fd(const char *path);

/* What went to standard error since the case began. */
size_t captured_stderr(char *out, size_t room);

#endif
