// The functions of event2/buffer_compat.h, in its order.
#include "event2/buffer_compat.h"

#include "buffer/evbuffer.h"

using evi::BufferUse;

extern "C" char *evbuffer_readline(evbuffer *buffer) {
  const BufferUse use(*buffer);
  return buffer->read_line(nullptr, EVBUFFER_EOL_ANY);
}

extern "C" int evbuffer_setcb(evbuffer *buffer, evbuffer_cb cb, void *cbarg) {
  const BufferUse use(*buffer);
  return buffer->replace_callbacks(cb, cbarg) ? 0 : -1;
}

extern "C" unsigned char *evbuffer_find(evbuffer *buffer, const unsigned char *what, size_t len) {
  const BufferUse use(*buffer);
  const evbuffer_ptr found = buffer->search(reinterpret_cast<const char *>(what), len, nullptr, nullptr);
  if (found.pos < 0) return nullptr;
  unsigned char *bytes = buffer->pullup(found.pos + static_cast<ev_ssize_t>(len));
  return bytes ? bytes + found.pos : nullptr;
}
