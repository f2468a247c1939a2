/* Memory used by a request received in small pieces: heap bytes per received byte. */
#include <event2/event_compat.h>
#include <event2/http_compat.h>
#include <netinet/tcp.h>
#include <sys/wait.h>

#include "api/http_server.h"

static size_t live, peak;

/* Blocks with their size in front. */
union block {
  size_t size;
  long double aligned;
  void *pointer;
};
static void *counted_realloc(void *old, size_t size) {
  union block *block = old ? (union block *)old - 1 : NULL;
  const size_t before = block ? block->size : 0;
  block = realloc(block, sizeof(*block) + size);
  if (!block) return NULL;
  block->size = size;
  live += size - before;
  if (live > peak) peak = live;
  return block + 1;
}
static void *counted_malloc(size_t size) { return counted_realloc(NULL, size); }
static void counted_free(void *memory) {
  union block *block = memory ? (union block *)memory - 1 : NULL;
  if (block) live -= block->size;
  free(block);
}

static size_t at_request;
static void note_memory(struct evhttp_request *req, void *arg) {
  (void)arg;
  at_request = live;
  evhttp_send_reply(req, HTTP_OK, "OK", NULL);
}

struct cost {
  size_t held, most; /* beyond what there was before */
};

/* Of a request that is received in pieces of one size, an iteration of the loop for each. */
static struct cost cost_of(const char *request, size_t size, size_t piece) {
  struct cost cost;
  const int on = 1, fd = client();
  size_t sent = 0, before;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  event_base_loop(base, EVLOOP_NONBLOCK);
  event_base_loop(base, EVLOOP_NONBLOCK);
  peak = before = live;
  at_request = 0;
  while (sent < size) {
    const size_t now = size - sent < piece ? size - sent : piece;
    send_text(fd, request + sent, now);
    sent += now;
    event_base_loop(base, EVLOOP_NONBLOCK);
  }
  next_answer(fd, "\r\n\r\n");
  cost.held = at_request > before ? at_request - before : 0;
  cost.most = peak - before;
  close(fd);
  event_base_loop(base, EVLOOP_NONBLOCK);
  event_base_loop(base, EVLOOP_NONBLOCK);
  return cost;
}

static char text[1000000];
/* `size` bytes between two texts; the size of it all. */
static size_t compose(const char *before, size_t size, const char *after) {
  const size_t begin = strlen(before);
  memcpy(text, before, begin);
  memset(text + begin, 'x', size);
  strcpy(text + begin + size, after);
  return begin + size + strlen(after);
}
static size_t compose_body(size_t size) {
  char head[100];
  sprintf(head, "POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n", (int)size);
  return compose(head, size, "");
}
static size_t compose_chunks(size_t count, const char *chunk) {
  char *at = text + compose("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 0, "");
  for (; count > 0; --count) at += sprintf(at, "%s", chunk);
  at += sprintf(at, "0\r\n\r\n");
  return (size_t)(at - text);
}
static size_t compose_header(size_t size) { return compose("GET / HTTP/1.1\r\nA: ", size, "\r\n\r\n"); }
static size_t compose_headers(size_t count) {
  char *at = text + compose("GET / HTTP/1.1\r\n", 0, "");
  for (; count > 0; --count)
    at += sprintf(at, "A: %s\r\n", "12345678901234567890123456789012345678901234567890");
  at += sprintf(at, "\r\n");
  return (size_t)(at - text);
}

static void begin(void) {
  start_server();
  evhttp_set_gencb(http, note_memory, NULL);
  /* The memory that the loop keeps for all connections is allocated from then on. */
  cost_of(text, compose_body(20000), 20000);
}

/* The bytes, and half as much; what does not depend on their number is allowed for. libevent needs 1.06 for
 * each. */
enum { kFixed = 8192 };
#define CHECK_COST(bytes, count, what)                                      \
  do {                                                                      \
    if ((bytes) > kFixed + (count) + (count) / 2) {                         \
      CHECK_FAIL_("%s: %d bytes for %d", what, (int)(bytes), (int)(count)); \
    }                                                                       \
  } while (0)

TEST(a_body_sent_in_small_pieces_uses_little_more_memory_than_its_bytes) {
  static const size_t pieces[] = {1, 7, 100, 600, 1460};
  const size_t size = 30000;
  size_t i;
  begin();
  for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); ++i) {
    CHECK_COST(cost_of(text, compose_body(size), pieces[i]).most, size, "body");
    CHECK_COST(cost_of(text, compose_chunks(size / 10, "A\r\n0123456789\r\n"), pieces[i]).most, size,
               "chunks");
  }
  /* libevent needs a kilobyte for each of these. */
  CHECK_COST(cost_of(text, compose_chunks(3000, "1\r\nx\r\n"), 6).most, (size_t)3000, "small chunks");
  stop_server();
}

/* While it is copied to its entry, a header is there twice. */
TEST(a_long_header_uses_little_more_memory_than_its_bytes) {
  static const size_t pieces[] = {1, 100, 1460, 65536};
  const size_t size = 30000;
  size_t i;
  begin();
  for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); ++i) {
    const struct cost cost = cost_of(text, compose_header(size), pieces[i]);
    CHECK_COST(cost.held, size, "header held");
    CHECK_COST(cost.most, 2 * size, "header at most");
  }
  stop_server();
}

TEST(a_very_long_header_uses_little_more_memory_than_its_bytes) {
  const size_t size = 900000;
  struct cost cost;
  begin();
  cost = cost_of(text, compose_header(size), 65536);
  CHECK(cost.held <= size + size / 5);
  CHECK(cost.most <= 2 * size + size / 5);
  stop_server();
}

/* Each is a block with its size, name and value, and two pointers to them. */
TEST(many_headers_use_one_block_each) {
  const size_t count = 500, size = compose_headers(count);
  struct cost cost;
  begin();
  compose_headers(count);
  cost = cost_of(text, size, 1);
  CHECK(cost.held <= kFixed + count * (54 + 64));
  stop_server();
}

/* Each from an address of its own on the stack. */
static int start_at_depths(int depths) {
  volatile char room[200] = {0};
  struct evhttp *started = evhttp_start("127.0.0.1", 0);
  if (!started) return 0;
  evhttp_free(started);
  return depths == 1 || start_at_depths(depths - 1) + room[0];
}
/* The library asks an event of its own for the current base. Debug mode would keep its address, which is one
 * of the stack, in a set that grows with the number of events. In a child, as the mode cannot be disabled;
 * the first test, as it is to be enabled before there are events. */
static int leaves_no_event(void) {
  size_t before;
  event_enable_debug_mode();
  base = event_init();
  if (!start_at_depths(1)) return 0;
  before = live;
  return start_at_depths(200) && live == before;
}
TEST(evhttp_start_leaves_no_event_to_debug_mode) {
  int status = -1;
  const pid_t child = fork();
  if (child == 0) _exit(leaves_no_event() ? 0 : 1);
  CHECK_INT_EQ(waitpid(child, &status, 0), child);
  CHECK_INT_EQ(status, 0);
}

int main(int argc, char **argv) {
  event_set_mem_functions(counted_malloc, counted_realloc, counted_free);
  RUN_TESTS(evhttp_start_leaves_no_event_to_debug_mode,
            a_body_sent_in_small_pieces_uses_little_more_memory_than_its_bytes,
            a_long_header_uses_little_more_memory_than_its_bytes,
            a_very_long_header_uses_little_more_memory_than_its_bytes, many_headers_use_one_block_each);
}
