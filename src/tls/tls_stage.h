// StageLease: the loop's receive chunk, lent to a TLS bufferevent for one read or one batch of records.
#ifndef EVI_TLS_TLS_STAGE_H
#define EVI_TLS_TLS_STAGE_H

#include "bufferevent/socket_transport.h"
#include "tls/tls_bufferevent.h"

namespace evi {

// On the loop's thread. No code of the program runs meanwhile but what the TLS library calls. Without memory
// the stage stays empty, and everything goes on in smaller steps.
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
  ReadChunk *shared_;
  Chain *chunk_;
};

}  // namespace evi

#endif
