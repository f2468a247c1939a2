// Positions, searches across chains, and the ends of lines.
#include "buffer/search.h"

#include <algorithm>
#include <cstring>

#include "buffer/evbuffer.h"
#include "util/alloc.h"
#include "util/assert.h"
#include "util/find_bytes.h"

using evi::Chain;
using evi::Cursor;

namespace evi {

Cursor find_byte(Cursor at, unsigned char wanted, std::size_t limit) noexcept {
  while (at.chain && limit > 0) {
    EVI_ASSERT(!at.chain->unread);
    const unsigned char *from = at.chain->head + at.offset;
    const std::size_t here = std::min(limit, at.chain->length() - at.offset);
    if (const void *hit = std::memchr(from, wanted, here)) {
      const std::size_t skipped = static_cast<std::size_t>(static_cast<const unsigned char *>(hit) - from);
      return Cursor{at.chain, at.offset + skipped, at.position + skipped};
    }
    limit -= here;
    at.advance(here);
  }
  return Cursor{nullptr, 0, at.position};
}

bool matches(Cursor at, const char *what, std::size_t size) noexcept {
  while (size > 0) {
    if (!at.chain) return false;
    const std::size_t here = std::min(size, at.chain->length() - at.offset);
    if (std::memcmp(at.chain->head + at.offset, what, here) != 0) return false;
    what += here;
    size -= here;
    at.advance(here);
  }
  return true;
}

void copy_bytes(Cursor at, void *data, std::size_t size) noexcept {
  unsigned char *out = static_cast<unsigned char *>(data);
  while (size > 0) {
    EVI_ASSERT(at.chain && !at.chain->unread);
    const std::size_t here = std::min(size, at.chain->length() - at.offset);
    std::memcpy(out, at.chain->head + at.offset, here);
    out += here;
    size -= here;
    at.chain = at.chain->next;
    at.offset = 0;
  }
}

namespace {

constexpr evbuffer_ptr kNowhere = {-1, {nullptr, 0}};

evbuffer_ptr to_ptr(const Cursor &at) noexcept {
  return {static_cast<ev_ssize_t>(at.position), {const_cast<Chain *>(at.chain), at.offset}};
}

// The number of false starts after which a search within a chain stops looking for the first byte alone: the
// chain is full of that byte, or made so that each byte is compared many times.
constexpr int kMaxFalseStarts = 16;

// The first occurrence in `room` contiguous bytes; null if there is none.
const unsigned char *find_within(const unsigned char *from, std::size_t room, const char *what,
                                 std::size_t size) noexcept {
  EVI_ASSERT(size > 0);
  for (int tries = 0; room >= size && tries < kMaxFalseStarts; ++tries) {
    const void *hit = std::memchr(from, static_cast<unsigned char>(*what), room - size + 1);
    if (!hit || std::memcmp(hit, what, size) == 0) return static_cast<const unsigned char *>(hit);
    const unsigned char *next = static_cast<const unsigned char *>(hit) + 1;
    room -= static_cast<std::size_t>(next - from);
    from = next;
  }
  return room < size ? nullptr : static_cast<const unsigned char *>(find_bytes(from, room, what, size));
}

// Finds the first byte that is `first` or `second`.
Cursor find_either(const Cursor &from, unsigned char first, unsigned char second,
                   std::size_t limit) noexcept {
  const Cursor a = find_byte(from, first, limit);
  const Cursor b = find_byte(from, second, a.chain ? a.position - from.position : limit);
  return b.chain ? b : a;
}

std::size_t span_of_line_ends(Cursor at) noexcept {
  const std::size_t start = at.position;
  while (at.chain && (at.byte() == '\r' || at.byte() == '\n')) at.advance(1);
  return at.position - start;
}

// The byte before `at`, which may be in an earlier chain. Requires: `at` is behind `from`.
Cursor step_back(const Cursor &from, const Cursor &at) noexcept {
  EVI_ASSERT(at.position > from.position);
  if (at.offset > 0) return Cursor{at.chain, at.offset - 1, at.position - 1};
  Cursor before = from;
  before.advance(at.position - 1 - from.position);
  return before;
}

// LF, and the CR before it unless that is before the start.
Cursor find_optional_cr_lf(const Cursor &from, std::size_t limit, std::size_t &eol_length) noexcept {
  const Cursor lf = find_byte(from, '\n', limit);
  eol_length = 1;
  if (!lf.chain || lf.position == from.position) return lf;
  const Cursor before = step_back(from, lf);
  if (before.byte() != '\r') return lf;
  eol_length = 2;
  return before;
}

Cursor find_cr_lf(Cursor from, std::size_t limit) noexcept {
  const std::size_t end = from.position + limit;
  for (;;) {
    const Cursor cr = find_byte(from, '\r', end - from.position);
    if (!cr.chain) return cr;
    from = cr;
    from.advance(1);
    if (!from.chain) return from;
    if (from.byte() == '\n') return cr;
  }
}

}  // namespace
}  // namespace evi

// --- positions ---

bool evbuffer::resolve(const evbuffer_ptr *ptr, Cursor &out) const noexcept {
  out = Cursor{first_, 0, 0};
  if (!ptr) return true;
  if (ptr->pos < 0 || static_cast<std::size_t>(ptr->pos) > length_) return false;
  const std::size_t position = static_cast<std::size_t>(ptr->pos);
  if (ptr->internal_.chain) {
    out = Cursor{static_cast<const Chain *>(ptr->internal_.chain), ptr->internal_.pos_in_chain, position};
  } else {
    out.advance(position);
  }
  return true;
}

bool evbuffer::set_position(evbuffer_ptr &ptr, std::size_t position, evbuffer_ptr_how how) const noexcept {
  Cursor at{first_, 0, 0};
  const bool valid = how == EVBUFFER_PTR_SET || (how == EVBUFFER_PTR_ADD && resolve(&ptr, at));
  if (!valid || position > length_ - at.position) {
    ptr = evi::kNowhere;
    return false;
  }
  at.advance(position);
  ptr = evi::to_ptr(at);
  return true;
}

// --- bytes in files ---

// The const chains here belong to the buffer, and reading them in does not change their contents.
bool evbuffer::read_in(const Chain *c, std::size_t skipped, std::size_t size) const noexcept {
  for (; c && size > 0; c = c->next) {
    if (c->unread && !evi::chain_read_in(const_cast<Chain &>(*c))) return false;
    size -= std::min(size, c->length() - skipped);
    skipped = 0;
  }
  return true;
}

// --- searches ---

evbuffer_ptr evbuffer::search(const char *what, std::size_t size, const evbuffer_ptr *start,
                              const evbuffer_ptr *end) const noexcept {
  Cursor at;
  if (!resolve(start, at)) return evi::kNowhere;
  if (size == 0) return evi::to_ptr(at);
  const std::size_t stop =
      end && end->pos >= 0 ? std::min(static_cast<std::size_t>(end->pos), length_) : length_;
  if (at.position >= stop || !readable(at, stop - at.position)) return evi::kNowhere;
  while (at.chain && at.position < stop && size <= stop - at.position) {
    // First matches within this chain, then those that begin in its last bytes.
    const std::size_t here = std::min(at.chain->length() - at.offset, stop - at.position);
    const unsigned char *from = at.chain->head + at.offset;
    if (const unsigned char *hit = evi::find_within(from, here, what, size)) {
      at.advance(static_cast<std::size_t>(hit - from));
      return evi::to_ptr(at);
    }
    std::size_t across = std::min(here, size - 1);
    at.advance(here - across);
    across = std::min(across, stop - at.position - size + 1);
    for (; across > 0; --across, at.advance(1)) {
      if (evi::matches(at, what, size)) return evi::to_ptr(at);
    }
  }
  return evi::kNowhere;
}

evbuffer_ptr evbuffer::search_eol(const evbuffer_ptr *start, std::size_t *eol_length,
                                  evbuffer_eol_style style) const noexcept {
  if (eol_length) *eol_length = 0;
  Cursor from;
  if (!resolve(start, from)) return evi::kNowhere;
  const std::size_t limit = length_ - from.position;
  if (!readable(from, limit)) return evi::kNowhere;
  Cursor found{nullptr, 0, 0};
  std::size_t size = 1;
  switch (style) {
    case EVBUFFER_EOL_ANY:
      found = evi::find_either(from, '\n', '\r', limit);
      size = evi::span_of_line_ends(found);
      break;
    case EVBUFFER_EOL_CRLF:
      found = evi::find_optional_cr_lf(from, limit, size);
      break;
    case EVBUFFER_EOL_CRLF_STRICT:
      found = evi::find_cr_lf(from, limit);
      size = 2;
      break;
    case EVBUFFER_EOL_LF:
      found = evi::find_byte(from, '\n', limit);
      break;
    case EVBUFFER_EOL_NUL:
      found = evi::find_byte(from, '\0', limit);
      break;
  }
  if (!found.chain) return evi::kNowhere;
  if (eol_length) *eol_length = size;
  return evi::to_ptr(found);
}

// --- lines ---

// The length of the first line and of its line end, which is mostly in the first chain.
bool evbuffer::find_line_end(evbuffer_eol_style style, std::size_t &size,
                             std::size_t &eol_size) const noexcept {
  if (!first_ || !front_readable(1)) return false;
  const bool by_lf = style == EVBUFFER_EOL_LF || style == EVBUFFER_EOL_CRLF;
  if (const void *hit = by_lf ? std::memchr(first_->head, '\n', first_->length()) : nullptr) {
    const unsigned char *end = static_cast<const unsigned char *>(hit);
    const bool with_cr = style == EVBUFFER_EOL_CRLF && end != first_->head && end[-1] == '\r';
    eol_size = with_cr ? 2 : 1;
    size = static_cast<std::size_t>(end - first_->head) - (with_cr ? 1 : 0);
    return true;
  }
  const evbuffer_ptr end = search_eol(nullptr, &eol_size, style);
  size = static_cast<std::size_t>(end.pos);
  return end.pos >= 0;
}

char *evbuffer::read_line(std::size_t *length, evbuffer_eol_style style) noexcept {
  if (length) *length = 0;
  std::size_t size = 0;
  std::size_t eol_size = 0;
  if (front_frozen_ || !find_line_end(style, size, eol_size)) return nullptr;
  char *line = static_cast<char *>(evi::mm_malloc(size + 1));
  if (!line) return nullptr;
  copy_bytes(Cursor{first_, 0, 0}, line, size);
  line[size] = '\0';
  if (length) *length = size;
  drop_front(size + eol_size);
  changed(0, size + eol_size);
  return line;
}
