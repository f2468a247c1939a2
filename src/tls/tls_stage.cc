// Chunks that the loop lends to a TLS bufferevent.
#include "tls/tls_stage.h"

#include <utility>

#include "bufferevent/loop_chunks.h"
#include "core/event_base.h"
#include "util/assert.h"

namespace evi {

Chain *borrow_chunk(ReadChunk *shared, std::size_t size) noexcept {
  Chain *chunk = shared ? std::exchange(shared->chain, nullptr) : nullptr;
  if (chunk && chunk->capacity() < size) chain_release(std::exchange(chunk, nullptr));
  if (!chunk) chunk = chain_new_exact(size + sizeof(Chain));
  if (chunk) chunk->recyclable = true;
  return chunk;
}

ReadChunk *TlsBufferevent::shared_chunk() const noexcept {
  return off_loop_ ? nullptr : socket_transport::shared_chunk(*ev_base);
}

StageLease::StageLease(TlsBufferevent &bev, std::size_t size) noexcept : bev_(bev) {
  TlsStage &stage = bev_.stage_;
  if (!stage.chunk) stage.chunk = borrow_chunk(bev_.shared_chunk(), size);
  if (Chain *chunk = stage.chunk) stage = {chunk, chunk->begin, chunk->begin, chunk->end};
}

StageLease::~StageLease() {
  Chain *chunk = std::exchange(bev_.stage_, TlsStage{}).chunk;
  if (chunk) return_chunk(bev_.shared_chunk(), *bev_.ev_base, *chunk);
}

unsigned char *StageLease::split_scratch() noexcept {
  if (!bev_.stage_.chunk) return nullptr;
  EVI_ASSERT(bev_.stage_.room() >= kMaxRecordPlaintext);
  bev_.stage_.end -= kMaxRecordPlaintext;
  return bev_.stage_.end;
}

void TlsBufferevent::give_back_received() noexcept {
  if (received_ && received() == 0)
    return_chunk(shared_chunk(), *ev_base, *std::exchange(received_, nullptr));
}

void TlsBufferevent::settle_received() noexcept {
  if (!received_ || received() >= received_->capacity() / 2) return;
  if (received() > 0 && !wire_in_.add(received_->head, received())) return;
  received_->reset();
  give_back_received();
}

}  // namespace evi
