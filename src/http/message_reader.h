// Reads messages, requests or replies, from a connection's input: RFC 9112 2 to 7. Knows no role.
//
// The owner begins each message and calls next() for one item after the other. The reader calls nothing of
// the owner's, so that the owner may end while it handles an item. What a role does with each item:
//
//   incomplete  wait for input, or handle EOF: end_of_input()
//   start_line  interpret line(), or refuse it
//   head        decide how the body is framed: begin_body(); or begin() the next message, after an interim
//               reply; or stop()
//   body_part   pass on what was appended to the body, or keep it there
//   end         handle the message
//   refused     report refusal() to the peer or the application
//   no_memory   end the connection
//
// States, and the items that are returned with the transitions:
//
//     idle <------------------------- stop(), refused, no_memory: from each state
//      | begin()
//      v
//   start_line --start_line--> fields --head--> head_done
//                                                   | begin_body()
//        +----------------+-------------+-------------+
//        | chunked        | length      | until_close | none, length 0
//        v                v             v             v
//   +-> chunk_line   length_body    close_body     complete --end--> idle
//   |    |      |         |             |             ^
//   |    | size | 0       | 0 left      |             |
//   |    v      v         +-------------|-------------+
//   | chunk_  trailers                  |
//   |  data     |                       +--end_of_input(): end--> idle
//   |    v      +--end--> idle
//   +-- chunk_end
//
// body_part is returned by length_body and close_body for each piece, and when a chunk is complete.
#ifndef EVI_HTTP_MESSAGE_READER_H
#define EVI_HTTP_MESSAGE_READER_H

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/framing.h"
#include "http/line_reader.h"

struct evbuffer;
struct evkeyvalq;

namespace evi {

// Of one connection; changes apply to the message that is being read.
struct MessageLimits {
  std::size_t max_head;  // start line and fields without their line ends; trailers count by themselves
  std::uint64_t max_body;
};

class MessageReader {
 public:
  enum class Item : std::uint8_t { incomplete, start_line, head, body_part, end, refused, no_memory };
  enum class Refusal : std::uint8_t { malformed, head_too_large, body_too_large };

  // The size of a body before begin_body(), and of one that is read until EOF.
  static constexpr std::int64_t kUnknown = -1;

  // Ownership: the limits are the caller's and outlive the reader.
  explicit MessageReader(const MessageLimits &limits) noexcept : limits_(limits) {}

  // Requires: no message is being read, or its head was the last item. `fields` and `body` outlive the
  // message; fields are appended to the one, pieces of the body to the other. Trailers are checked and
  // discarded (RFC 9112 7.1.2): merged into the fields they would bypass the checks of the head.
  void begin(evkeyvalq &fields, evbuffer &body) noexcept;
  // Requires: a message is being read, and begin_body() was called if its head was the last item. Between the
  // items start_line and head `input` does not change.
  Item next(evbuffer &input) noexcept;
  // Requires: head was the last item; the framing is not bad. False, and the message is not read on, if the
  // body has a length above the limit.
  [[nodiscard]] bool begin_body(Framing framing) noexcept;
  // The peer sends no more, and next() returned incomplete. end, or incomplete if the message is cut off.
  Item end_of_input() noexcept;
  // The rest of the message is not read.
  void stop() noexcept;
  // The same when the input buffer may have been freed.
  void reset() noexcept;

  bool is_reading() const noexcept { return state_ != State::idle; }
  // Of the last item, valid until the next call.
  std::string_view line() const noexcept { return line_; }
  Refusal refusal() const noexcept { return refusal_; }
  // Of the message that is or was read last.
  std::size_t head_bytes() const noexcept { return head_.bytes; }
  std::uint64_t body_bytes() const noexcept { return body_bytes_; }
  // Bytes that are missing of the body or of the chunk, or kUnknown.
  std::int64_t left() const noexcept { return left_; }

 private:
  enum class State : std::uint8_t {
    idle,
    start_line,
    fields,
    head_done,
    length_body,
    close_body,
    chunk_line,
    chunk_data,
    chunk_end,
    trailers,
    complete,
  };
  // Lines of the head, or of the trailers.
  struct Section {
    std::size_t bytes = 0;
    unsigned fields = 0;
  };

  // Each step returns whether reading continues, with the next line or in another state. Otherwise item_ is
  // what next() returns.
  bool step(evbuffer &input) noexcept;
  bool read_lines(evbuffer &input) noexcept;
  bool take_line(std::string_view line, Section &section) noexcept;
  bool take_start_line(std::string_view line) noexcept;
  bool take_field(std::string_view line, Section &section) noexcept;
  bool end_section() noexcept;
  bool read_length_body(evbuffer &input) noexcept;
  bool read_close_body(evbuffer &input) noexcept;
  bool read_chunk_line(evbuffer &input) noexcept;
  bool take_chunk_line(std::string_view line) noexcept;
  bool read_chunk_data(evbuffer &input) noexcept;
  bool read_chunk_end(evbuffer &input) noexcept;

  Section &section() noexcept { return state_ == State::trailers ? trailers_ : head_; }
  bool exceeds_body_limit(std::uint64_t more) const noexcept;
  [[nodiscard]] bool move_body(evbuffer &input, std::uint64_t most) noexcept;
  bool hand_out(Item item) noexcept;
  bool refuse(Refusal refusal) noexcept;
  bool fail() noexcept;

  const MessageLimits &limits_;
  evkeyvalq *fields_ = nullptr;
  evbuffer *body_ = nullptr;
  std::string_view line_;
  LineReader lines_;
  ChunkLines chunks_;
  Section head_;
  Section trailers_;
  unsigned empty_lines_ = 0;  // in front of the start line
  std::int64_t left_ = kUnknown;
  std::uint64_t body_bytes_ = 0;
  State state_ = State::idle;
  Item item_ = Item::incomplete;
  Refusal refusal_ = Refusal::malformed;
};

}  // namespace evi

#endif
