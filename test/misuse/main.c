/* Runs the table of misuse cases, each in a child of its own, and prints `name<TAB>result` for each. */
#include "misuse.h"

#include <stdarg.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { kMaxCases = 1000, kResultRoom = 2048, kSecondsPerCase = 10, kFatalExit = 99, kMaxDescriptors = 4096 };

struct row {
  const char *name;
  case_fn fn;
  const char *method;
};
static struct row rows[kMaxCases];
static int row_count;

/* Shared with the child, so that what it said survives its end. */
static struct {
  size_t length;
  char text[kResultRoom];
} * result;

void add_case(const char *name, case_fn fn, const char *method) {
  if (row_count == kMaxCases) abort();
  rows[row_count++] = (struct row){name, fn, method};
}

void say(const char *format, ...) {
  const size_t room = sizeof result->text - result->length;
  if (room < 64) _exit(0); /* a loop that does not end; how it goes on is clear by now */
  if (result->length) result->text[result->length++] = ' ';
  va_list args;
  va_start(args, format);
  const int wanted = vsnprintf(result->text + result->length, room - 1, format, args);
  va_end(args);
  if (wanted > 0) result->length += (size_t)wanted < room - 1 ? (size_t)wanted : room - 2;
}

void say_return(const char *what, long long value, int error) {
  if (value < 0 && error > 0) {
    say("%s=%lld/%s", what, value, strerrorname_np(error));
  } else {
    say("%s=%lld", what, value);
  }
}

static void flag_letters(short what, char out[9]) {
  static const struct {
    short flag;
    char letter;
  } flags[] = {{EV_TIMEOUT, 'T'}, {EV_READ, 'R'}, {EV_WRITE, 'W'},    {EV_SIGNAL, 'S'},
               {EV_PERSIST, 'P'}, {EV_ET, 'E'},   {EV_FINALIZE, 'F'}, {EV_CLOSED, 'C'}};
  size_t n = 0;
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; ++i) {
    if (what & flags[i].flag) out[n++] = flags[i].letter;
  }
  if (!n) out[n++] = '0';
  out[n] = '\0';
}

void on_event(evutil_socket_t fd, short what, void *name) {
  (void)fd;
  char letters[9];
  flag_letters(what, letters);
  say("%s(%s)", name ? (const char *)name : "cb", letters);
}

void on_event_break(evutil_socket_t fd, short what, void *base) {
  on_event(fd, what, (void *)"cb-break");
  event_base_loopbreak(base);
}

void on_log(int severity, const char *text) {
  static const char *const names[] = {"debug", "msg", "warn", "err"};
  const char *name = severity >= 0 && severity <= 3 ? names[severity] : "odd";
  int found = 0;
  for (int error = 1; error < 134; ++error) {
    if (strerrorname_np(error) && strstr(text, strerror(error))) found = error;
  }
  if (found) {
    say("%s[%s]", name, strerrorname_np(found));
  } else {
    say("%s", name);
  }
}

static void on_fatal(int code) {
  say("fatal:%#x", (unsigned)code);
  _exit(kFatalExit);
}

struct event_base *base_new(void) {
  struct event_base *base = event_base_new();
  if (!base) say("no-base");
  return base;
}

struct event_base *base_of(const char *method) {
  static const char *const others[] = {"epoll", "poll", "select"};
  struct event_config *config = event_config_new();
  for (int i = 0; i < 3; ++i) {
    if (strcmp(others[i], method) != 0) event_config_avoid_method(config, others[i]);
  }
  struct event_base *base = event_base_new_with_config(config);
  event_config_free(config);
  if (!base || strcmp(event_base_get_method(base), method) != 0) say("no-base");
  return base;
}

void turn(struct event_base *base) { RET("turn", event_base_loop(base, EVLOOP_NONBLOCK)); }

static void on_deadline(evutil_socket_t fd, short what, void *base) {
  (void)fd, (void)what;
  say("deadline");
  event_base_loopbreak(base);
}

void run_for(struct event_base *base, int ms) {
  const struct timeval tv = {ms / 1000, (ms % 1000) * 1000};
  struct event *deadline = evtimer_new(base, on_deadline, base);
  event_add(deadline, &tv);
  RET("loop", event_base_loop(base, 0));
  event_free(deadline);
}

void say_pending(const struct event *ev) {
  char letters[9];
  const short all = EV_TIMEOUT | EV_READ | EV_WRITE | EV_SIGNAL | EV_CLOSED;
  flag_letters((short)event_pending(ev, all, NULL), letters);
  say("pending=%s", letters);
}

int high_fd(int fd) {
  const int high = dup2(fd, 901);
  close(fd);
  return high;
}

int closed_fd(void) {
  /* High, so that nothing which the library opens takes its place. */
  const int fd = dup2(STDIN_FILENO, 900);
  close(fd);
  return fd;
}

void pair(int fds[2]) {
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) say("no-pair");
}

int file_fd(void) {
  char name[] = "/tmp/misuse-XXXXXX";
  const int fd = mkstemp(name);
  unlink(name);
  return fd;
}

int open_fd(const char *path) { return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); }

size_t captured_stderr(char *out, size_t room) {
  fflush(stderr);
  const ssize_t n = pread(STDERR_FILENO, out, room - 1, 0);
  out[n > 0 ? n : 0] = '\0';
  return n > 0 ? (size_t)n : 0;
}

/* Enough descriptors for numbers above FD_SETSIZE. */
static void allow_descriptors(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < kMaxDescriptors)
    limit.rlim_cur = limit.rlim_max < kMaxDescriptors ? limit.rlim_max : kMaxDescriptors;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static void run_in_child(const struct row *row) {
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  const int null = open("/dev/null", O_RDWR);
  dup2(null, STDIN_FILENO);
  dup2(null, STDOUT_FILENO);
  const int errors = file_fd();
  dup2(errors, STDERR_FILENO);
  close(errors);
  close(null);
  event_set_log_callback(on_log);
  event_set_fatal_callback(on_fatal);
  alarm(kSecondsPerCase);
  row->fn(row->method);
  _exit(0);
}

static void say_end(int status) {
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    say(number == SIGALRM ? "hang" : "crash:SIG%s", sigabbrev_np(number));
  } else if (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != kFatalExit) {
    say("exit:%d", WEXITSTATUS(status));
  }
}

static void run(const struct row *row) {
  result->length = 0;
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) run_in_child(row);
  int status = 0;
  waitpid(child, &status, 0);
  say_end(status);
  printf("%s\t%.*s\n", row->name, (int)result->length, result->text);
}

static bool wanted(const char *name, int argc, char **argv) {
  if (argc < 2) return true;
  for (int i = 1; i < argc; ++i) {
    if (strncmp(name, argv[i], strlen(argv[i])) == 0) return true;
  }
  return false;
}

/* misuse [BEGINNING-OF-NAME...] */
int main(int argc, char **argv) {
  result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (result == MAP_FAILED) return 1;
  allow_descriptors();
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  for (int i = 0; i < row_count; ++i) {
    if (wanted(rows[i].name, argc, argv)) run(&rows[i]);
  }
  return 0;
}
