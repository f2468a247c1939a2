// Exchange: between the bufferevent's thread and that of the loop where the operations are.
#include "bufferevent/exchange_win32.h"

#include "util/alloc.h"

namespace evi {

// No other thread looks at it before it is begun.
Operation &Exchange::prepare(Transfer &transfer) noexcept {
  transfer.wanted = true;
  transfer.phase.store(Transfer::Phase::under_way, std::memory_order_relaxed);
  return transfer.op;
}

bool Exchange::want(Transfer &transfer) noexcept {
  if (!transfer.busy()) return false;
  if (transfer.wanted) return true;
  const LockGuard held_lock(base_.lock());
  transfer.wanted = true;
  if (transfer.under_way()) return true;
  transfer.phase.store(Transfer::Phase::under_way, std::memory_order_relaxed);
  base_.schedule(transfer.op.done);
  return true;
}

// A base may be gone that has nothing of ours.
void Exchange::unwant(Transfer &transfer) noexcept {
  if (!transfer.under_way() || transfer.op.stranded) return;
  const LockGuard held_lock(base_.lock());
  transfer.wanted = false;
}

void Exchange::release_held() noexcept {
  while (held_count > 0) chain_release(held[--held_count]);
}

bool Exchange::end_sending(std::size_t &bytes) noexcept {
  bytes = 0;
  if (task != Task::send || !writing.busy()) return true;
  unwant(writing);
  if (!writing.op.cancel_and_wait(bytes)) return false;
  release_held();
  return true;
}

void Exchange::leave() noexcept {
  // Its base was freed, but the kernel may still write to it.
  if (reading.op.stranded || writing.op.stranded) return;
  if (!under_way()) return destroy(this);
  if (reading.under_way()) reading.op.cancel();
  if (writing.under_way()) writing.op.cancel();
  bool last = false;
  {
    const LockGuard held_lock(base_.lock());
    owner_ = nullptr;
    last = !under_way();
  }
  if (last) destroy(this);
}

BuffereventBase *Exchange::came_back(Transfer &transfer) noexcept {
  {
    const LockGuard held_lock(base_.lock());
    if (owner_ && transfer.wanted) {
      owner_->hold();
      return owner_;
    }
    if (owner_) {
      // From here on its thread may destroy it.
      transfer.phase.store(Transfer::Phase::parked, std::memory_order_release);
      return nullptr;
    }
  }
  came_back_late(transfer);
  return nullptr;
}

void Exchange::came_back_late(Transfer &transfer) noexcept {
  transfer.phase.store(Transfer::Phase::idle, std::memory_order_relaxed);
  if (!under_way()) destroy(this);
}

}  // namespace evi
