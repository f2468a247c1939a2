// An evbuffer that a test owns.
#ifndef EVENTIDE_TEST_UNIT_HTTP_OWNED_BUFFER_H
#define EVENTIDE_TEST_UNIT_HTTP_OWNED_BUFFER_H

#include <memory>

#include "event2/buffer.h"

namespace test {

struct BufferFreer {
  void operator()(evbuffer *buffer) const { evbuffer_free(buffer); }
};
using OwnedBuffer = std::unique_ptr<evbuffer, BufferFreer>;

}  // namespace test

#endif
