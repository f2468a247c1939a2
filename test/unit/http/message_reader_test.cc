// Tests of MessageReader: the items of messages of all framings, delivered whole and in pieces; its bounds.
#include "http/message_reader.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "event2/buffer.h"
#include "http/headers.h"
#include "http/limits.h"
#include "owned_buffer.h"
#include "support/fault_alloc.h"

namespace {

using evi::Framing;
using evi::MessageReader;
using Item = evi::MessageReader::Item;

using Buffer = test::OwnedBuffer;

// How the test frames bodies: as the fields say; until EOF; the same after interim replies, which are heads
// alone.
enum class Framed { by_fields, until_close, after_interim };

// Reads messages until one is refused, and writes down their items. The transcript does not depend on how the
// input is divided: parts of a body are joined.
class Transcript {
 public:
  explicit Transcript(Framed framed, evi::MessageLimits limits = {1000, 1000})
      : framed_(framed), limits_(limits) {
    evi::headers_init(fields_);
    reader_.begin(fields_, *body_);
  }
  Transcript(const Transcript &) = delete;
  Transcript &operator=(const Transcript &) = delete;
  ~Transcript() { evi::headers_clear(fields_); }

  void read(std::string_view piece) {
    if (!reader_.is_reading()) return;
    EXPECT_EQ(evbuffer_add(input_.get(), piece.data(), piece.size()), 0);
    while (reader_.is_reading() && take(reader_.next(*input_))) {
    }
  }
  // At EOF.
  std::string finish() {
    if (reader_.is_reading()) {
      text_ += reader_.end_of_input() == Item::end ? body() + " end" : body() + " cut";
    }
    return text_;
  }

 private:
  bool take(Item item) {
    switch (item) {
      case Item::incomplete:
      case Item::body_part:
        return item == Item::body_part;
      case Item::start_line:
        text_ += " <" + std::string(reader_.line()) + ">";
        interim_ = framed_ == Framed::after_interim && reader_.line().find(" 1") != std::string_view::npos;
        return true;
      case Item::head:
        return take_head();
      case Item::end:
        text_ += body() + " end";
        begin();
        return true;
      case Item::refused:
        text_ +=
            std::string(reader_.refusal() == MessageReader::Refusal::malformed        ? " malformed"
                        : reader_.refusal() == MessageReader::Refusal::head_too_large ? " head too large"
                                                                                      : " body too large");
        return false;
      case Item::no_memory:
        text_ += " no memory";
        return false;
    }
    return false;
  }
  bool take_head() {
    for (evkeyval *field = evi::headers_first(fields_); field; field = evi::headers_next(*field)) {
      text_ += std::string(" ") + field->key + "=" + field->value;
    }
    text_ += " head";
    if (interim_) {
      begin();
      return true;
    }
    const Framing framing =
        framed_ == Framed::by_fields ? evi::request_framing(fields_) : Framing{Framing::Kind::until_close, 0};
    if (reader_.begin_body(framing)) return true;
    text_ += " length too large";
    return false;
  }
  void begin() {
    evi::headers_clear(fields_);
    reader_.begin(fields_, *body_);
  }
  std::string body() {
    std::string bytes(evbuffer_get_length(body_.get()), '\0');
    EXPECT_EQ(evbuffer_remove(body_.get(), bytes.data(), bytes.size()), static_cast<int>(bytes.size()));
    return bytes.empty() ? bytes : " '" + bytes + "'";
  }

  Framed framed_;
  evi::MessageLimits limits_;
  evkeyvalq fields_;
  Buffer input_{evbuffer_new()};
  Buffer body_{evbuffer_new()};
  MessageReader reader_{limits_};
  bool interim_ = false;
  std::string text_;
};

std::string in_one_piece(std::string_view input, Framed framed, evi::MessageLimits limits = {1000, 1000}) {
  Transcript transcript(framed, limits);
  transcript.read(input);
  return transcript.finish();
}
std::string byte_by_byte(std::string_view input, Framed framed, evi::MessageLimits limits = {1000, 1000}) {
  Transcript transcript(framed, limits);
  for (const char &byte : input) transcript.read({&byte, 1});
  return transcript.finish();
}

constexpr struct {
  const char *name;
  std::string_view input;
  Framed framed;
  std::string_view want;
} kCases[] = {
    {"nothing", "", Framed::by_fields, " cut"},
    {"no body", "GET / HTTP/1.1\r\nA: b\r\n\r\n", Framed::by_fields, " <GET / HTTP/1.1> A=b head end cut"},
    {"no fields", "GET / HTTP/1.1\r\n\r\n", Framed::by_fields, " <GET / HTTP/1.1> head end cut"},
    {"lines that end in LF alone", "x\nA: b\n\n", Framed::by_fields, " <x> A=b head end cut"},
    {"one empty line first", "\r\nx\r\n\r\n", Framed::by_fields, " <x> head end cut"},
    {"two empty lines first", "\r\n\r\nx\r\n\r\n", Framed::by_fields, " malformed"},
    {"an empty line before each of two", "\nx\n\n\ny\n\n", Framed::by_fields,
     " <x> head end <y> head end cut"},
    {"a head that is cut off", "x\r\nA: b\r\n", Framed::by_fields, " <x> cut"},
    {"length", "x\r\nContent-Length: 3\r\n\r\nabc", Framed::by_fields,
     " <x> Content-Length=3 head 'abc' end cut"},
    {"length 0", "x\r\nContent-Length: 0\r\n\r\ny\r\n\r\n", Framed::by_fields,
     " <x> Content-Length=0 head end <y> head end cut"},
    {"length, another message", "x\r\nContent-Length: 3\r\n\r\nabcy\r\n\r\n", Framed::by_fields,
     " <x> Content-Length=3 head 'abc' end <y> head end cut"},
    {"length, cut off", "x\r\nContent-Length: 3\r\n\r\nab", Framed::by_fields,
     " <x> Content-Length=3 head 'ab' cut"},
    {"chunks", "x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;e=f\r\n0123456789\r\n0\r\n\r\n",
     Framed::by_fields, " <x> Transfer-Encoding=chunked head 'abc0123456789' end cut"},
    {"chunks, trailers, another message",
     "x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: r\r\nU: s\r\n\r\ny\r\nA: b\r\n\r\n",
     Framed::by_fields, " <x> Transfer-Encoding=chunked head 'a' end <y> A=b head end cut"},
    {"chunks, cut off in data", "x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", Framed::by_fields,
     " <x> Transfer-Encoding=chunked head 'ab' cut"},
    {"chunks, cut off in trailers", "x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: r\r\n", Framed::by_fields,
     " <x> Transfer-Encoding=chunked head cut"},
    {"a chunk's line that ends in LF alone", "x\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
     Framed::by_fields, " <x> Transfer-Encoding=chunked head malformed"},
    {"a chunk that is longer than its size", "x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
     Framed::by_fields, " <x> Transfer-Encoding=chunked head malformed"},
    {"a chunk that ends in CR and another byte", "x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\rb",
     Framed::by_fields, " <x> Transfer-Encoding=chunked head malformed"},
    {"a chunk's size that is no number", "x\r\nTransfer-Encoding: chunked\r\n\r\ng\r\n", Framed::by_fields,
     " <x> Transfer-Encoding=chunked head malformed"},
    {"a trailer that ends in LF alone", "x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: r\n\r\n",
     Framed::by_fields, " <x> Transfer-Encoding=chunked head malformed"},
    {"trailers that end in LF alone", "x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: r\r\n\n",
     Framed::by_fields, " <x> Transfer-Encoding=chunked head malformed"},
    {"a trailer without colon", "x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT\r\n\r\n", Framed::by_fields,
     " <x> Transfer-Encoding=chunked head malformed"},
    {"a field without colon", "x\r\nA\r\n\r\n", Framed::by_fields, " <x> malformed"},
    {"a field that folds", "x\r\nA: b\r\n c\r\n\r\n", Framed::by_fields, " <x> malformed"},
    {"a blank before the colon", "x\r\nA : b\r\n\r\n", Framed::by_fields, " <x> malformed"},
    {"until EOF", "HTTP/1.0 200 OK\r\nA: b\r\n\r\nbody\r\n\r\nmore", Framed::until_close,
     " <HTTP/1.0 200 OK> A=b head 'body\r\n\r\nmore' end"},
    {"until EOF, no body", "HTTP/1.0 200 OK\r\n\r\n", Framed::until_close, " <HTTP/1.0 200 OK> head end"},
    {"interim heads before the message",
     "HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nC: d\r\n\r\nx",
     Framed::after_interim,
     " <HTTP/1.1 100 Continue> A=b head <HTTP/1.1 103 Early Hints> head <HTTP/1.1 200 OK> C=d head 'x' end"},
};

TEST(MessageReader, items_do_not_depend_on_how_the_input_is_divided) {
  for (const auto &row : kCases) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(in_one_piece(row.input, row.framed), row.want);
    EXPECT_EQ(byte_by_byte(row.input, row.framed), row.want);
    for (std::size_t cut = 0; cut <= row.input.size(); ++cut) {
      Transcript transcript(row.framed);
      transcript.read(row.input.substr(0, cut));
      transcript.read(row.input.substr(cut));
      EXPECT_EQ(transcript.finish(), row.want) << "cut at " << cut;
    }
  }
}

constexpr std::string_view kChunked = "x\r\nTransfer-Encoding: chunked\r\n\r\n";

// `fits` is accepted and `exceeds` refused for that reason, whole and byte by byte.
void expect_bound(const std::string &fits, const std::string &exceeds, std::string_view refusal,
                  Framed framed, evi::MessageLimits limits) {
  for (const auto read : {in_one_piece, byte_by_byte}) {
    EXPECT_EQ(read(fits, framed, limits).find(" too large"), std::string::npos);
    EXPECT_EQ(read(fits, framed, limits).find(" malformed"), std::string::npos);
    const std::string refused = read(exceeds, framed, limits);
    EXPECT_TRUE(refused.ends_with(refusal)) << refused;
  }
}

TEST(MessageReader, head_is_bounded_without_its_line_ends) {
  const std::string head = "start\r\nA: b\r\n", field = std::string(89, 'n') + ": ";
  expect_bound(head + field + "\r\n\r\n", head + field + "v\r\n\r\n", " head too large", Framed::by_fields,
               {100, 0});
  expect_bound(head + field + "\n\n", head + field + "v\n\n", " head too large", Framed::by_fields, {100, 0});
  // Also of a line that has not ended, whose last byte could be a CR.
  expect_bound(head + field + "v", head + field + "vw", " head too large", Framed::by_fields, {100, 0});
  expect_bound(std::string(101, 's'), std::string(102, 's'), " head too large", Framed::by_fields, {100, 0});
}

TEST(MessageReader, number_of_fields_is_bounded) {
  std::string fields;
  for (unsigned i = 0; i < evi::kMaxHeaderCount; ++i) fields += "A:\r\n";
  expect_bound("x\r\n" + fields + "\r\n", "x\r\n" + fields + "A:\r\n\r\n", " head too large",
               Framed::by_fields, {1000000, 0});
  const std::string chunked = std::string(kChunked) + "0\r\n";
  expect_bound(chunked + fields + "\r\n", chunked + fields + "A:\r\n\r\n", " head too large",
               Framed::by_fields, {1000000, 0});
}

TEST(MessageReader, trailers_are_bounded_by_themselves) {
  const std::string chunked = std::string(kChunked) + "0\r\n";
  const std::string trailer = std::string(98, 'n') + ":", longer = "n" + trailer;
  expect_bound(chunked + trailer + "\r\n\r\n", chunked + longer + "\r\n\r\n", " head too large",
               Framed::by_fields, {99, 0});
  expect_bound(chunked + longer, chunked + "n" + longer, " head too large", Framed::by_fields, {99, 0});
}

TEST(MessageReader, body_is_bounded) {
  expect_bound("x\r\nContent-Length: 10\r\n\r\n0123456789", "x\r\nContent-Length: 11\r\n\r\n",
               " length too large", Framed::by_fields, {1000, 10});
  const std::string chunked = std::string(kChunked) + "4\r\nabcd\r\n";
  expect_bound(chunked + "6\r\nefghij\r\n0\r\n\r\n", chunked + "7\r\n", " body too large", Framed::by_fields,
               {1000, 10});
  expect_bound("x\r\n\r\n0123456789", "x\r\n\r\n0123456789a", " body too large", Framed::until_close,
               {1000, 10});
}

TEST(MessageReader, line_of_a_chunk_is_bounded) {
  const std::string chunked(kChunked), extension(evi::kMaxChunkLine - 4, 'e');
  expect_bound(chunked + "1;" + extension + "\r\na\r\n0\r\n\r\n", chunked + "1;e" + extension + "\r\n",
               " malformed", Framed::by_fields, {1000, 10});
  // Also one that has not ended.
  expect_bound(chunked + "1;" + extension + "ee", chunked + "1;" + extension + "eee", " malformed",
               Framed::by_fields, {1000, 10});
}

TEST(MessageReader, counters_are_those_of_the_message) {
  evkeyvalq fields;
  evi::headers_init(fields);
  const Buffer input{evbuffer_new()}, body{evbuffer_new()};
  const evi::MessageLimits limits{1000, 1000};
  MessageReader reader(limits);
  for (int message = 0; message < 2; ++message) {
    reader.begin(fields, *body);
    EXPECT_EQ(reader.left(), MessageReader::kUnknown);
    evbuffer_add_printf(input.get(), "\r\nabc\r\nD: e\r\n\r\n12345");
    EXPECT_EQ(reader.next(*input), Item::start_line);
    EXPECT_EQ(reader.head_bytes(), 3u);
    EXPECT_EQ(reader.next(*input), Item::head);
    EXPECT_EQ(reader.head_bytes(), 7u);
    ASSERT_TRUE(reader.begin_body({Framing::Kind::length, 6}));
    EXPECT_EQ(reader.left(), 6);
    EXPECT_EQ(reader.next(*input), Item::body_part);
    EXPECT_EQ(reader.left(), 1);
    EXPECT_EQ(reader.body_bytes(), 5u);
    EXPECT_EQ(reader.next(*input), Item::incomplete);
    evbuffer_add(input.get(), "6", 1);
    EXPECT_EQ(reader.next(*input), Item::body_part);
    EXPECT_EQ(reader.next(*input), Item::end);
    EXPECT_EQ(reader.body_bytes(), 6u);
    EXPECT_FALSE(reader.is_reading());
  }
  evi::headers_clear(fields);
}

TEST(MessageReader, stop_leaves_the_rest_in_the_input) {
  evkeyvalq fields;
  evi::headers_init(fields);
  const Buffer input{evbuffer_new()}, body{evbuffer_new()};
  const evi::MessageLimits limits{1000, 1000};
  MessageReader reader(limits);
  evbuffer_add_printf(input.get(), "GET ws HTTP/1.1\r\n\r\nframes");
  reader.begin(fields, *body);
  EXPECT_EQ(reader.next(*input), Item::start_line);
  EXPECT_EQ(reader.next(*input), Item::head);
  reader.stop();
  EXPECT_FALSE(reader.is_reading());
  EXPECT_EQ(evbuffer_get_length(input.get()), 6u);
}

TEST(MessageReader, failed_allocation_is_reported) {
  test::FaultAlloc memory;
  evkeyvalq fields;
  evi::headers_init(fields);
  const Buffer input{evbuffer_new()}, body{evbuffer_new()};
  const evi::MessageLimits limits{1000, 1000};
  MessageReader reader(limits);
  evbuffer_add_printf(input.get(), "x\r\nA: b\r\n\r\n");
  reader.begin(fields, *body);
  EXPECT_EQ(reader.next(*input), Item::start_line);
  memory.fail_at(1, true);
  EXPECT_EQ(reader.next(*input), Item::no_memory);
  EXPECT_FALSE(reader.is_reading());
}

// As when the application frees the connection while its input is drained or moved: at the first change of
// the input, at the second, and so on.
TEST(MessageReader, reset_by_an_evbuffer_callback_ends_next) {
  struct State {
    MessageReader reader;
    int left;
  };
  const struct {
    std::string text;
    Framing framing;
    int changes;
  } rows[] = {
      {std::string(kChunked) + "3\r\nabc\r\n3\r\ndef\r\n0\r\nT: r\r\n\r\n", {Framing::Kind::chunked, 0}, 9},
      {"x\r\n\r\nabc", {Framing::Kind::length, 3}, 2},
      {"x\r\n\r\nabc", {Framing::Kind::until_close, 0}, 2},
      {"x\r\nA\r\n", {Framing::Kind::none, 0}, 1},
  };
  for (const auto &row : rows) {
    int changes = 0;
    for (int at = 1; at < 20; ++at) {
      evkeyvalq fields;
      evi::headers_init(fields);
      const Buffer input{evbuffer_new()}, body{evbuffer_new()};
      const evi::MessageLimits limits{1000, 1000};
      State state{MessageReader(limits), at};
      ASSERT_EQ(evbuffer_add(input.get(), row.text.data(), row.text.size()), 0);
      evbuffer_add_cb(
          input.get(),
          [](evbuffer *, const evbuffer_cb_info *, void *arg) {
            auto &watched = *static_cast<State *>(arg);
            if (--watched.left == 0) watched.reader.reset();
          },
          &state);
      state.reader.begin(fields, *body);
      for (Item item = Item::start_line; state.reader.is_reading() && item != Item::incomplete;) {
        item = state.reader.next(*input);
        EXPECT_TRUE(state.left > 0 || !state.reader.is_reading()) << row.text << ", change " << at;
        if (item == Item::head && state.reader.is_reading()) {
          ASSERT_TRUE(state.reader.begin_body(row.framing));
        }
      }
      changes += state.left <= 0;
      evi::headers_clear(fields);
    }
    EXPECT_EQ(changes, row.changes) << row.text;
  }
}

}  // namespace
