// struct evhttp_connection: one client of a server, its request, and how far it has got.
//
// The connection belongs to its server, the request to the connection, until the request is the program's:
// from the call of its callback to its reply. A connection that goes meanwhile leaves the request behind,
// with no connection; a reply to it then frees it. All of it lives in the thread of the base's loop.
//
// Its end has two steps. dispose() makes it dead: its request is dropped and the close callback runs. If
// whole replies are in the output then, they are sent, by a bufferevent with callbacks of its own and a
// deadline; close() follows.
//
// The bufferevent is the program's as soon as that has set callbacks of its own: nothing is changed of it
// until the program replies, which gives it back, or the connection is freed.
#ifndef EVI_HTTP_CONNECTION_H
#define EVI_HTTP_CONNECTION_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "event2/bufferevent.h"
#include "event2/http.h"
#include "http/message_reader.h"
#include "http/request.h"
#include "util/intrusive_list.h"

struct event;
struct sockaddr;

namespace evi {

using ConnectionCallback = void (*)(evhttp_connection *, void *);

// What a server sets for its connections.
struct ConnectionSettings {
  timeval read_timeout;
  timeval write_timeout;
  MessageLimits limits;
  evhttp_ext_method_cb ext_method = nullptr;
  bool lingers = false;
  bool closes_on_eof = false;  // also while the program works on a request
};

}  // namespace evi

struct evhttp_connection final {
 public:
  // Takes over the bufferevent, also if it fails: null without memory.
  static evhttp_connection *create(evhttp &server, bufferevent *bev, const sockaddr *address, int length,
                                   const evi::ConnectionSettings &settings) noexcept;
  // Begins to serve; disposes of it if that fails.
  [[nodiscard]] bool start() noexcept;

  enum class Output : std::uint8_t { sent_first, lost };
  // Takes it off its server; see above. Its memory is freed when nothing on the stack uses it any more.
  void dispose(Output output = Output::sent_first) noexcept;
  // evhttp_connection_free().
  void release_by_program() noexcept;
  // Frees the bufferevent of a dead connection.
  void close() noexcept;

  evhttp &server() const noexcept { return server_; }
  bufferevent *bev() const noexcept { return bev_; }
  char *peer_host() noexcept { return peer_host_; }
  std::uint16_t peer_port() const noexcept { return peer_port_; }
  // Null if the peer has no address.
  const sockaddr *peer_address() const noexcept;
  evi::ConnectionSettings &settings() noexcept { return settings_; }
  // To be called when they were changed.
  void apply_timeouts() noexcept;
  void set_closes_on_eof(bool closes) noexcept;
  void set_close_callback(evi::ConnectionCallback cb, void *arg) noexcept {
    close_cb_ = cb;
    close_arg_ = arg;
  }

  // --- replies to its request; `request` is it ---

  // Head and body at once; what is in `body` is moved.
  void reply(evi::HttpRequest &request, int code, const char *reason, evbuffer *body) noexcept;
  // The same with an error page.
  void reply_error(evi::HttpRequest &request, int code, const char *reason) noexcept;
  void reply_not_found(evi::HttpRequest &request) noexcept;
  void start_reply(evi::HttpRequest &request, int code, const char *reason) noexcept;
  void send_chunk(evi::HttpRequest &request, evbuffer *data, evi::ConnectionCallback sent,
                  void *arg) noexcept;
  void end_reply(evi::HttpRequest &request) noexcept;
  // The request is about to be freed by the program.
  void forget(evi::HttpRequest &request) noexcept;

  evi::ListHook<evhttp_connection> hook;

 private:
  enum class State : std::uint8_t {
    reading,    // a request, or waits for one
    handling,   // the program has the request and has not begun to reply
    streaming,  // it has begun
    replied,    // the whole reply is in the output buffer
  };
  class Pin;

  evhttp_connection(evhttp &server, bufferevent *bev, const evi::ConnectionSettings &settings,
                    std::size_t address_size) noexcept
      : server_(server), bev_(bev), settings_(settings), address_size_(address_size) {}

  static void on_read(bufferevent *, void *self) noexcept;
  static void on_written(bufferevent *, void *self) noexcept;
  static void on_event(bufferevent *, short what, void *self) noexcept;
  static void on_drained(bufferevent *, void *self) noexcept;
  static void on_drain_failed(bufferevent *, short what, void *self) noexcept;
  static void on_deadline(evutil_socket_t, short what, void *self) noexcept;

  enum class Life : std::uint8_t {
    live,
    dead,    // for the application: only output is still sent
    closed,  // the bufferevent is freed; the memory follows with the last pin
  };
  // What is read.
  enum class Reading : std::uint8_t {
    request,
    unsolicited,  // input up to a bound, to notice EOF or a reset
    held,         // nothing: the application has disabled reading, until its reply
    nothing,
  };
  // What follows when the output was sent.
  enum class Ending : std::uint8_t {
    none,  // the next request
    close,
    linger,  // close; input is discarded until then
  };
  // Whether the client had ended its side when the reply in parts was begun: then it waits for the reply, and
  // its EOF does not end that.
  enum class StreamEof : std::uint8_t { unchecked, open, half_closed };

  void set_peer(const sockaddr &address) noexcept;
  evbuffer *input() const noexcept { return bufferevent_get_input(bev_); }
  evbuffer *output() const noexcept { return bufferevent_get_output(bev_); }
  std::size_t unsent() const noexcept { return evbuffer_get_length(output()); }

  // Each step does what can be done with the input that is there; false if nothing more can be.
  void process() noexcept;
  bool step() noexcept;
  bool read_request() noexcept;
  bool after_reply() noexcept;
  bool reads() const noexcept { return reading_ == Reading::request || reading_ == Reading::unsolicited; }
  Reading wanted_reading() const noexcept;
  void update_reading() noexcept;
  bool set_timeouts() noexcept;
  void take_callbacks() noexcept;
  bool taken_over() const noexcept;
  void take_back() noexcept;

  bool begin_request() noexcept;
  void note_progress() noexcept;
  bool take_request_line(std::string_view line) noexcept;
  unsigned ext_method_of(std::string_view name) noexcept;
  bool take_target(std::string_view target) noexcept;
  bool take_head() noexcept;
  // The status code to refuse the request with.
  std::optional<int> objection(evi::Framing framing) const noexcept;
  bool begin_body() noexcept;
  bool continue_if_expected() noexcept;
  bool hand_out_body() noexcept;
  bool dispatch() noexcept;
  // Replies with an error page and closes; returns whether there is more to do, as the steps do.
  bool refuse(int code) noexcept;
  bool refuse(evi::MessageReader::Refusal refusal) noexcept;
  bool refuse_too_long(std::uint64_t unread) noexcept;
  bool give_up() noexcept;

  bool finish_request() noexcept;
  void discard_input() noexcept;
  void input_ended() noexcept;
  void finish_without_input() noexcept;
  void fail(evhttp_request_error error, Output output) noexcept;
  void drop_request() noexcept;
  bool has_whole_replies() const noexcept;
  [[nodiscard]] bool drain() noexcept;

  bool is_dead() const noexcept { return life_ != Life::live; }
  // When the output was sent.
  void close_after_output() noexcept {
    if (ending_ == Ending::none) ending_ = Ending::close;
  }
  bool must_close(const evi::HttpRequest &request) const noexcept;
  void begin_reply(evi::HttpRequest &request, int code, const char *reason) noexcept;
  template <typename WritePage>
  void reply_page(evi::HttpRequest &request, int code, const char *reason, WritePage write) noexcept;
  void cut_short(evi::HttpRequest &request) noexcept;
  void complete_reply() noexcept;
  [[nodiscard]] bool add_chunk(const evi::HttpRequest &request, evbuffer *data, std::size_t size) noexcept;
  void check_stream_eof() noexcept;

  evhttp &server_;
  bufferevent *bev_;
  evi::HttpRequest *request_ = nullptr;
  evi::ConnectionCallback close_cb_ = nullptr;
  void *close_arg_ = nullptr;
  evi::ConnectionCallback sent_cb_ = nullptr;  // of the last chunk
  void *sent_arg_ = nullptr;
  evi::ConnectionSettings settings_;
  evi::MessageReader reader_{settings_.limits};
  std::size_t reply_bytes_ = 0;  // of the reply in parts, that were added to the output
  std::uint64_t linger_bytes_ = 0;
  event *deadline_ = nullptr;  // for what is sent after its end
  unsigned pins_ = 0;
  std::size_t address_size_;
  std::uint16_t peer_port_ = 0;
  State state_ = State::reading;
  Reading reading_ = Reading::request;
  Life life_ = Life::live;
  Ending ending_ = Ending::none;
  StreamEof stream_eof_ = StreamEof::unchecked;
  bool released_ = false;    // by the application
  bool processing_ = false;  // process() is on the stack
  bool eof_ = false;         // the client sends no more
  char peer_host_[evi::kMaxPeerText] = "";
};

namespace evi {

struct ConnectionHook {
  static auto &of(evhttp_connection &connection) noexcept { return connection.hook; }
};
using ConnectionList = TailList<evhttp_connection, ConnectionHook>;

}  // namespace evi

#endif
