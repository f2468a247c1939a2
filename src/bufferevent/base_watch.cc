// The life of a base, as its loop's chunks remember it.
#include "bufferevent/base_watch.h"

#include "bufferevent/loop_chunks.h"

namespace evi {

BaseWatch::BaseWatch(event_base *base) noexcept {
  if (!base || !prepare_loop_chunks(*base)) return;
  chunks_ = loop_chunks(*base);
  chunks_->hold();
}

BaseWatch::~BaseWatch() {
  if (chunks_) chunks_->drop();
}

void BaseWatch::forget_if_gone(BuffereventBase &top) const noexcept {
  if (!chunks_ || !chunks_->base_is_freed()) return;
  const event_base *const gone = top.ev_base;
  for (bufferevent *bev = &top; bev; bev = bev->be_ops->get_underlying(BuffereventBase::of(*bev))) {
    if (bev->ev_base == gone) bev->ev_base = nullptr;
  }
}

}  // namespace evi
