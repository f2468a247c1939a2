/* The clean client: many connections over poll(), each with a plan. */
#include "faults/client.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faults/random.h"

static void end_talk(struct talk *t, int reset) {
  struct linger at_once = {1, 0};
  if (reset) setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  if (t->ssl) SSL_free(t->ssl);
  t->ssl = NULL;
  close(t->fd);
  t->fd = -1;
}

/* Both return what read() and send() do; -1 with EAGAIN where TLS has to wait. */
static ssize_t tls_result(struct talk *t, int result) {
  const int error = SSL_get_error(t->ssl, result);
  ERR_clear_error();
  if (result > 0) return result;
  if (error == SSL_ERROR_ZERO_RETURN) return 0;
  errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
  return -1;
}
static ssize_t receive(struct talk *t, void *bytes, size_t size) {
  if (!t->ssl) return recv(t->fd, bytes, size, MSG_DONTWAIT);
  return tls_result(t, SSL_read(t->ssl, bytes, (int)size));
}
static ssize_t put(struct talk *t, const void *bytes, size_t size) {
  if (!t->ssl) return send(t->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  return tls_result(t, SSL_write(t->ssl, bytes, (int)size));
}

static void open_talk(struct client *c, struct talk *t) {
  const int small = 4096;
  plan_make(&t->plan, c->kind, &c->random);
  t->give_up_at = (size_t)-1;
  if (random_below(&c->random, 8) == 0)
    t->give_up_at = random_below(&c->random, (uint32_t)t->plan.out_size + 1);
  t->half_closes = c->kind != kPlanHttp || random_below(&c->random, 2);
  t->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (random_below(&c->random, 2)) setsockopt(t->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
  if (connect(t->fd, (struct sockaddr *)&c->address, sizeof(c->address)) != 0) {
    end_talk(t, 0);
    return;
  }
  fcntl(t->fd, F_SETFL, O_NONBLOCK);
  if (!c->tls) return;
  t->ssl = SSL_new(c->tls);
  SSL_set_fd(t->ssl, t->fd);
  SSL_set_connect_state(t->ssl);
  SSL_set_mode(t->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static void say_that_all_is_sent(struct talk *t) {
  t->said_all = 1;
  if (!t->half_closes) return;
  if (t->ssl) {
    SSL_shutdown(t->ssl);
    ERR_clear_error();
  } else {
    shutdown(t->fd, SHUT_WR);
  }
}

/* Returns 0 when the connection is lost. */
static int send_some(struct client *c, struct talk *t) {
  size_t size = t->plan.out_size - t->sent;
  const size_t most = 1 + random_below(&c->random, random_below(&c->random, 4) ? 20000 : 10);
  ssize_t sent;
  if (size > most) size = most;
  if (size > 0) {
    sent = put(t, t->plan.out + t->sent, size);
    if (sent <= 0) return errno == EAGAIN || errno == EINTR;
    t->sent += (size_t)sent;
  }
  if (t->sent == t->plan.out_size && !(t->ssl && SSL_in_init(t->ssl))) say_that_all_is_sent(t);
  return 1;
}

/* Returns 0 at the end of the connection, however it came. */
static int receive_some(struct client *c, struct talk *t) {
  unsigned char bytes[16384];
  const ssize_t got = receive(t, bytes, 1 + random_below(&c->random, sizeof(bytes)));
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return 0;
  if (t->plan.decode(&t->plan, bytes, (size_t)got) != 0) return 0;
  return 1;
}

/* Everything that arrived counts, also before a reset is met by writing. */
static void receive_rest(struct client *c, struct talk *t) {
  while (receive_some(c, t) && errno != EAGAIN) errno = 0;
}

static void step(struct client *c, struct talk *t, short ready) {
  int goes_on = 1;
  if (random_below(&c->random, 10) == 0) return; /* it is slow now */
  if (t->sent >= t->give_up_at) {
    end_talk(t, 1);
    return;
  }
  if (ready & (POLLIN | POLLHUP | POLLERR)) goes_on = receive_some(c, t);
  if (goes_on && !t->said_all && !send_some(c, t)) {
    errno = 0;
    receive_rest(c, t);
    goes_on = 0;
  }
  if (goes_on) return;
  t->whole = t->said_all && plan_is_complete(&t->plan);
  end_talk(t, 0);
}

/* TLS may hold bytes that poll() does not see, and wait for either direction: its talks are always tried. */
static unsigned step_all(struct client *c, struct pollfd *polls) {
  unsigned open = 0, i;
  for (i = 0; i < c->count; ++i) {
    struct talk *t = &c->talks[i];
    polls[i].fd = t->fd;
    polls[i].events = (short)(t->said_all ? POLLIN : POLLIN | POLLOUT);
    open += t->fd >= 0;
  }
  if (open == 0) return 0;
  poll(polls, c->count, c->tls ? 1 : 50);
  for (i = 0; i < c->count; ++i) {
    if (c->talks[i].fd >= 0) step(c, &c->talks[i], (short)(polls[i].revents | (c->tls ? POLLIN : 0)));
  }
  return open;
}

static void *run_client(void *arg) {
  struct client *c = arg;
  struct pollfd *polls = calloc(c->count, sizeof(*polls));
  unsigned i;
  for (i = 0; i < c->count; ++i) open_talk(c, &c->talks[i]);
  while (step_all(c, polls) > 0) {
  }
  free(polls);
  close(c->done);
  return NULL;
}

int client_start(struct client *c) {
  c->talks = calloc(c->count, sizeof(*c->talks));
  return c->talks && pthread_create(&c->thread, NULL, run_client, c) == 0;
}

void client_join(struct client *c) { pthread_join(c->thread, NULL); }

void client_free(struct client *c) {
  unsigned i;
  for (i = 0; i < c->count; ++i) plan_free(&c->talks[i].plan);
  free(c->talks);
}
