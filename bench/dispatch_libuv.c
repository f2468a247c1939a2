/* Dispatch by libuv: the work of dispatch.c on uv_poll_t. */
#include <uv.h>

#include "dispatch.h"

static struct ring ring;
static struct progress progress;
static int finished;

static void on_readable(uv_poll_t *handle, int status, int what) {
  (void)what;
  CHECK(status == 0);
  if (finished) return; /* the rest of the batch after the last hop */
  ring_hop(&ring, (int)(intptr_t)handle->data);
  if (progress_add(&progress, 1)) {
    finished = 1;
    uv_stop(handle->loop);
  }
}

int main(int argc, char **argv) {
  static uv_poll_t handles[kPairs];
  uv_loop_t loop;
  const long ops = bench_start(argc, argv, kDispatchOps);
  CHECK(uv_loop_init(&loop) == 0);
  ring_init(&ring);
  for (intptr_t i = 0; i < kPairs; ++i) {
    CHECK(uv_poll_init(&loop, &handles[i], ring.in[i]) == 0);
    handles[i].data = (void *)i;
    CHECK(uv_poll_start(&handles[i], UV_READABLE, on_readable) == 0);
  }
  progress_init(&progress, "dispatch", ops / 10, ops);
  ring_start(&ring);
  uv_run(&loop, UV_RUN_DEFAULT);
  CHECK(finished);
  for (int i = 0; i < kPairs; ++i) uv_close((uv_handle_t *)&handles[i], NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&loop) == 0);
  bench_finish();
  return 0;
}
