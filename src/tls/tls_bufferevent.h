// TlsBufferevent: the handshake and I/O machine of all TLS bufferevents, over a socket or over another one.
//
//   handshaking --done--> open --closed--> open, nothing more to read
//     ^   |                | | \--renegotiate()--> handshaking
//     |   |                | '---truncated, failed--> failed
//     |   '---any failure--|--------------------------> failed
//     '--------------------'
//
// What happens is done by pump(), in a call from the loop: when ev_read or ev_write has something to say, or
// in the flush turn that start(), output_added() and others ask for. What the underlying bufferevent tells
// does it at once where there are no threads, and asks for a flush turn where there are.
//
// Ciphertext in: one recv() per wake-up brings as much as there is into `received_`, a chunk that the loop
// lends; the session takes it from there by way of the wire. The program sees it slice by slice, as if each
// had been a read of its own: at most max_single_read() bytes are decrypted, then the read callback runs, and
// only then the next slice follows. What the program has not seen stays ciphertext, or inside the session,
// because a session may outlive its bufferevent. What is left when reading has to stop stays in received_ if
// it fills that well, else in wire_in_. `unread_` records that there may be more, and reading then resumes by
// a flush turn, without anything new from the socket.
//
// Ends of reading are reported after the output of the same pump() was written, and only while reading is
// wanted: `end_` keeps one meanwhile. A failed send ends writing alone: what the peer sent before can still
// be read.
//
// Ciphertext out: records are collected in the lent chunk and leave by one send(). What the socket does not
// take is kept in wire_out_, and the plaintext behind it stays in the output buffer until that is gone too:
// so the program sees, and is told of, what the kernel has taken and no more.
//
//   output buffer: [ sealed_ bytes, encrypted already | not yet ]
//
// A filter takes from its underlying bufferevent's input buffer and adds to its output buffer. The two share
// one lock. The underlying one is held back by kFilterBusy while the filter is not to read.
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

  static const bufferevent_ops kSocketOps;
  static const bufferevent_ops kFilterOps;

 private:
  enum class Phase : std::uint8_t { handshaking, open, failed };

  // BEV_EVENT_ERROR in one direction.
  static short error_in(short direction) noexcept {
    return static_cast<short>(BEV_EVENT_ERROR |
                              (direction == EV_READ ? BEV_EVENT_READING : BEV_EVENT_WRITING));
  }

  // --- tls_bufferevent.cc ---
  void pump() noexcept;
  void pump_once() noexcept;
  void send_last() noexcept;
  bool broken_underneath() const noexcept;
  bool input_left() const noexcept;
  void report_broken_underneath() noexcept;
  bool work_left() const noexcept;
  bool may_seal() const noexcept;
  void handshake() noexcept;
  void handshake_done() noexcept;
  void fail(short what, int error) noexcept;
  bool has_wire() const noexcept { return wire_kind_.connected(*this); }
  bool may_pump() const noexcept;
  void say_goodbye() noexcept;
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
  // The session may have more to read.
  bool reads_on() const noexcept { return !ended_ && end_ == TlsResult::done; }
  bool end_due() const noexcept { return end_ != TlsResult::done && wants(EV_READ); }
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
  bool wants_input() const noexcept;
  bool wants_output() const noexcept;
  void restart_timeout(short direction) noexcept;
  void no_timeout(short direction) noexcept;
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
  bool unread_ : 1 = true;               // the session, wire_in_ or the underlying one may have more to give
  bool ended_ : 1 = false;               // nothing more to read, which was reported
  bool data_underneath_ : 1 = false;     // the underlying output holds records of the application's data
  bool wire_ended_ : 1 = false;          // the transport's end was seen
  bool read_wants_output_ : 1 = false;   // the session reads on when the wire takes bytes
  bool write_wants_input_ : 1 = false;   // the session writes on when the wire has brought bytes
  bool write_wants_output_ : 1 = false;  // a wire that is not ours is full
  bool own_wire_ : 1 = false;            // the session reads and writes the socket itself
  bool in_engine_ : 1 = false;           // see EngineCall
  bool off_loop_ : 1 = false;  // another thread may run the loop, whose shared chunk is not to be used
  bool pumping_ : 1 = false;
  bool again_ : 1 = false;        // pump() was asked for while it ran
  bool may_receive_ : 1 = false;  // in pump(): the socket may have something
  bool decrypting_ : 1 = false;   // received_ may be filled
  bool goodbye_ : 1 = false;      // close_notify is to follow the output
  bool said_goodbye_ : 1 = false;
  bool descriptor_passed_ : 1 = false;  // freed, and the descriptor waits to take close_notify
  std::uint8_t flags_ = 0;              // BUFFEREVENT_SSL_*
  int receive_error_ = 0;               // the transport's last error in that direction, 0 if it works
  int send_error_ = 0;
  std::size_t sealed_ = 0;
  std::size_t retry_ = 0;            // how many bytes the session must be given again
  TlsResult end_ = TlsResult::done;  // the end of reading, if it was met and not reported
  Chain *received_ = nullptr;        // head to tail: ciphertext that the session has not taken
  TlsStage stage_;
  evbuffer wire_in_;
  evbuffer wire_out_;
};

}  // namespace evi

#endif
