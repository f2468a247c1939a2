/* Echo by libuv: the work of echo.c on uv_tcp_t, with one read buffer for all and uv_try_write. */
#include <unistd.h>
#include <uv.h>

#include "bench.h"
#include "net.h"

static struct progress progress;
static char buffer[4096];
static long bytes_over; /* beyond whole messages */
static int finished;

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
  (void)handle;
  (void)suggested;
  *out = uv_buf_init(buffer, sizeof buffer);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *data) {
  if (finished || n == 0) return;
  CHECK(n > 0);
  const uv_buf_t answer = uv_buf_init(data->base, (unsigned)n);
  CHECK(uv_try_write(stream, &answer, 1) == n);
  const long bytes = n + bytes_over;
  bytes_over = bytes % kEchoMessage;
  if (progress_add(&progress, bytes / kEchoMessage)) {
    finished = 1;
    uv_stop(stream->loop);
  }
}

int main(int argc, char **argv) {
  static uv_tcp_t connections[kEchoClients];
  uv_loop_t loop;
  int port;
  const long ops = bench_start(argc, argv, 40000);
  const int listener = listen_on_loopback(&port);
  const pid_t load = start_load(echo_load, listener, port);
  CHECK(uv_loop_init(&loop) == 0);
  for (int i = 0; i < kEchoClients; ++i) {
    CHECK(uv_tcp_init(&loop, &connections[i]) == 0);
    CHECK(uv_tcp_open(&connections[i], accept_one(listener)) == 0);
    CHECK(uv_read_start((uv_stream_t *)&connections[i], on_allocate, on_read) == 0);
  }
  progress_init(&progress, "echo", ops / 10, ops);
  uv_run(&loop, UV_RUN_DEFAULT);
  CHECK(finished);
  for (int i = 0; i < kEchoClients; ++i) uv_close((uv_handle_t *)&connections[i], NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&loop) == 0);
  close(listener);
  wait_for_load(load);
  bench_finish();
  return 0;
}
