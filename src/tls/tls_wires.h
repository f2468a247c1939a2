// The wires of TLS bufferevents: a socket (tls_socket_wire.cc), and an underlying bufferevent
// (tls_filter_wire.cc). The machine reaches its wire through one table.
#ifndef EVI_TLS_TLS_WIRES_H
#define EVI_TLS_TLS_WIRES_H

#include "bufferevent/socket_transport.h"
#include "tls/tls_engine.h"

namespace evi {

class TlsBufferevent;

// What the machine asks of its wire. Requires: the bufferevent's lock held.
struct TlsWireKind {
  TlsWireOps session;  // what the session asks of it
  // Errors of receiving are reported also while nothing is read: the underlying bufferevent has reported them
  // already, and does not do so twice.
  bool reports_errors;

  // The lock and the buffers. False if out of memory.
  bool (*init)(TlsBufferevent &self) noexcept;
  // The session is attached: takes the callbacks of the underlying bufferevent.
  void (*begin)(TlsBufferevent &self) noexcept;
  // The bufferevent was freed: ends the session and lets go of the wire. `may_wait` if what the socket does
  // not take of close_notify can be sent later.
  void (*leave)(TlsBufferevent &self, bool owner, bool may_wait) noexcept;

  // It is there and connected: records can be exchanged.
  bool (*connected)(const TlsBufferevent &self) noexcept;
  // How many bytes have been received that the session has not taken.
  std::size_t (*ciphertext)(const TlsBufferevent &self) noexcept;
  // A slice is about to be decrypted.
  void (*prepare_input)(TlsBufferevent &self) noexcept;
  // Another batch of records may be encrypted.
  bool (*accepts_records)(const TlsBufferevent &self) noexcept;
  // Another record may join the present batch.
  bool (*batch_goes_on)(const TlsBufferevent &self) noexcept;
  // The batch is complete. False, with send_error_, if it is lost.
  bool (*send_batch)(TlsBufferevent &self) noexcept;
  // Records of the application's data have left the output buffer.
  void (*records_taken)(TlsBufferevent &self) noexcept;
  // Tries again to send wire_out_, which is not empty. False, with send_error_, if that fails.
  bool (*send_pending)(TlsBufferevent &self) noexcept;
  // Arms what is to be waited for, and disarms the rest. False if the kernel or memory fails.
  bool (*update_interest)(TlsBufferevent &self) noexcept;
};

// Ciphertext in: one recv() per wake-up brings as much as there is into `received_`, a chunk that the loop
// lends; the session takes it from there. Ciphertext out: records are collected in the lent chunk and leave
// by one send(); what the socket does not take is kept in wire_out_.
class TlsSocketWire {
 public:
  static const TlsWireKind kKind;

  static bool set_fd(BuffereventBase &bev, evutil_socket_t fd) noexcept;
  static evutil_socket_t get_fd(const BuffereventBase &bev) noexcept;
  static bufferevent *get_underlying(const BuffereventBase &bev) noexcept;
  static void dispose(BuffereventBase *bev) noexcept;

 private:
  static long receive(TlsWire &wire, void *data, std::size_t size) noexcept;
  static long send(TlsWire &wire, const void *data, std::size_t size) noexcept;
  static evutil_socket_t fd(const TlsWire &wire) noexcept;
  static bool inherit(TlsWire &wire, const TlsRemains &remains) noexcept;
  static bool init(TlsBufferevent &self) noexcept;
  static void begin(TlsBufferevent &self) noexcept;
  static void leave(TlsBufferevent &self, bool owner, bool may_wait) noexcept;
  static bool connected(const TlsBufferevent &self) noexcept;
  static std::size_t ciphertext(const TlsBufferevent &self) noexcept;
  static void prepare_input(TlsBufferevent &self) noexcept;
  static bool batch_goes_on(const TlsBufferevent &self) noexcept;
  static bool send_batch(TlsBufferevent &self) noexcept;
  static void records_taken(TlsBufferevent &self) noexcept;
  static bool send_pending(TlsBufferevent &self) noexcept;
  static bool update_interest(TlsBufferevent &self) noexcept;

  static long receive_now(TlsBufferevent &self, void *data, std::size_t size) noexcept;
  static void fill_received(TlsBufferevent &self) noexcept;
  static std::size_t read_size(const TlsBufferevent &self) noexcept;
  static bool take_record(TlsBufferevent &self, const void *data, std::size_t size) noexcept;
  static bool send_now(TlsBufferevent &self, const void *data, std::size_t size) noexcept;
  static ev_ssize_t send_front(TlsBufferevent &self) noexcept;
  static bool await_descriptor(TlsBufferevent &self) noexcept;
};

// Takes from the underlying bufferevent's input buffer and adds to its output buffer. The two share one lock.
// The underlying one is held back by kFilterBusy while the filter is not to read.
class TlsFilterWire {
 public:
  static const TlsWireKind kKind;

  static bool set_fd(BuffereventBase &bev, evutil_socket_t fd) noexcept;
  static evutil_socket_t get_fd(const BuffereventBase &bev) noexcept;
  static bufferevent *get_underlying(const BuffereventBase &bev) noexcept;
  static void dispose(BuffereventBase *bev) noexcept;

 private:
  static long receive(TlsWire &wire, void *data, std::size_t size) noexcept;
  static long send(TlsWire &wire, const void *data, std::size_t size) noexcept;
  static evutil_socket_t fd(const TlsWire &wire) noexcept;
  static bool inherit(TlsWire &wire, const TlsRemains &remains) noexcept;
  static bool init(TlsBufferevent &self) noexcept;
  static void begin(TlsBufferevent &self) noexcept;
  static void leave(TlsBufferevent &self, bool owner, bool may_wait) noexcept;
  static bool connected(const TlsBufferevent &self) noexcept;
  static std::size_t ciphertext(const TlsBufferevent &self) noexcept;
  static void prepare_input(TlsBufferevent &self) noexcept;
  static bool accepts_records(const TlsBufferevent &self) noexcept;
  static bool batch_goes_on(const TlsBufferevent &self) noexcept;
  static bool send_batch(TlsBufferevent &self) noexcept;
  static void records_taken(TlsBufferevent &self) noexcept;
  static bool send_pending(TlsBufferevent &self) noexcept;
  static bool update_interest(TlsBufferevent &self) noexcept;

  static void on_data(bufferevent *underlying, void *self) noexcept;
  static void on_event(bufferevent *underlying, short what, void *self) noexcept;
  static bool not_connected(const TlsBufferevent &self) noexcept;
  static void hold_back(TlsBufferevent &self, bool back) noexcept;
  static void pump_on_loop(TlsBufferevent &self) noexcept;
  static void pass_on_close_notify(TlsBufferevent &self) noexcept;
};

}  // namespace evi

#endif
