// A server's connection: one client, its request, and the state of the reply.
//
// Ownership: the server owns the connection, the connection its request, and the application the request from
// the call of its callback to its reply. A connection that ends meanwhile leaves the request to the
// application, with no connection; a reply to it then frees it.
//
// The end has two steps. dispose() makes the connection dead: its request is dropped and the close callback
// runs. If whole replies are in the output, they are then sent, by bufferevent callbacks for that alone and
// with a deadline; close() follows.
//
// States of a request:
//
//   reading --request complete or refused--> handling --whole reply--------------> replied
//      ^                                        | start of a reply in parts          ^  |
//      |                                        +--> streaming --end of the reply----+  |
//      +-----------------------------output sent, or pipelined requests follow----------+
#ifndef EVI_HTTP_SERVER_CONNECTION_H
#define EVI_HTTP_SERVER_CONNECTION_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/connection.h"
#include "util/intrusive_list.h"

struct event;

namespace evi {

// What a server sets for its connections.
struct ServerConnectionSettings : ConnectionSettings {
  bool lingers = false;
  bool closes_on_eof = false;  // also while the application handles a request
};

class ServerConnection final : public evhttp_connection {
 public:
  // Ownership of the bufferevent passes to the connection, also if it fails. Null: out of memory.
  static ServerConnection *create(evhttp &server, bufferevent *bev, const sockaddr *address, int length,
                                  const ServerConnectionSettings &settings) noexcept;
  // Requires: `connection` is a server's.
  static ServerConnection &of(evhttp_connection &connection) noexcept;
  // Begins to read; disposes of the connection if that fails.
  [[nodiscard]] bool start() noexcept;

  enum class Output : std::uint8_t { sent_first, lost };
  // See above. Its memory is freed with the last pin.
  void dispose(Output output = Output::sent_first) noexcept;
  // Frees the bufferevent of a dead connection.
  void close() noexcept;

  evhttp &server() const noexcept { return server_; }
  void set_closes_on_eof(bool closes) noexcept;

  // --- replies to its request; `request` is it ---

  // Head and body at once; what is in `body` is moved.
  void reply(HttpRequest &request, int code, const char *reason, evbuffer *body) noexcept;
  // The same with an error page.
  void reply_error(HttpRequest &request, int code, const char *reason) noexcept;
  void reply_not_found(HttpRequest &request) noexcept;
  void start_reply(HttpRequest &request, int code, const char *reason) noexcept;
  void send_chunk(HttpRequest &request, evbuffer *data, ConnectionCallback sent, void *arg) noexcept;
  void end_reply(HttpRequest &request) noexcept;

  ListHook<ServerConnection> hook;

 private:
  enum class State : std::uint8_t {
    reading,    // a request, or idle
    handling,   // the application has the request and has not begun to reply
    streaming,  // it has begun
    replied,    // the whole reply is in the output buffer
  };

  ServerConnection(evhttp &server, bufferevent *bev, const ServerConnectionSettings &settings) noexcept;

  static const ConnectionRole kRole;
  static ServerConnection &of(void *self) noexcept;
  static void on_release(evhttp_connection &self) noexcept;
  static void on_forget(evhttp_connection &self, HttpRequest &request) noexcept;
  static void on_destroy(evhttp_connection &self) noexcept;
  static void on_read(bufferevent *, void *self) noexcept;
  static void on_written(bufferevent *, void *self) noexcept;
  static void on_event(bufferevent *, short what, void *self) noexcept;
  static void on_drained(bufferevent *, void *self) noexcept;
  static void on_drain_failed(bufferevent *, short what, void *self) noexcept;
  static void on_deadline(evutil_socket_t, short what, void *self) noexcept;

  // What follows when the output was sent.
  enum class Ending : std::uint8_t {
    none,  // the next request
    close,
    linger,  // close; input is discarded until then
  };
  // Whether the client had ended its side when the reply in parts was begun: then it waits for the reply, and
  // its EOF does not end that.
  enum class StreamEof : std::uint8_t { unchecked, open, half_closed };

  // Each step handles input that is buffered; false if that needs more input, or if the connection is dead.
  void process() noexcept;
  bool step() noexcept;
  bool read_request() noexcept;
  bool after_reply() noexcept;
  Reading wanted_reading() const noexcept;
  void update_reading() noexcept;
  void take_back() noexcept;

  bool begin_request() noexcept;
  void note_progress() noexcept;
  bool take_request_line(std::string_view line) noexcept;
  unsigned ext_method_of(std::string_view name) noexcept;
  bool take_target(std::string_view target) noexcept;
  bool take_head() noexcept;
  // The status code to refuse the request with.
  std::optional<int> objection(Framing framing) const noexcept;
  bool begin_body() noexcept;
  bool continue_if_expected() noexcept;
  bool hand_out_body() noexcept;
  bool dispatch() noexcept;
  // Replies with an error page, and closes when it was sent. Return the same as the steps.
  bool refuse(int code) noexcept;
  bool refuse(MessageReader::Refusal refusal) noexcept;
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

  // When the output was sent.
  void close_after_output() noexcept {
    if (ending_ == Ending::none) ending_ = Ending::close;
  }
  bool must_close(const HttpRequest &request) const noexcept;
  void begin_reply(HttpRequest &request, int code, const char *reason) noexcept;
  template <typename WritePage>
  void reply_page(HttpRequest &request, int code, const char *reason, WritePage write) noexcept;
  void cut_short(HttpRequest &request) noexcept;
  void complete_reply() noexcept;
  [[nodiscard]] bool add_chunk(const HttpRequest &request, evbuffer *data, std::size_t size) noexcept;
  void check_stream_eof() noexcept;

  evhttp &server_;
  HttpRequest *request_ = nullptr;
  ConnectionCallback sent_cb_ = nullptr;  // of the last chunk
  void *sent_arg_ = nullptr;
  std::size_t reply_bytes_ = 0;     // of the reply in parts, as far as added to the output
  std::uint64_t linger_bytes_ = 0;  // to be discarded before the connection is closed
  event *deadline_ = nullptr;       // for the output of a dead connection
  State state_ = State::reading;
  Ending ending_ = Ending::none;
  StreamEof stream_eof_ = StreamEof::unchecked;
  bool lingers_;
  bool closes_on_eof_;
  bool released_ = false;    // by the application
  bool processing_ = false;  // process() is on the stack
  bool eof_ = false;         // the client sends no more
};

struct ServerConnectionHook {
  static auto &of(ServerConnection &connection) noexcept { return connection.hook; }
};
using ServerConnectionList = TailList<ServerConnection, ServerConnectionHook>;

}  // namespace evi

#endif
