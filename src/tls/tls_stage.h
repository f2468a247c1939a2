// What surrounds calls of the engine: StageLease, the loop's receive chunk, lent to a TLS bufferevent for one
// batch of records; AddingToUnderlying and EngineCall.
#ifndef EVI_TLS_TLS_STAGE_H
#define EVI_TLS_TLS_STAGE_H

#include "bufferevent/socket_transport.h"
#include "tls/tls_bufferevent.h"

namespace evi {

// `shared` is the loop's, or null off its thread. The chunk is that one, if it has the room, or one like it;
// null if out of memory.
Chain *borrow_chunk(ReadChunk *shared, std::size_t size) noexcept;

// On the loop's thread. Of the program's code only what the TLS library calls runs meanwhile, and callbacks
// of buffers: these may free the bufferevent, and the session with it. Out of memory the stage stays empty,
// and everything goes on in smaller steps.
class StageLease {
 public:
  StageLease(TlsBufferevent &bev, std::size_t size) noexcept;
  ~StageLease();
  StageLease(const StageLease &) = delete;
  StageLease &operator=(const StageLease &) = delete;

  // Has the stage end before its last kMaxRecordPlaintext bytes, which are returned; null if there is no
  // stage.
  unsigned char *split_scratch() noexcept;

 private:
  TlsBufferevent &bev_;
};

// The underlying bufferevent, if there is one, looks at what the engine adds when the call is over: in memory
// that goes to the other side at once, where callbacks of its buffers may free us and the session.
class AddingToUnderlying {
 public:
  explicit AddingToUnderlying(BuffereventBase *underlying) noexcept : underlying_(underlying) {
    if (underlying_) underlying_->begin_adding();
  }
  ~AddingToUnderlying() {
    if (underlying_) underlying_->finish_adding();
  }
  AddingToUnderlying(const AddingToUnderlying &) = delete;
  AddingToUnderlying &operator=(const AddingToUnderlying &) = delete;

 private:
  BuffereventBase *underlying_;
};

// The engine is called: the TLS library, or a buffer that it writes to, may call the program, which must not
// enter the session once more by freeing us.
class EngineCall {
 public:
  explicit EngineCall(TlsBufferevent &bev) noexcept : bev_(bev) { bev_.in_engine_ = true; }
  ~EngineCall() { bev_.in_engine_ = false; }
  EngineCall(const EngineCall &) = delete;
  EngineCall &operator=(const EngineCall &) = delete;

 private:
  TlsBufferevent &bev_;
};

}  // namespace evi

#endif
