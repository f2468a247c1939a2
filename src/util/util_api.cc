// The functions of event2/util.h.
#include "event2/util.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "util/address.h"
#include "util/addrinfo.h"
#include "util/alloc.h"
#include "util/date.h"
#include "util/log.h"
#include "util/monotonic_timer.h"
#include "util/random.h"
#include "util/socket.h"
#include "util/socket_pair.h"
#include "util/text.h"
#include "util/time.h"

namespace {

constexpr int status(bool good) noexcept { return good ? 0 : -1; }

// Without room nothing is formatted and the result is 0, as in libevent and unlike C99.
int format_text(char *buf, size_t room, const char *format, va_list ap) noexcept EVI_PRINTF(3, 0);
int format_text(char *buf, size_t room, const char *format, va_list ap) noexcept {
  return room == 0 ? 0 : std::vsnprintf(buf, room, format, ap);
}

}  // namespace

extern "C" {

// --- sockets ---

int evutil_socketpair(int family, int type, int protocol, evutil_socket_t fd_pair[2]) {
  return status(evi::socket_pair(family, type, protocol, fd_pair, evi::kBlocking));
}

int evutil_make_socket_nonblocking(evutil_socket_t sock) { return status(evi::set_nonblocking(sock)); }

int evutil_make_listen_socket_reuseable(evutil_socket_t sock) { return status(evi::set_reuseable(sock)); }

int evutil_make_listen_socket_reuseable_port(evutil_socket_t sock) {
  return status(evi::set_reuseable_port(sock));
}

int evutil_make_listen_socket_ipv6only(evutil_socket_t sock) { return status(evi::set_ipv6only(sock, true)); }

int evutil_make_listen_socket_not_ipv6only(evutil_socket_t sock) {
  return status(evi::set_ipv6only(sock, false));
}

int evutil_make_tcp_listen_socket_deferred(evutil_socket_t sock) {
  return status(evi::set_deferred_accept(sock));
}

int evutil_make_socket_closeonexec(evutil_socket_t sock) { return status(evi::set_closeonexec(sock)); }

int evutil_closesocket(evutil_socket_t sock) { return evi::close_socket(sock); }

int evutil_set_tcp_keepalive(evutil_socket_t sock, int on, int timeout) {
  return status(evi::set_keepalive(sock, on != 0, timeout));
}

// --- time ---

int evutil_date_rfc1123(char *date, const size_t datelen, const struct tm *tm) {
  if (datelen == 0) return 0;
  return tm ? evi::format_date_rfc1123(date, datelen, *tm) : evi::format_current_date_rfc1123(date, datelen);
}

struct evutil_monotonic_timer *evutil_monotonic_timer_new(void) {
  return evi::make<evutil_monotonic_timer>();
}

int evutil_configure_monotonic_time(struct evutil_monotonic_timer *timer, int flags) {
  timer->configure(flags);
  return 0;
}

int evutil_gettime_monotonic(struct evutil_monotonic_timer *timer, struct timeval *tp) {
  *tp = evi::to_timeval(timer->now());
  return 0;
}

void evutil_monotonic_timer_free(struct evutil_monotonic_timer *timer) { evi::destroy(timer); }

// --- text ---

ev_int64_t evutil_strtoll(const char *s, char **endptr, int base) { return std::strtoll(s, endptr, base); }

int evutil_snprintf(char *buf, size_t buflen, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  const int length = format_text(buf, buflen, format, ap);
  va_end(ap);
  return length;
}

int evutil_vsnprintf(char *buf, size_t buflen, const char *format, va_list ap) {
  return format_text(buf, buflen, format, ap);
}

int evutil_ascii_strcasecmp(const char *s1, const char *s2) { return evi::compare_ignoring_case(s1, s2); }

int evutil_ascii_strncasecmp(const char *s1, const char *s2, size_t n) {
  return evi::compare_ignoring_case(s1, s2, n);
}

// --- addresses ---

const char *evutil_inet_ntop(int af, const void *src, char *dst, size_t len) {
  return evi::inet_binary_to_text(af, src, dst, len);
}

int evutil_inet_pton(int af, const char *src, void *dst) { return evi::inet_text_to_binary(af, src, dst); }

int evutil_inet_pton_scope(int af, const char *src, void *dst, unsigned *indexp) {
  *indexp = 0;
  if (af != AF_INET6) return evi::inet_text_to_binary(af, src, dst);
  in6_addr address;
  std::uint32_t scope = 0;
  if (!evi::parse_ipv6_scoped(src, address, scope)) return 0;
  std::memcpy(dst, &address, sizeof(address));
  *indexp = scope;
  return 1;
}

int evutil_parse_sockaddr_port(const char *str, struct sockaddr *out, int *outlen) {
  evi::Address address;
  if (!evi::parse_address_port(str, address)) return -1;
  const int length = static_cast<int>(address.length);
  if (length > *outlen) return -1;
  std::memcpy(out, &address.storage, address.length);
  *outlen = length;
  return 0;
}

int evutil_sockaddr_cmp(const struct sockaddr *sa1, const struct sockaddr *sa2, int include_port) {
  return evi::compare_addresses(sa1, sa2, include_port != 0);
}

// --- host names ---

int evutil_getaddrinfo(const char *nodename, const char *servname, const struct evutil_addrinfo *hints_in,
                       struct evutil_addrinfo **res) {
  return evi::getaddrinfo_blocking(nodename, servname, hints_in, *res);
}

void evutil_freeaddrinfo(struct evutil_addrinfo *ai) { evi::free_addrinfo(ai); }

const char *evutil_gai_strerror(int err) { return evi::gai_error_text(err); }

// --- random numbers ---

// The function cannot report a failure, and predictable numbers would be worse than the end of the process.
void evutil_secure_rng_get_bytes(void *buf, size_t n) {
  if (!evi::random_bytes(buf, n)) evi::fatal(1, "no source of random numbers");
}

int evutil_secure_rng_init(void) { return status(evi::init_random()); }

int evutil_secure_rng_set_urandom_device_file(char *fname) { return status(evi::set_random_device(fname)); }

void evutil_secure_rng_add_bytes(const char *dat, size_t datlen) { evi::add_random_bytes(dat, datlen); }

}  // extern "C"
