/* Signals by libuv: the work of signals.c on a uv_signal_t. */
#include <signal.h>
#include <uv.h>

#include "bench.h"

static struct progress progress;

static void on_signal(uv_signal_t *handle, int number) {
  if (progress_add(&progress, 1))
    uv_stop(handle->loop);
  else
    CHECK(raise(number) == 0);
}

int main(int argc, char **argv) {
  uv_loop_t loop;
  uv_signal_t handle;
  const long ops = bench_start(argc, argv, 100000);
  CHECK(uv_loop_init(&loop) == 0);
  CHECK(uv_signal_init(&loop, &handle) == 0 && uv_signal_start(&handle, on_signal, SIGUSR1) == 0);
  progress_init(&progress, "signals", ops / 10, ops);
  CHECK(raise(SIGUSR1) == 0);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_close((uv_handle_t *)&handle, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&loop) == 0);
  bench_finish();
  return 0;
}
