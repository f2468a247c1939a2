/* Reads a FIFO and copies the data of any number of writers to standard output, until SIGINT.
 *
 * It shows an event on a descriptor that is not a socket, and how to keep a FIFO open: the reader holds a
 * write end itself; otherwise the FIFO would stay readable, at EOF, after the last writer closed it.  The
 * program creates the FIFO if it does not exist, and then removes it at exit.  Messages go to standard error.
 *
 *   $ ./event-read-fifo event.fifo &
 *   $ echo hello > event.fifo
 *   $ kill -INT %1
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server.h"

struct fifo {
  const char *path;
  int made; /* created by this program, which removes it */
  int reading_end;
  int writing_end;
  struct event_base *base;
  struct event *readable;
  struct event *interrupt;
  int failed;
};

static void on_readable(evutil_socket_t fd, short what, void *arg) {
  struct fifo *fifo = arg;
  char data[4096];
  ssize_t count = read(fd, data, sizeof(data));

  (void)what;
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    perror("read");
  } else if (fwrite(data, 1, (size_t)count, stdout) == (size_t)count && fflush(stdout) == 0) {
    return;
  } else {
    perror("write");
  }
  fifo->failed = 1;
  event_base_loopbreak(fifo->base);
}

static void on_interrupt(evutil_socket_t signal_number, short what, void *arg) {
  (void)signal_number;
  (void)what;
  event_base_loopbreak(arg);
}

static int fifo_open(struct fifo *fifo) {
  struct stat status;

  if (mkfifo(fifo->path, 0600) == 0) {
    fifo->made = 1;
  } else if (errno != EEXIST) {
    return -1;
  }
  /* Without O_NONBLOCK open() would wait for a writer. */
  fifo->reading_end = open(fifo->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fifo->reading_end < 0 || fstat(fifo->reading_end, &status) != 0) return -1;
  if (!S_ISFIFO(status.st_mode)) {
    errno = EEXIST;
    return -1;
  }
  fifo->writing_end = open(fifo->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  return fifo->writing_end < 0 ? -1 : 0;
}

static int fifo_run(struct fifo *fifo) {
  if (fifo_open(fifo) != 0) {
    perror(fifo->path);
    return -1;
  }
  fifo->base = event_base_new();
  if (fifo->base == NULL) return -1;
  fifo->readable = event_new(fifo->base, fifo->reading_end, EV_READ | EV_PERSIST, on_readable, fifo);
  fifo->interrupt = evsignal_new(fifo->base, SIGINT, on_interrupt, fifo->base);
  if (fifo->readable == NULL || fifo->interrupt == NULL) return -1;
  if (event_add(fifo->readable, NULL) != 0 || event_add(fifo->interrupt, NULL) != 0) return -1;
  fprintf(stderr, "reading %s\n", fifo->path);
  return event_base_dispatch(fifo->base) != 0 || fifo->failed ? -1 : 0;
}

static void fifo_clear(struct fifo *fifo) {
  if (fifo->readable != NULL) event_free(fifo->readable);
  if (fifo->interrupt != NULL) event_free(fifo->interrupt);
  if (fifo->base != NULL) event_base_free(fifo->base);
  if (fifo->reading_end >= 0) close(fifo->reading_end);
  if (fifo->writing_end >= 0) close(fifo->writing_end);
  if (fifo->made && unlink(fifo->path) != 0) perror(fifo->path);
}

int main(int argc, char **argv) {
  struct fifo fifo = {.path = "event.fifo", .reading_end = -1, .writing_end = -1};
  int result;

  if (getopt(argc, argv, "") != -1 || argc - optind > 1) {
    fprintf(stderr, "usage: %s [FIFO]\n", argv[0]);
    return 2;
  }
  if (optind < argc) fifo.path = argv[optind];
  signal(SIGPIPE, SIG_IGN); /* a closed standard output is a failed write */
  result = fifo_run(&fifo);
  fifo_clear(&fifo);
  libevent_global_shutdown();
  return result == 0 ? 0 : 1;
}
