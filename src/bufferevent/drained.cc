// Checking the output buffers of a stack of bufferevents, and calling the application when all are empty.
#include "bufferevent/drained.h"

#include <utility>

#include "util/alloc.h"

namespace evi {

bool Drained::ask(BuffereventBase &bev, eventide_drained_cb callback, void *arg) noexcept {
  BuffereventExtra *extra = bev.make_extra();
  if (!extra) return false;
  if (!extra->drained) extra->drained = make<Drained>(bev);
  Drained *self = extra->drained;
  if (!self) return false;
  self->callback_ = callback;
  self->arg_ = arg;
  self->error_ = 0;
  self->due_ = false;
  self->check();
  return true;
}

// A TLS bufferevent's output stays in its buffer until the kernel, or the underlying bufferevent, has the
// ciphertext.
bool Drained::nothing_left() const noexcept {
  const BuffereventBase *bev = &bev_;
  for (;;) {
    if (!bev->output_buffer().empty()) return false;
    const bufferevent *under = bev->be_ops->get_underlying(*bev);
    if (!under) return true;
    bev = &BuffereventBase::of(*under);
  }
}

void Drained::check() noexcept {
  if (!callback_ || due_ || bev_.freed() || !nothing_left()) return;
  due_ = true;
  bev_.schedule_deferred();
}

void Drained::fail(short what) noexcept {
  if (!callback_ || bev_.freed()) return;
  error_ = what;
  due_ = true;
  bev_.schedule_deferred();
}

void Drained::run() noexcept {
  if (!due_ || bev_.freed()) return;
  due_ = false;
  // More was written meanwhile.
  if (!error_ && !nothing_left()) return;
  const eventide_drained_cb callback = std::exchange(callback_, nullptr);
  if (callback) bev_.call_open([&] { callback(&bev_, error_, arg_); });
}

}  // namespace evi
