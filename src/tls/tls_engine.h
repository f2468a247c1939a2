// What a TLS library is to us: a table of functions on one session of its, and the wire that it gets.
//
// The machine (tls_bufferevent.h) lives in event_core and knows no TLS library; each of those has a small
// library of its own that fills a table. A session (an SSL, an mbedtls_ssl_context) is the program's object.
#ifndef EVI_TLS_TLS_ENGINE_H
#define EVI_TLS_TLS_ENGINE_H

#include <cstddef>
#include <cstdint>

#include "event2/util.h"

namespace evi {

// The most plaintext that one record carries, RFC 8446 section 5.1.
inline constexpr std::size_t kMaxRecordPlaintext = 16384;
// A whole record: header, the largest expansion that TLS 1.2 allows (RFC 5246 section 6.2.3), and plaintext.
inline constexpr std::size_t kMaxRecord = 5 + 2048 + kMaxRecordPlaintext;

// What TlsWire's functions return besides a number of bytes.
inline constexpr long kWireEnded = 0;
inline constexpr long kWireBlocked = -1;
inline constexpr long kWireFailed = -2;

// Ciphertext in flight when a wire goes: received and not taken by the session, and taken from it and not
// sent. A null pointer to some bytes: there was no memory to keep them.
struct TlsRemains {
  const void *in = nullptr;
  std::size_t in_size = 0;
  const void *out = nullptr;
  std::size_t out_size = 0;
};

struct TlsWire;

// The functions of one kind of wire.
struct TlsWireOps {
  long (*receive)(TlsWire &wire, void *data, std::size_t size) noexcept;
  long (*send)(TlsWire &wire, const void *data, std::size_t size) noexcept;
  evutil_socket_t (*fd)(const TlsWire &wire) noexcept;
  bool (*inherit)(TlsWire &wire, const TlsRemains &remains) noexcept;
};

// Where a session's ciphertext comes from and goes to.
struct TlsWire {
  const TlsWireOps *wire_ops;

  long receive(void *data, std::size_t size) noexcept { return wire_ops->receive(*this, data, size); }
  // Takes everything or fails.
  long send(const void *data, std::size_t size) noexcept { return wire_ops->send(*this, data, size); }
  evutil_socket_t fd() const noexcept { return wire_ops->fd(*this); }
  // Before the first use: what an earlier wire of the session left. False if out of memory.
  bool inherit(const TlsRemains &remains) noexcept { return wire_ops->inherit(*this, remains); }
};

enum class TlsSide : unsigned char { settled, client, server };

enum class TlsAttached : unsigned char {
  failed,
  wire,
  own,  // the session has means of its own, which read and write the same socket
};

enum class TlsResult : unsigned char {
  done,        // with a number of bytes where some were moved
  want_read,   // goes on when the wire has brought more
  want_write,  // goes on when the wire takes more
  closed,      // close_notify was received
  truncated,   // the wire ended without that
  failed,
};

struct TlsOutcome {
  TlsResult result;
  std::size_t bytes;
};

// The library's error codes, for the program: the first one last.
struct TlsErrors {
  static constexpr unsigned kMax = 4;
  unsigned long codes[kMax];
  unsigned count;

  // What does not fit is dropped.
  void push(unsigned long code) noexcept {
    if (count < kMax) codes[count++] = code;
  }
  // 0 if there is none.
  unsigned long pop() noexcept { return count > 0 ? codes[--count] : 0; }
};

struct TlsEngine {
  const char *name;
  // Has the session use the wire from now on, and take its side in the handshake; means of its own are left
  // to it if it `may_own` them. After a failure - there is no memory, or it can only be on the other side -
  // nothing has changed.
  TlsAttached (*attach)(void *session, TlsWire &wire, TlsSide side, bool may_own) noexcept;
  // The wire goes; what was in flight is handed over, if the session can still have a use for it. fd is -1
  // if it is to be closed.
  void (*detach)(void *session, evutil_socket_t fd, const TlsRemains &remains) noexcept;
  void (*free)(void *session) noexcept;
  TlsOutcome (*handshake)(void *session, TlsErrors &errors) noexcept;
  TlsOutcome (*read)(void *session, void *data, std::size_t size, TlsErrors &errors) noexcept;
  // There may be more to read without anything from the wire.
  bool (*holds_input)(void *session) noexcept;
  // After want_read or want_write the same bytes are given again, perhaps from another place.
  TlsOutcome (*write)(void *session, const void *data, std::size_t size, TlsErrors &errors) noexcept;
  // Sends close_notify, once.
  void (*shutdown)(void *session) noexcept;
  // Asks for another handshake, which `handshake` then carries out. False if the protocol has none.
  bool (*renegotiate)(void *session, TlsErrors &errors) noexcept;
};

}  // namespace evi

#endif
