// Reading messages: lines of the head, bodies, chunks, trailers.
#include "http/message_reader.h"

#include <algorithm>
#include <climits>

#include "event2/buffer.h"
#include "http/field.h"
#include "http/headers.h"
#include "http/limits.h"
#include "util/assert.h"

namespace evi {

void MessageReader::begin(evkeyvalq &fields, evbuffer &body) noexcept {
  EVI_ASSERT(state_ == State::idle || state_ == State::head_done);
  fields_ = &fields;
  body_ = &body;
  head_ = {};
  trailers_ = {};
  empty_lines_ = 0;
  left_ = kUnknown;
  body_bytes_ = 0;
  state_ = State::start_line;
}

MessageReader::Item MessageReader::end_of_input() noexcept {
  if (state_ != State::close_body) return Item::incomplete;
  state_ = State::idle;
  return Item::end;
}

void MessageReader::stop() noexcept {
  state_ = State::idle;
  lines_.end();
}

void MessageReader::reset() noexcept {
  state_ = State::idle;
  lines_.reset();
}

bool MessageReader::hand_out(Item item) noexcept {
  item_ = item;
  return false;
}

bool MessageReader::refuse(Refusal refusal) noexcept {
  refusal_ = refusal;
  stop();
  return hand_out(Item::refused);
}

bool MessageReader::fail() noexcept {
  stop();
  return hand_out(Item::no_memory);
}

// --- head and trailers ---

bool MessageReader::take_start_line(std::string_view line) noexcept {
  if (line.empty()) {
    if (++empty_lines_ > kMaxLeadingEmptyLines) return refuse(Refusal::malformed);
    return true;
  }
  line_ = line;
  state_ = State::fields;
  return hand_out(Item::start_line);
}

bool MessageReader::end_section() noexcept {
  const bool head = state_ == State::fields;
  state_ = head ? State::head_done : State::idle;
  lines_.end();
  return hand_out(head ? Item::head : Item::end);
}

inline bool MessageReader::take_field(std::string_view line, Section &in) noexcept {
  if (line.empty()) return end_section();
  Field field;
  if (++in.fields > kMaxHeaderCount) return refuse(Refusal::head_too_large);
  if (!parse_field(line, field)) return refuse(Refusal::malformed);
  if (state_ == State::trailers) return true;
  return headers_append(*fields_, field.name, field.value) ? true : fail();
}

inline bool MessageReader::take_line(std::string_view line, Section &in) noexcept {
  const std::string_view text = without_line_end(line);
  in.bytes += text.size();
  if (in.bytes > limits_.max_head) return refuse(Refusal::head_too_large);
  if (state_ == State::start_line) return take_start_line(text);
  const bool ends_well = state_ == State::fields || line.size() == text.size() + kCrlf.size();
  return ends_well ? take_field(text, in) : refuse(Refusal::malformed);
}

// The lines stay open between the items start_line and head, so that one drain takes all of them.
bool MessageReader::read_lines(evbuffer &input) noexcept {
  lines_.begin(&input);
  std::string_view line;
  Section &in = section();
  LineReader::Result found;
  while ((found = lines_.next(line)) == LineReader::Result::found) {
    if (!take_line(line, in)) return false;
  }
  if (found == LineReader::Result::failed) return fail();
  // The last byte may be the CR of the line's end, which does not count.
  const std::size_t pending = lines_.pending();
  if (pending > 1 && in.bytes + pending - 1 > limits_.max_head) return refuse(Refusal::head_too_large);
  lines_.end();
  return hand_out(Item::incomplete);
}

// --- the body ---

bool MessageReader::begin_body(Framing framing) noexcept {
  EVI_ASSERT(state_ == State::head_done);
  EVI_ASSERT(framing.kind != Framing::Kind::bad);
  EVI_ASSERT(framing.bytes <= kMaxBody);
  switch (framing.kind) {
    case Framing::Kind::none:
    case Framing::Kind::bad:
      state_ = State::complete;
      return true;
    case Framing::Kind::length:
      left_ = static_cast<std::int64_t>(framing.bytes);
      state_ = framing.bytes > 0 ? State::length_body : State::complete;
      if (!exceeds_body_limit(framing.bytes)) return true;
      stop();
      return false;
    case Framing::Kind::chunked:
      left_ = 0;
      chunks_ = {};
      state_ = State::chunk_line;
      return true;
    case Framing::Kind::until_close:
      state_ = State::close_body;
      return true;
  }
  unreachable();
}

inline bool MessageReader::exceeds_body_limit(std::uint64_t more) const noexcept {
  return more > limits_.max_body || body_bytes_ > limits_.max_body - more;
}

// False: out of memory.
inline bool MessageReader::move_body(evbuffer &input, std::uint64_t most) noexcept {
  const int moved = evbuffer_remove_buffer(&input, body_, std::min<std::uint64_t>(most, INT_MAX));
  if (moved < 0) return false;
  body_bytes_ += static_cast<std::size_t>(moved);
  if (left_ != kUnknown) {
    EVI_ASSERT(moved <= left_);
    left_ -= moved;
  }
  return true;
}

bool MessageReader::read_length_body(evbuffer &input) noexcept {
  EVI_ASSERT(left_ > 0);
  if (evbuffer_get_length(&input) == 0) return hand_out(Item::incomplete);
  if (!move_body(input, static_cast<std::uint64_t>(left_))) return fail();
  if (left_ == 0 && is_reading()) state_ = State::complete;
  return hand_out(Item::body_part);
}

bool MessageReader::read_close_body(evbuffer &input) noexcept {
  EVI_ASSERT(left_ == kUnknown);
  const std::size_t length = evbuffer_get_length(&input);
  if (length == 0) return hand_out(Item::incomplete);
  if (exceeds_body_limit(length)) return refuse(Refusal::body_too_large);
  return move_body(input, length) ? hand_out(Item::body_part) : fail();
}

inline bool MessageReader::take_chunk_line(std::string_view line) noexcept {
  std::uint64_t size = 0;
  if (!chunks_.parse(line, size)) return refuse(Refusal::malformed);
  if (exceeds_body_limit(size)) return refuse(Refusal::body_too_large);
  left_ = static_cast<std::int64_t>(size);
  state_ = size == 0 ? State::trailers : State::chunk_data;
  return true;
}

bool MessageReader::read_chunk_line(evbuffer &input) noexcept {
  EVI_ASSERT(left_ == 0);
  lines_.begin(&input);
  std::string_view line;
  const LineReader::Result found = lines_.next(line);
  if (found == LineReader::Result::failed) return fail();
  const bool complete = found == LineReader::Result::found;
  if ((complete ? line.size() : lines_.pending()) > kMaxChunkLine) return refuse(Refusal::malformed);
  const bool more = complete && take_chunk_line(line);
  lines_.end();
  return more;
}

bool MessageReader::read_chunk_data(evbuffer &input) noexcept {
  EVI_ASSERT(left_ > 0);
  if (evbuffer_get_length(&input) == 0) return hand_out(Item::incomplete);
  if (!move_body(input, static_cast<std::uint64_t>(left_))) return fail();
  if (left_ == 0 && is_reading()) state_ = State::chunk_end;
  return true;
}

bool MessageReader::read_chunk_end(evbuffer &input) noexcept {
  char end[kCrlf.size()];
  const ev_ssize_t have = evbuffer_copyout(&input, end, sizeof(end));
  const bool differs = (have > 0 && end[0] != kCrlf[0]) || (have > 1 && end[1] != kCrlf[1]);
  if (differs) return refuse(Refusal::malformed);
  if (have < static_cast<ev_ssize_t>(sizeof(end))) return hand_out(Item::incomplete);
  state_ = State::chunk_line;
  evbuffer_drain(&input, sizeof(end));
  return hand_out(Item::body_part);
}

// --- one item ---

inline bool MessageReader::step(evbuffer &input) noexcept {
  switch (state_) {
    case State::start_line:
    case State::fields:
    case State::trailers:
      return read_lines(input);
    case State::length_body:
      return read_length_body(input);
    case State::close_body:
      return read_close_body(input);
    case State::chunk_line:
      return read_chunk_line(input);
    case State::chunk_data:
      return read_chunk_data(input);
    case State::chunk_end:
      return read_chunk_end(input);
    case State::complete:
      state_ = State::idle;
      return hand_out(Item::end);
    case State::idle:
    case State::head_done:
      break;
  }
  unreachable();
}

// An evbuffer callback of the application's may end the connection while input is drained or moved, and with
// it the message. The caller of next() then ignores the item.
MessageReader::Item MessageReader::next(evbuffer &input) noexcept {
  EVI_ASSERT(state_ != State::idle);
  EVI_ASSERT(state_ != State::head_done);
  item_ = Item::incomplete;
  while (is_reading() && step(input)) {
  }
  return item_;
}

}  // namespace evi
