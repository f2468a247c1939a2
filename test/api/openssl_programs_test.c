/* TLS bufferevents as clients of the program `openssl s_server`. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "api/check.h"
#include "api/tls_openssl.h"

static struct event_base *base;

struct server {
  pid_t process;
  FILE *output;
  char pem[64];
  struct sockaddr_in address;
};

/* Certificate and key in one file. */
static int write_pem(char name[64]) {
  FILE *out;
  int fd, good;
  strcpy(name, "/tmp/eventide-tls-XXXXXX");
  fd = mkstemp(name);
  if (fd < 0 || !(out = fdopen(fd, "w"))) return -1;
  good =
      PEM_write_X509(out, tls_certificate) && PEM_write_PrivateKey(out, tls_key, NULL, NULL, 0, NULL, NULL);
  return fclose(out) == 0 && good ? 0 : -1;
}

/* It says "ACCEPT address:port" once it listens. */
static int read_port(struct server *s) {
  char line[256];
  while (fgets(line, sizeof(line), s->output)) {
    const char *colon = strrchr(line, ':');
    if (strncmp(line, "ACCEPT", 6) != 0 || !colon) continue;
    s->address.sin_port = htons((unsigned short)atoi(colon + 1));
    return s->address.sin_port ? 0 : -1;
  }
  return -1;
}

static int start_server(struct server *s, const char *version) {
  int out[2];
  memset(s, 0, sizeof(*s));
  s->address.sin_family = AF_INET;
  s->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (write_pem(s->pem) != 0 || pipe(out) != 0) return -1;
  s->process = fork();
  if (s->process == 0) {
    dup2(out[1], 1);
    dup2(open("/dev/null", O_RDWR), 0);
    dup2(0, 2);
    alarm(60);
    execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", s->pem, "-key", s->pem,
           "-rev", version, (char *)NULL);
    _exit(127);
  }
  close(out[1]);
  s->output = fdopen(out[0], "r");
  return s->process > 0 && s->output ? read_port(s) : -1;
}

static void stop_server(struct server *s) {
  kill(s->process, SIGTERM);
  waitpid(s->process, NULL, 0);
  fclose(s->output);
  unlink(s->pem);
}

struct client {
  int connected, ended, what;
  int lines, wanted;
  struct bufferevent *bev;
};

static void say(struct client *c) {
  evbuffer_add_printf(bufferevent_get_output(c->bev), "line number %d\n", c->lines + 1);
}

static void on_read(struct bufferevent *bev, void *arg) {
  struct client *c = arg;
  char expected[64];
  char *line = evbuffer_readln(bufferevent_get_input(bev), NULL, EVBUFFER_EOL_LF);
  int number = ++c->lines, i = 0;
  if (!line) {
    --c->lines;
    return;
  }
  for (; number > 0; number /= 10) expected[i++] = (char)('0' + number % 10);
  strcpy(expected + i, " rebmun enil");
  CHECK_STR_EQ(line, expected);
  free(line);
  if (c->lines < c->wanted && !CHECK_FAILED()) {
    say(c);
  } else {
    event_base_loopbreak(base);
  }
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  struct client *c = arg;
  (void)bev;
  if (what & BEV_EVENT_CONNECTED) {
    c->connected = 1;
    return;
  }
  c->ended = 1;
  c->what = what;
  event_base_loopbreak(base);
}

static void talk(int version, const char *option) {
  struct timeval limit = {30, 0};
  struct client c = {0};
  struct server s;
  SSL_CTX *ctx = tls_context(0, version);
  CHECK_INT_EQ(start_server(&s, option), 0);
  if (!CHECK_FAILED()) {
    c.wanted = 200;
    c.bev = bufferevent_openssl_socket_new(base, -1, SSL_new(ctx), BUFFEREVENT_SSL_CONNECTING,
                                           BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(c.bev, on_read, NULL, on_event, &c);
    bufferevent_set_timeouts(c.bev, &limit, &limit);
    CHECK_INT_EQ(bufferevent_socket_connect(c.bev, (struct sockaddr *)&s.address, sizeof(s.address)), 0);
    bufferevent_enable(c.bev, EV_READ | EV_WRITE);
    say(&c);
    event_base_dispatch(base);
    CHECK_INT_EQ(c.connected, 1);
    CHECK_INT_EQ(c.lines, 200);
    CHECK_INT_EQ(c.ended, 0);
    CHECK_STR_EQ(SSL_get_version(bufferevent_openssl_get_ssl(c.bev)),
                 version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2");
    /* The peer either sends close_notify when it exits, or the connection is cut. */
    kill(s.process, SIGKILL);
    event_base_dispatch(base);
    CHECK_INT_EQ(c.ended, 1);
    CHECK(c.what & (BEV_EVENT_EOF | BEV_EVENT_ERROR));
    CHECK(c.what & BEV_EVENT_READING);
    bufferevent_free(c.bev);
  }
  stop_server(&s);
  SSL_CTX_free(ctx);
}

TEST(s_server_with_tls12_reverses_lines) { talk(TLS1_2_VERSION, "-tls1_2"); }
TEST(s_server_with_tls13_reverses_lines) { talk(TLS1_3_VERSION, "-tls1_3"); }

static int run(int argc, char **argv) {
  RUN_TESTS(s_server_with_tls12_reverses_lines, s_server_with_tls13_reverses_lines);
}

int main(int argc, char **argv) {
  int result;
  signal(SIGPIPE, SIG_IGN);
  if (!tls_make_certificate()) return 2;
  base = event_base_new();
  result = run(argc, argv);
  event_base_free(base);
  X509_free(tls_certificate);
  EVP_PKEY_free(tls_key);
  return result;
}
