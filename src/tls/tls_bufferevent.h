// TlsBufferevent: the handshake and I/O machine of all TLS bufferevents, over a socket or over another one.
//
// The states of a connection. The first row is the wire's (SocketState, or the underlying bufferevent), the
// second is Phase; events to the application are in capitals.
//
//                  connect                 refused: ERROR
//   no descriptor ---------> connecting ------------------> refused
//        |                    |      ^                         |
//        | set_fd()           |      '-----------<-------------'  another connect
//        |                    | connected
//        v                    v
//   +------------- handshaking <------------------ renegotiate() ---+
//   |                    |                                          |
//   |                    | the session is done: CONNECTED           |
//   |                    v                                          |
//   |                  open  (a session that is settled begins here) -----+
//   |                    |                                                |
//   | the session or     | end of input without close_notify (unless      |
//   | the wire fails:    | it is allowed), the session fails: ERROR       |
//   | ERROR              v                                                |
//   '----------------> failed  (an alert that is queued is still sent)    |
//                                                                         |
//   In the open phase the directions end one by one:                      |
//     reading   InputEnd:    none -> closed, truncated, failed -> reported: EOF
//                            once what the callbacks wrote was sent, and reading is enabled
//     writing   send_error_: a failed send disables writing: ERROR, WRITING; what the peer sent is still read
//               CloseNotify: none -> wanted (flush, BEV_FINISHED) -> sent, when the output is empty
//                            none, wanted -> sent (freed, BEV_OPT_CLOSE_ON_FREE) -> deferred, if the socket
//                            does not take it and it can be sent later (close_notify.h)
//
// What happens is done by pump(), in a call from the loop: when ev_read or ev_write is reported, or in the
// flush turn that start(), output_added() and others ask for. A callback of the underlying bufferevent calls
// it at once where there are no threads, and asks for a flush turn where there are.
//
// Input is decrypted slice by slice, as if each slice had been a read of its own: at most max_single_read()
// bytes, then the read callback runs, and only then the next slice follows. What the application has not seen
// stays ciphertext, or inside the session, because a session may outlive its bufferevent. What is left when
// reading has to stop stays in received_ if it fills that well, else in wire_in_. `unread_` records that
// there may be more, and reading then resumes by a flush turn, without anything new from the wire.
//
// Output stays in the output buffer until the wire has taken its ciphertext, so that the application sees
// what the kernel has taken and no more:
//
//   output buffer: [ sealed_ bytes, encrypted already | not yet ]
//
// The two kinds of wires are described in tls_wires.h.
#ifndef EVI_TLS_TLS_BUFFEREVENT_H
#define EVI_TLS_TLS_BUFFEREVENT_H

#include "bufferevent/base_watch.h"
#include "bufferevent/socket_transport.h"
#include "tls/tls_private.h"
#include "tls/tls_wires.h"

namespace evi {

// Records that are collected to be sent, in memory of the loop's for the time of one batch; none if the
// allocator has none. The chunk is owned by the bufferevent meanwhile, so that a callback which control
// leaves by longjmp() or exit() leaves nothing behind on the stack.
struct TlsStage {
  Chain *chunk = nullptr;
  unsigned char *head = nullptr;
  unsigned char *tail = nullptr;
  unsigned char *end = nullptr;

  std::size_t length() const noexcept { return static_cast<std::size_t>(tail - head); }
  std::size_t room() const noexcept { return static_cast<std::size_t>(end - tail); }
};

class TlsBufferevent final : public SocketBufferevent, public TlsWire {
 public:
  // Null if it fails. Takes over nothing then.
  [[nodiscard]] static TlsBufferevent *create(const TlsSetup &setup) noexcept;
  // Null for bufferevents of other kinds.
  static TlsBufferevent *of(bufferevent &bev) noexcept;
  static TlsBufferevent &of(BuffereventBase &bev) noexcept { return static_cast<TlsBufferevent &>(bev); }
  static const TlsBufferevent &of(const BuffereventBase &bev) noexcept {
    return static_cast<const TlsBufferevent &>(bev);
  }

  TlsBufferevent(const TlsSetup &setup, const bufferevent_ops &ops, const TlsWireKind &kind) noexcept;
  ~TlsBufferevent();

  const TlsEngine &engine() const noexcept { return engine_; }
  void *session() const noexcept { return session_; }
  TlsErrors &errors() noexcept { return errors_; }
  [[nodiscard]] bool renegotiate() noexcept;
  std::uint64_t flags() const noexcept { return flags_; }
  void set_flags(std::uint64_t flags) noexcept { flags_ = static_cast<std::uint8_t>(flags); }

  // For tests, as that of BuffereventBase, which it includes.
  bool check_invariants() const noexcept;

  static const bufferevent_ops kSocketOps;
  static const bufferevent_ops kFilterOps;

 private:
  enum class Phase : std::uint8_t { handshaking, open, failed };
  // How the session's input ended, until that is reported.
  enum class InputEnd : std::uint8_t { none, closed, truncated, failed, reported };
  // What the session waits for before it goes on with a call.
  enum class Wait : std::uint8_t { none, input, output };
  // `requested`: pump() was called while it ran, and is to run again.
  enum class Pump : std::uint8_t { idle, running, requested };
  // `wanted`: it follows the output. `deferred`: freed, and the descriptor waits to take it.
  enum class CloseNotify : std::uint8_t { none, wanted, sent, deferred };

  // BEV_EVENT_ERROR in one direction.
  static short error_in(short direction) noexcept {
    return static_cast<short>(BEV_EVENT_ERROR | event_side(direction));
  }

  // --- tls_bufferevent.cc ---
  void pump() noexcept;
  void pump_once() noexcept;
  void send_pending() noexcept;
  bool underlying_failed() const noexcept;
  bool input_left() const noexcept;
  void report_underlying_error() noexcept;
  bool work_left() const noexcept;
  bool may_seal() const noexcept;
  void handshake() noexcept;
  void handshake_done() noexcept;
  // Ends the session.
  void fail_session(short what, int error) noexcept;
  bool has_wire() const noexcept { return wire_kind_.connected(*this); }
  bool may_pump() const noexcept;
  bool pumping() const noexcept { return pump_ != Pump::idle; }
  void send_close_notify() noexcept;
  bool wire_drained() const noexcept;
  bool underlying_drained() const noexcept;
  void end_session(bool owner) noexcept;
  void free_session() noexcept;
  void give_back_session() noexcept;
  static void unlink(BuffereventBase &bev) noexcept;

  // --- tls_records.cc ---
  void read_records() noexcept;
  bool read_slice(std::size_t &budget) noexcept;
  TlsOutcome take_slice(std::size_t limit, std::size_t &total) noexcept;
  TlsOutcome read_session(void *data, std::size_t size) noexcept;
  TlsOutcome write_session(const evbuffer_iovec &record) noexcept;
  TlsOutcome decrypt(std::size_t limit, std::size_t &total) noexcept;
  bool nothing_left() const noexcept;
  static InputEnd end_of(TlsResult result) noexcept;
  // The session may have more to read.
  bool reads_on() const noexcept { return input_end_ == InputEnd::none; }
  bool end_due() const noexcept {
    return input_end_ != InputEnd::none && input_end_ != InputEnd::reported && wants(EV_READ);
  }
  void report_end() noexcept;
  void fail_writing() noexcept;
  void report_send_error() noexcept;
  std::size_t read_limit(std::size_t budget) noexcept;
  void write_records() noexcept;
  std::size_t write_limit() noexcept;
  TlsResult write_batch(std::size_t &allowed) noexcept;
  TlsResult seal(std::size_t &allowed, unsigned char *scratch) noexcept;
  bool next_record(std::size_t allowed, evbuffer_iovec &record, unsigned char *scratch) noexcept;
  std::size_t sealed_left() noexcept;
  void finish_writing() noexcept;

  // --- tls_events.cc ---
  bool update_interest() noexcept { return wire_kind_.update_interest(*this); }
  [[nodiscard]] bool want(short direction, bool wanted) noexcept;
  void input_arrived() noexcept {
    if (write_wait_ == Wait::input) write_wait_ = Wait::none;
  }
  bool wants_input() const noexcept;
  bool wants_output() const noexcept;
  void restart_timeout(short direction) noexcept;
  void timed_out(short direction) noexcept;

  static void on_readable(evutil_socket_t, short what, void *self) noexcept;
  static void on_writable(evutil_socket_t, short what, void *self) noexcept;
  void new_wire() noexcept;
  bool connected() noexcept;

  template <typename Wire>
  static constexpr bufferevent_ops ops(const char *name, bool owns_events) noexcept;
  static bool start(BuffereventBase &bev, short directions, Start why) noexcept;
  static void stop(BuffereventBase &bev, short directions) noexcept;
  static void apply_timeouts(BuffereventBase &bev) noexcept;
  static void output_added(BuffereventBase &bev) noexcept;
  static void flush_turn(BuffereventBase &bev) noexcept;
  static void write_last(BuffereventBase &bev) noexcept;
  static int flush(BuffereventBase &bev, short directions, bufferevent_flush_mode mode) noexcept;

  // --- what the wires share ---
  // False each.
  bool receive_failed(int error) noexcept;
  bool send_failed(int error) noexcept;
  // What the session is to be returned for `size` bytes.
  long send_result(bool sent, std::size_t size) noexcept;
  std::size_t ciphertext_at_hand() const noexcept { return wire_kind_.ciphertext(*this); }
  std::size_t received() const noexcept { return received_ ? received_->length() : 0; }

  // --- tls_stage.cc ---
  // Null off the loop's thread.
  ReadChunk *shared_chunk() const noexcept;
  // If it is empty.
  void give_back_received() noexcept;
  // Reading stops for now: little ciphertext must not hold a large chunk. It does if out of memory.
  void settle_received() noexcept;

  friend class TlsSocketWire;
  friend class TlsFilterWire;
  friend class StageLease;
  friend class EngineCall;

  const TlsEngine &engine_;
  const TlsWireKind &wire_kind_;
  void *session_;  // null once the program has it back
  BuffereventBase *underlying_;
  const BaseWatch base_watch_;  // for filters
  TlsErrors errors_{};
  Phase phase_;
  InputEnd input_end_ = InputEnd::none;
  Wait read_wait_ = Wait::none;   // `none` if it waits for input, as it mostly does
  Wait write_wait_ = Wait::none;  // `output` if a wire that is not ours is full
  Pump pump_ = Pump::idle;
  CloseNotify close_notify_ = CloseNotify::none;
  bool unread_ : 1 = true;                  // the session, wire_in_ or the underlying one may have more input
  bool wire_ended_ : 1 = false;             // the wire has reported EOF
  bool underlying_holds_data_ : 1 = false;  // its output has records of the application's data
  bool own_wire_ : 1 = false;               // the session reads and writes the socket itself
  bool in_engine_ : 1 = false;              // see EngineCall
  bool off_loop_ : 1 = false;     // another thread may run the loop, whose shared chunk is not to be used
  bool may_receive_ : 1 = false;  // in pump(): the socket may have something
  bool decrypting_ : 1 = false;   // received_ may be filled
  std::uint8_t flags_ = 0;        // BUFFEREVENT_SSL_*
  int receive_error_ = 0;         // the transport's last error in that direction, 0 if it works
  int send_error_ = 0;
  std::size_t sealed_ = 0;
  std::size_t retry_ = 0;      // how many bytes the session must be given again
  Chain *received_ = nullptr;  // head to tail: ciphertext that the session has not taken
  TlsStage stage_;
  evbuffer wire_in_;
  evbuffer wire_out_;
};

}  // namespace evi

#endif
