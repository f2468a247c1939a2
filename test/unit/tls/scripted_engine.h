// A TLS engine scripted by the test, in place of a library.
#ifndef EVENTIDE_TEST_UNIT_SCRIPTED_ENGINE_H
#define EVENTIDE_TEST_UNIT_SCRIPTED_ENGINE_H

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <string>

#include "tls/tls_private.h"

namespace test::scripted {

using evi::TlsAttached;
using evi::TlsErrors;
using evi::TlsOutcome;
using evi::TlsResult;
using evi::TlsSide;
using evi::TlsWire;

// Encrypts nothing: a record is its bytes. Outcomes that were scripted come first.
struct Session {
  TlsWire *wire = nullptr;
  TlsSide side = TlsSide::settled;
  TlsAttached attached = TlsAttached::wire;
  std::deque<TlsResult> handshakes, reads, writes;
  std::string inside;   // for reading, taken from the wire or put here by the test
  std::string asked;    // what the machine did
  std::string remains;  // not sent by the wire that it had before
  std::size_t retry = 0;
  int shutdowns = 0, detaches = 0, frees = 0;
  bool renegotiates = true;
  bool sends_close_notify = false;  // its shutdown sends something
  bool greets = false;              // its handshake sends something
  bool freed = false;               // freed by the program
  bool used_inside = false;         // and that while it was sending
};

inline Session &of(void *session) {
  EXPECT_FALSE(static_cast<Session *>(session)->freed) << "used after the program freed it";
  return *static_cast<Session *>(session);
}

inline TlsAttached attach(void *session, TlsWire &wire, TlsSide side, bool) noexcept {
  if (of(session).attached != TlsAttached::failed) {
    of(session).wire = &wire;
    of(session).side = side;
    const std::string &rest = of(session).remains;
    EXPECT_TRUE(rest.empty() || wire.inherit({nullptr, 0, rest.data(), rest.size()}));
  }
  return of(session).attached;
}
inline void detach(void *session, evutil_socket_t, const evi::TlsRemains &) noexcept {
  ++of(session).detaches;
}
inline void free_session(void *session) noexcept { ++of(session).frees; }

inline bool send_through(Session &session, const void *data, std::size_t size) {
  const bool sent = session.wire->send(data, size) == static_cast<long>(size);
  session.used_inside = session.used_inside || session.freed;
  return sent;
}

inline bool scripted(std::deque<TlsResult> &script, TlsErrors &errors, TlsOutcome &out) {
  if (script.empty()) return false;
  out = {script.front(), 0};
  script.pop_front();
  if (out.result == TlsResult::failed) errors.push(77);
  return out.result != TlsResult::done;
}

inline TlsOutcome handshake(void *session, TlsErrors &errors) noexcept {
  TlsOutcome out{TlsResult::done, 0};
  of(session).asked += "h";
  if (std::exchange(of(session).greets, false)) send_through(of(session), "hello", 5);
  scripted(of(session).handshakes, errors, out);
  return out;
}

inline TlsOutcome read(void *session, void *data, std::size_t size, TlsErrors &errors) noexcept {
  Session &self = of(session);
  TlsOutcome out{TlsResult::done, 0};
  self.asked += "r";
  if (scripted(self.reads, errors, out)) return out;
  if (self.inside.empty() && self.attached == TlsAttached::wire) {
    char block[4096];
    const long got = self.wire->receive(block, sizeof(block));
    if (got == evi::kWireEnded) return {TlsResult::truncated, 0};
    if (got == evi::kWireFailed) return {TlsResult::failed, 0};
    if (got > 0) self.inside.assign(block, static_cast<std::size_t>(got));
  }
  if (self.inside.empty()) return {TlsResult::want_read, 0};
  const std::size_t taken = std::min(size, self.inside.size());
  std::memcpy(data, self.inside.data(), taken);
  self.inside.erase(0, taken);
  return {TlsResult::done, taken};
}
inline bool holds_input(void *session) noexcept { return !of(session).inside.empty(); }

inline TlsOutcome write(void *session, const void *data, std::size_t size, TlsErrors &errors) noexcept {
  Session &self = of(session);
  TlsOutcome out{TlsResult::done, 0};
  self.asked += "w";
  if (self.retry) {
    EXPECT_EQ(size, self.retry) << "not the same bytes again";
  }
  if (scripted(self.writes, errors, out)) {
    self.retry = size;
    return out;
  }
  self.retry = 0;
  const std::size_t put = std::min(size, evi::kMaxRecordPlaintext);
  if (!send_through(self, data, put)) return {TlsResult::failed, 0};
  return {TlsResult::done, put};
}
inline void shutdown(void *session) noexcept {
  ++of(session).shutdowns;
  if (of(session).sends_close_notify) send_through(of(session), "bye", 3);
}
inline bool renegotiate(void *session, TlsErrors &errors) noexcept {
  if (!of(session).renegotiates) errors.push(5);
  return of(session).renegotiates;
}

inline const evi::TlsEngine kEngine = {.name = "scripted",
                                       .attach = attach,
                                       .detach = detach,
                                       .free = free_session,
                                       .handshake = handshake,
                                       .read = read,
                                       .holds_input = holds_input,
                                       .write = write,
                                       .shutdown = shutdown,
                                       .renegotiate = renegotiate};

}  // namespace test::scripted

#endif
