// A position in a list of chains, and the searches that walk from it.
//
// In an evbuffer_ptr, internal_.chain is the chain that holds the byte at pos and pos_in_chain the offset
// within its data; at the end of the buffer the chain is null.
#ifndef EVI_BUFFER_SEARCH_H
#define EVI_BUFFER_SEARCH_H

#include <cstddef>

#include "buffer/chain.h"
#include "util/assert.h"

namespace evi {

struct Cursor {
  const Chain *chain;    // null at the end
  std::size_t offset;    // within the chain's data, less than its length
  std::size_t position;  // from the front of the buffer

  // Requires: there are that many bytes.
  void advance(std::size_t bytes) noexcept {
    position += bytes;
    offset += bytes;
    while (chain && offset >= chain->length()) {
      offset -= chain->length();
      chain = chain->next;
    }
    EVI_ASSERT(chain || offset == 0);
  }
  // Requires: the byte is in memory.
  unsigned char byte() const noexcept {
    EVI_ASSERT(chain && !chain->unread);
    EVI_ASSERT(offset < chain->length());
    return chain->head[offset];
  }
};

// The first byte equal to `wanted` among the next `limit` ones; the chain is null if there is none.
Cursor find_byte(Cursor from, unsigned char wanted, std::size_t limit) noexcept;
// True if the bytes at `at`, across chains, are those of `what`.
bool matches(Cursor at, const char *what, std::size_t size) noexcept;
// Requires: there are that many bytes, in memory.
void copy_bytes(Cursor at, void *data, std::size_t size) noexcept;

}  // namespace evi

#endif
