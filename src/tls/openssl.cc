// The engine over OpenSSL, and the BIO through which a session reaches the machine's wire.
//
// A BIO's data is the wire while the bufferevent lives; afterwards, if the program keeps the session, a
// Remnant: what was on its way in each direction, then the socket itself.
#include "tls/openssl.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>

#include "tls/tls_private.h"
#include "util/alloc.h"

namespace evi {
namespace {

// --- the BIO ---

// Followed by the bytes received, then those to be sent.
struct Remnant {
  evutil_socket_t fd;
  std::size_t in_position, in_size;
  std::size_t out_position, out_size;
  unsigned char *in() noexcept { return reinterpret_cast<unsigned char *>(this + 1); }
  unsigned char *out() noexcept { return in() + in_size; }
};

// Flags of a BIO, above OpenSSL's own: its data is a Remnant; it has come to its end.
constexpr int kRemnant = 0x10000;
constexpr int kAtEnd = 0x20000;

Remnant *remnant_of(BIO *bio) noexcept {
  return BIO_test_flags(bio, kRemnant) ? static_cast<Remnant *>(BIO_get_data(bio)) : nullptr;
}

// Nothing may overtake it. False with errno if some is left.
bool send_remnant(Remnant &rest) noexcept {
  while (rest.out_position < rest.out_size) {
    const ssize_t put = ::write(rest.fd, rest.out() + rest.out_position, rest.out_size - rest.out_position);
    if (put < 0) return false;
    rest.out_position += static_cast<std::size_t>(put);
  }
  return true;
}

long receive_from(BIO *bio, void *data, std::size_t size) noexcept {
  Remnant *rest = remnant_of(bio);
  if (!rest) {
    auto *wire = static_cast<TlsWire *>(BIO_get_data(bio));
    return wire ? wire->receive(data, size) : kWireFailed;
  }
  // The peer may be waiting for it.
  static_cast<void>(send_remnant(*rest));
  const std::size_t here = std::min(size, rest->in_size - rest->in_position);
  if (here > 0) {
    std::memcpy(data, rest->in() + rest->in_position, here);
    rest->in_position += here;
    return static_cast<long>(here);
  }
  const ssize_t got = ::read(rest->fd, data, size);
  if (got >= 0) return got;
  return BIO_sock_should_retry(-1) ? kWireBlocked : kWireFailed;
}

long send_to(BIO *bio, const void *data, std::size_t size) noexcept {
  Remnant *rest = remnant_of(bio);
  if (!rest) {
    auto *wire = static_cast<TlsWire *>(BIO_get_data(bio));
    return wire ? wire->send(data, size) : kWireFailed;
  }
  const ssize_t put = send_remnant(*rest) ? ::write(rest->fd, data, size) : -1;
  if (put >= 0) return put;
  return BIO_sock_should_retry(-1) ? kWireBlocked : kWireFailed;
}

int bio_read(BIO *bio, char *data, int size) noexcept {
  BIO_clear_retry_flags(bio);
  if (!data || size <= 0) return 0;
  const long got = receive_from(bio, data, static_cast<std::size_t>(size));
  if (got == kWireBlocked) BIO_set_retry_read(bio);
  got == kWireEnded ? BIO_set_flags(bio, kAtEnd) : BIO_clear_flags(bio, kAtEnd);
  return got < 0 ? -1 : static_cast<int>(got);
}

int bio_write(BIO *bio, const char *data, int size) noexcept {
  BIO_clear_retry_flags(bio);
  if (!data || size <= 0) return 0;
  const long put = send_to(bio, data, static_cast<std::size_t>(size));
  if (put == kWireBlocked) BIO_set_retry_write(bio);
  return put < 0 ? -1 : static_cast<int>(put);
}

int bio_puts(BIO *bio, const char *text) noexcept {
  const std::size_t size = std::strlen(text);
  return size > INT_MAX ? -1 : bio_write(bio, text, static_cast<int>(size));
}

evutil_socket_t fd_behind(BIO *bio) noexcept {
  void *data = BIO_get_data(bio);
  if (!data) return -1;
  if (const Remnant *rest = remnant_of(bio)) return rest->fd;
  auto &wire = *static_cast<TlsWire *>(data);
  return wire.fd();
}

// SSL_get_fd() comes here too.
long bio_ctrl(BIO *bio, int command, long number, void *out) noexcept {
  switch (command) {
    case BIO_C_GET_FD: {
      const evutil_socket_t fd = fd_behind(bio);
      if (out) *static_cast<int *>(out) = fd;
      return fd;
    }
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, kAtEnd) != 0;
    case BIO_CTRL_GET_CLOSE:
      return BIO_get_shutdown(bio);
    case BIO_CTRL_SET_CLOSE:
      BIO_set_shutdown(bio, static_cast<int>(number));
      return 1;
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DUP:
      return 1;
    default:
      return 0;
  }
}

int bio_create(BIO *bio) noexcept {
  BIO_set_init(bio, 1);
  BIO_set_data(bio, nullptr);
  return 1;
}

int bio_destroy(BIO *bio) noexcept {
  if (BIO_test_flags(bio, kRemnant)) mm_free(BIO_get_data(bio));
  BIO_set_data(bio, nullptr);
  BIO_clear_flags(bio, kRemnant);
  return 1;
}

BIO_METHOD *new_method(int type) noexcept {
  BIO_METHOD *method = BIO_meth_new(type, "bufferevent");
  if (!method) return nullptr;
  BIO_meth_set_read(method, bio_read);
  BIO_meth_set_write(method, bio_write);
  BIO_meth_set_puts(method, bio_puts);
  BIO_meth_set_ctrl(method, bio_ctrl);
  BIO_meth_set_create(method, bio_create);
  BIO_meth_set_destroy(method, bio_destroy);
  return method;
}

constinit std::atomic<BIO_METHOD *> the_method{nullptr};
// Its type is a new number for each process.
constinit std::atomic<int> the_type{0};

// Made once and kept: sessions that outlive this library's last bufferevent still use it.
const BIO_METHOD *bio_method() noexcept {
  BIO_METHOD *method = the_method.load(std::memory_order_acquire);
  if (method) return method;
  int type = the_type.load(std::memory_order_acquire);
  if (type == 0) {
    const int index = BIO_get_new_index();
    if (index < 0) return nullptr;
    const int mine = index | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR;
    if (the_type.compare_exchange_strong(type, mine, std::memory_order_acq_rel)) type = mine;
  }
  BIO_METHOD *made = new_method(type);
  if (!made) return nullptr;
  if (the_method.compare_exchange_strong(method, made, std::memory_order_acq_rel)) return made;
  BIO_meth_free(made);
  return method;
}

bool is_ours(BIO *bio) noexcept {
  return bio && BIO_method_type(bio) == the_type.load(std::memory_order_acquire);
}

evutil_socket_t bio_fd(BIO *bio) noexcept {
  int fd = -1;
  return BIO_get_fd(bio, &fd) < 0 ? -1 : fd;
}

// --- results ---

TlsOutcome moved(int bytes) noexcept { return {TlsResult::done, static_cast<std::size_t>(bytes)}; }

// The newest error is given out first, as libevent does it.
void collect(int reason, TlsErrors &errors) noexcept {
  errors.push(static_cast<unsigned long>(reason));
  while (const unsigned long code = ERR_get_error()) errors.push(code);
}

// OpenSSL 3 answers an end of its input without close_notify with the fatal alert "decode error": a peer that
// ended its side in that way, and may, meets it.
bool answers_early_end(unsigned long code) noexcept {
  return ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_TLSV1_ALERT_DECODE_ERROR;
}

bool ended_early(int reason, int result) noexcept {
  if (reason == SSL_ERROR_SSL && answers_early_end(ERR_peek_error())) return true;
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
  if (reason == SSL_ERROR_SSL) return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
#endif
  return reason == SSL_ERROR_SYSCALL && result == 0 && ERR_peek_error() == 0;
}

TlsOutcome outcome(SSL *ssl, int result, TlsErrors &errors) noexcept {
  const int reason = SSL_get_error(ssl, result);
  switch (reason) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_X509_LOOKUP:
      return {TlsResult::want_read, 0};
    case SSL_ERROR_WANT_WRITE:
      return {TlsResult::want_write, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {TlsResult::closed, 0};
    default:
      break;
  }
  const bool truncated = ended_early(reason, result);
  collect(reason, errors);
  return {truncated ? TlsResult::truncated : TlsResult::failed, 0};
}

SSL *ssl_of(void *session) noexcept { return static_cast<SSL *>(session); }

// --- the table's functions ---

// A BIO other than a socket's does what the program made it for. It has to report retries as sockets do.
bool keeps_its_bio(BIO *bio) noexcept {
  return bio && bio_fd(bio) >= 0 && BIO_method_type(bio) != BIO_TYPE_SOCKET && !is_ours(bio);
}

// False if out of memory.
bool pass_on_remnant(BIO *before, TlsWire &wire) noexcept {
  Remnant *rest = is_ours(before) ? remnant_of(before) : nullptr;
  if (!rest) return true;
  return wire.inherit({rest->in() + rest->in_position, rest->in_size - rest->in_position,
                       rest->out() + rest->out_position, rest->out_size - rest->out_position});
}

TlsAttached attach(void *session, TlsWire &wire, TlsSide side, bool may_own) noexcept {
  SSL *ssl = ssl_of(session);
  const bool own = may_own && keeps_its_bio(SSL_get_wbio(ssl));
  if (!own) {
    const BIO_METHOD *method = bio_method();
    BIO *bio = method ? BIO_new(method) : nullptr;
    if (!bio) {
      ERR_clear_error();
      return TlsAttached::failed;
    }
    if (!pass_on_remnant(SSL_get_wbio(ssl), wire)) {
      BIO_free(bio);
      return TlsAttached::failed;
    }
    BIO_set_data(bio, &wire);
    SSL_set_bio(ssl, bio, bio);
  }
  // Records are written one by one, from wherever their bytes are then.
  SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (side == TlsSide::client) SSL_set_connect_state(ssl);
  if (side == TlsSide::server) SSL_set_accept_state(ssl);
  return own ? TlsAttached::own : TlsAttached::wire;
}

void detach(void *session, evutil_socket_t fd, const TlsRemains &remains) noexcept {
  BIO *bio = SSL_get_wbio(ssl_of(session));
  if (!is_ours(bio)) return;
  BIO_set_data(bio, nullptr);
  if (fd < 0 || (remains.in_size > 0 && !remains.in) || (remains.out_size > 0 && !remains.out)) return;
  void *memory = mm_malloc(sizeof(Remnant) + remains.in_size + remains.out_size);
  if (!memory) return;
  auto *remnant = ::new (memory) Remnant{fd, 0, remains.in_size, 0, remains.out_size};
  if (remains.in_size > 0) std::memcpy(remnant->in(), remains.in, remains.in_size);
  if (remains.out_size > 0) std::memcpy(remnant->out(), remains.out, remains.out_size);
  BIO_set_data(bio, remnant);
  BIO_set_flags(bio, kRemnant);
}

void free_session(void *session) noexcept { SSL_free(ssl_of(session)); }

// What the program left in its thread's queue would be taken for the session's.
void forget_errors() noexcept {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

TlsOutcome handshake(void *session, TlsErrors &errors) noexcept {
  forget_errors();
  const int result = SSL_do_handshake(ssl_of(session));
  return result == 1 ? moved(0) : outcome(ssl_of(session), result, errors);
}

TlsOutcome read(void *session, void *data, std::size_t size, TlsErrors &errors) noexcept {
  forget_errors();
  const int result = SSL_read(ssl_of(session), data, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
  return result > 0 ? moved(result) : outcome(ssl_of(session), result, errors);
}

bool holds_input(void *session) noexcept { return SSL_has_pending(ssl_of(session)) != 0; }

TlsOutcome write(void *session, const void *data, std::size_t size, TlsErrors &errors) noexcept {
  forget_errors();
  const int result = SSL_write(ssl_of(session), data, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
  return result > 0 ? moved(result) : outcome(ssl_of(session), result, errors);
}

void shutdown(void *session) noexcept {
  SSL *ssl = ssl_of(session);
  if (SSL_in_init(ssl) || (SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN)) return;
  SSL_shutdown(ssl);
  ERR_clear_error();
}

bool renegotiate(void *session, TlsErrors &errors) noexcept {
  forget_errors();
  if (SSL_version(ssl_of(session)) < TLS1_3_VERSION && SSL_renegotiate(ssl_of(session)) == 1) return true;
  collect(SSL_ERROR_SSL, errors);
  return false;
}

}  // namespace

evutil_socket_t openssl_fd(SSL *ssl) noexcept {
  BIO *bio = SSL_get_wbio(ssl);
  return bio ? bio_fd(bio) : -1;
}

constinit const TlsEngine openssl_engine = {
    .name = "openssl",
    .attach = attach,
    .detach = detach,
    .free = free_session,
    .handshake = handshake,
    .read = read,
    .holds_input = holds_input,
    .write = write,
    .shutdown = shutdown,
    .renegotiate = renegotiate,
};

}  // namespace evi
