/* Wake-ups from another thread by libuv: the batches of xthread.c on uv_async_t. Round trips are left out: on
 * one CPU its loop spins until the sender, which it has preempted, is scheduled again. */
#include <uv.h>

#include "xthread.h"

static uv_loop_t loop;
static uv_async_t handles[kBatch], end;
static struct batches batches;

static void on_async(uv_async_t *handle) {
  (void)handle;
  batches_received_one(&batches);
}

static void on_end(uv_async_t *handle) { uv_stop(handle->loop); }

static void send_one(int i) { CHECK(uv_async_send(&handles[i]) == 0); }
static void send_end(void) { CHECK(uv_async_send(&end) == 0); }

static void close_handle(uv_handle_t *handle, void *arg) {
  (void)arg;
  uv_close(handle, NULL);
}

static void close_loop(void) {
  uv_walk(&loop, close_handle, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&loop) == 0);
}

static void run_batches(long ops) {
  pthread_t sender;
  batches = (struct batches){.send = send_one, .end = send_end, .ops = ops};
  CHECK(sem_init(&batches.done, 0, 0) == 0);
  CHECK(uv_loop_init(&loop) == 0);
  for (int i = 0; i < kBatch; ++i) CHECK(uv_async_init(&loop, &handles[i], on_async) == 0);
  CHECK(uv_async_init(&loop, &end, on_end) == 0);
  start_thread(&sender, batches_send, &batches);
  uv_run(&loop, UV_RUN_DEFAULT);
  end_thread(sender);
  close_loop();
}

int main(int argc, char **argv) {
  const long ops = bench_start(argc, argv, kXthreadOps);
  run_batches(ops);
  bench_finish();
  return 0;
}
