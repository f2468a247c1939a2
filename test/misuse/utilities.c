/* event2/util.h with arguments that are wrong, empty or at their limits. */
#include "misuse.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

static void parse(const char *text) {
  struct sockaddr_storage ss;
  int length = sizeof ss;
  RET("parse", evutil_parse_sockaddr_port(text, (struct sockaddr *)&ss, &length));
  say("length=%d", length);
}
CASE("parse_sockaddr_port/empty") { parse(""); }
CASE("parse_sockaddr_port/colon alone") { parse(":"); }
CASE("parse_sockaddr_port/port alone") { parse(":80"); }
CASE("parse_sockaddr_port/port empty") { parse("1.2.3.4:"); }
CASE("parse_sockaddr_port/port 0") { parse("1.2.3.4:0"); }
CASE("parse_sockaddr_port/port 65535") { parse("1.2.3.4:65535"); }
CASE("parse_sockaddr_port/port 65536") { parse("1.2.3.4:65536"); }
CASE("parse_sockaddr_port/port -1") { parse("1.2.3.4:-1"); }
CASE("parse_sockaddr_port/port with junk") { parse("1.2.3.4:80x"); }
CASE("parse_sockaddr_port/port beyond 32 bits") { parse("1.2.3.4:4294967376"); }
CASE("parse_sockaddr_port/three numbers") { parse("1.2.3:80"); }
CASE("parse_sockaddr_port/number 256") { parse("1.2.3.256"); }
CASE("parse_sockaddr_port/a name") { parse("localhost:80"); }
CASE("parse_sockaddr_port/IPv6 without bracket's end") { parse("[::1"); }
CASE("parse_sockaddr_port/IPv6 brackets empty") { parse("[]:80"); }
CASE("parse_sockaddr_port/IPv6 junk after the bracket") { parse("[::1]x80"); }
CASE("parse_sockaddr_port/IPv6 in brackets twice") { parse("[[::1]]:80"); }
CASE("parse_sockaddr_port/IPv6 bare") { parse("::1"); }
CASE("parse_sockaddr_port/IPv6 with a zone unknown") { parse("[fe80::1%nosuchif]:80"); }
CASE("parse_sockaddr_port/very long") {
  char text[1000];
  memset(text, '1', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  parse(text);
}
CASE("parse_sockaddr_port/room too small") {
  struct sockaddr_storage ss;
  int length = 4;
  RET("v4", evutil_parse_sockaddr_port("1.2.3.4:5", (struct sockaddr *)&ss, &length));
  length = sizeof(struct sockaddr_in);
  RET("v6", evutil_parse_sockaddr_port("[::1]:5", (struct sockaddr *)&ss, &length));
  length = 0;
  RET("none", evutil_parse_sockaddr_port("1.2.3.4:5", (struct sockaddr *)&ss, &length));
  length = -1;
  RET("negative", evutil_parse_sockaddr_port("1.2.3.4:5", (struct sockaddr *)&ss, &length));
}

static void pton(int family, const char *text) {
  unsigned char out[64];
  RET("pton", evutil_inet_pton(family, text, out));
}
CASE("inet_pton/unknown family") { pton(250, "1.2.3.4"); }
CASE("inet_pton/AF_UNSPEC") { pton(AF_UNSPEC, "1.2.3.4"); }
CASE("inet_pton/AF_UNIX") { pton(AF_UNIX, "/tmp"); }
CASE("inet_pton/empty, IPv4") { pton(AF_INET, ""); }
CASE("inet_pton/empty, IPv6") { pton(AF_INET6, ""); }
CASE("inet_pton/five numbers") { pton(AF_INET, "1.2.3.4.5"); }
CASE("inet_pton/numbers with signs") { pton(AF_INET, "+1.2.3.4"); }
CASE("inet_pton/numbers with leading zeros") { pton(AF_INET, "01.02.03.004"); }
CASE("inet_pton/number that wraps") { pton(AF_INET, "4294967297.0.0.1"); }
CASE("inet_pton/IPv4 to IPv6") { pton(AF_INET6, "1.2.3.4"); }
CASE("inet_pton/IPv4 in IPv6") { pton(AF_INET6, "::ffff:1.2.3.4"); }
CASE("inet_pton/IPv4 in IPv6, number 256") { pton(AF_INET6, "::ffff:1.2.3.256"); }
CASE("inet_pton/two gaps") { pton(AF_INET6, "1::2::3"); }
CASE("inet_pton/three colons") { pton(AF_INET6, ":::"); }
CASE("inet_pton/nine groups") { pton(AF_INET6, "1:2:3:4:5:6:7:8:9"); }
CASE("inet_pton/a colon at the end") { pton(AF_INET6, "1:2:3:4:5:6:7:8:"); }
CASE("inet_pton/five digits") { pton(AF_INET6, "12345::"); }
CASE("inet_pton/groups in hexadecimal notation") { pton(AF_INET6, "::0x1"); }
CASE("inet_pton/a zone") { pton(AF_INET6, "fe80::1%lo"); }

CASE("inet_pton_scope/scopes that are wrong") {
  unsigned char out[16];
  unsigned index = 77;
  RET("unknown", evutil_inet_pton_scope(AF_INET6, "fe80::1%nosuchif", out, &index));
  RET("empty", evutil_inet_pton_scope(AF_INET6, "fe80::1%", out, &index));
  RET("huge", evutil_inet_pton_scope(AF_INET6, "fe80::1%4294967296", out, &index));
  RET("v4", evutil_inet_pton_scope(AF_INET, "1.2.3.4%1", out, &index));
  RET("good", evutil_inet_pton_scope(AF_INET6, "fe80::1%1", out, &index));
  say("index=%u", index);
  RET("none", evutil_inet_pton_scope(AF_INET6, "fe80::1", out, &index));
  say("index=%u", index);
}

static void ntop(int family, size_t room) {
  static const unsigned char address[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  char text[64];
  memset(text, 'x', sizeof text);
  errno = 0;
  const char *out = evutil_inet_ntop(family, address, text, room);
  PTR("ntop", out);
  if (out) say("%s", out);
}
CASE("inet_ntop/unknown family") { ntop(250, 64); }
CASE("inet_ntop/AF_UNIX") { ntop(AF_UNIX, 64); }
CASE("inet_ntop/no room, IPv4") { ntop(AF_INET, 0); }
CASE("inet_ntop/no room, IPv6") { ntop(AF_INET6, 0); }
CASE("inet_ntop/room of one, IPv4") { ntop(AF_INET, 1); }
CASE("inet_ntop/room of one, IPv6") { ntop(AF_INET6, 1); }
CASE("inet_ntop/room without the end, IPv4") { ntop(AF_INET, sizeof "32.1.13.184" - 1); }
CASE("inet_ntop/room without the end, IPv6") { ntop(AF_INET6, sizeof "2001:db8::1" - 1); }
CASE("inet_ntop/room just enough, IPv4") { ntop(AF_INET, sizeof "32.1.13.184"); }
CASE("inet_ntop/room just enough, IPv6") { ntop(AF_INET6, sizeof "2001:db8::1"); }

CASE("sockaddr_cmp/families differ") {
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  say("cmp=%d", evutil_sockaddr_cmp((struct sockaddr *)&v4, (struct sockaddr *)&v6, 1) != 0);
}
CASE("sockaddr_cmp/unknown family, equal") {
  struct sockaddr_storage a;
  memset(&a, 0, sizeof a);
  a.ss_family = 250;
  say("cmp=%d", evutil_sockaddr_cmp((struct sockaddr *)&a, (struct sockaddr *)&a, 1));
}
CASE("sockaddr_cmp/ports differ, not asked") {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = 1}, b = {.sin_family = AF_INET, .sin_port = 2};
  say("without=%d", evutil_sockaddr_cmp((struct sockaddr *)&a, (struct sockaddr *)&b, 0));
  say("with=%d", evutil_sockaddr_cmp((struct sockaddr *)&a, (struct sockaddr *)&b, 1) != 0);
}

CASE("snprintf/no room") { RET("n", evutil_snprintf(NULL, 0, "hello %d", 5)); }
CASE("snprintf/room of one") {
  char out[4] = "abc";
  RET("n", evutil_snprintf(out, 1, "hello"));
  say("'%s'", out);
}
CASE("snprintf/cut") {
  char out[4];
  RET("n", evutil_snprintf(out, sizeof out, "hello"));
  say("'%s'", out);
}

static void to_number(const char *text, int base) {
  char *end = NULL;
  errno = 0;
  const long long value = evutil_strtoll(text, &end, base);
  say("%lld used=%ld %s", value, end ? (long)(end - text) : -1L, errno ? strerrorname_np(errno) : "no-errno");
}
CASE("strtoll/empty") { to_number("", 10); }
CASE("strtoll/overflow") { to_number("9223372036854775808", 10); }
CASE("strtoll/underflow") { to_number("-9223372036854775809", 10); }
CASE("strtoll/base 1") { to_number("11", 1); }
CASE("strtoll/base 37") { to_number("11", 37); }
CASE("strtoll/base 0, hexadecimal") { to_number("0x1fz", 0); }
CASE("strtoll/no digits") { to_number("  +x", 10); }
CASE("strtoll/no end wanted") { RET("n", evutil_strtoll("12abc", NULL, 10)); }

CASE("strcasecmp/empty and high bytes") {
  say("%d", evutil_ascii_strcasecmp("", ""));
  say("%d", evutil_ascii_strcasecmp("a", "") > 0);
  say("%d", evutil_ascii_strcasecmp("\xc4", "\xe4") != 0);
  say("%d", evutil_ascii_strncasecmp("abc", "xyz", 0));
  say("%d", evutil_ascii_strncasecmp("ABc", "abD", 2));
  say("%d", evutil_ascii_strncasecmp("a", "a", (size_t)-1));
}

CASE("gai_strerror/all values have a text") {
  int missing = 0;
  for (int i = -1000; i < 1000; ++i) missing += evutil_gai_strerror(i) == NULL;
  say("missing=%d", missing);
  PTR("cancel", evutil_gai_strerror(EVUTIL_EAI_CANCEL));
  PTR("INT_MAX", evutil_gai_strerror(INT_MAX));
}

static void resolve(const char *node, const char *service, const struct evutil_addrinfo *hints) {
  struct evutil_addrinfo *found = NULL;
  const int result = evutil_getaddrinfo(node, service, hints, &found);
  int count = 0;
  for (struct evutil_addrinfo *ai = found; ai; ai = ai->ai_next) ++count;
  say("result=%s count=%d", result == 0 ? "0" : evutil_gai_strerror(result), count);
  if (found) evutil_freeaddrinfo(found);
}
static void resolve_numeric(const char *node, const char *service, int family, int type, int protocol,
                            int flags) {
  struct evutil_addrinfo hints;
  memset(&hints, 0, sizeof hints);
  hints.ai_family = family;
  hints.ai_socktype = type;
  hints.ai_protocol = protocol;
  hints.ai_flags = flags;
  resolve(node, service, &hints);
}
enum { kNumeric = EVUTIL_AI_NUMERICHOST | EVUTIL_AI_NUMERICSERV };
CASE("getaddrinfo/nothing to look up") { resolve(NULL, NULL, NULL); }
CASE("getaddrinfo/no hints, numeric") { resolve("127.0.0.1", "80", NULL); }
CASE("getaddrinfo/unknown family") { resolve_numeric("127.0.0.1", "80", 250, SOCK_STREAM, 0, kNumeric); }
CASE("getaddrinfo/AF_UNIX") { resolve_numeric("127.0.0.1", "80", AF_UNIX, SOCK_STREAM, 0, kNumeric); }
CASE("getaddrinfo/unknown socket type") { resolve_numeric("127.0.0.1", "80", AF_INET, 77, 0, kNumeric); }
CASE("getaddrinfo/protocol against type") {
  resolve_numeric("127.0.0.1", "80", AF_INET, SOCK_STREAM, IPPROTO_UDP, kNumeric);
}
CASE("getaddrinfo/IPv6 number for IPv4") { resolve_numeric("::1", "80", AF_INET, SOCK_STREAM, 0, kNumeric); }
CASE("getaddrinfo/a name where a number is demanded") {
  resolve_numeric("localhost", "80", AF_INET, SOCK_STREAM, 0, kNumeric);
}
CASE("getaddrinfo/a service where a number is demanded") {
  resolve_numeric("127.0.0.1", "http", AF_INET, SOCK_STREAM, 0, kNumeric);
}
CASE("getaddrinfo/service empty") { resolve_numeric("127.0.0.1", "", AF_INET, SOCK_STREAM, 0, kNumeric); }
CASE("getaddrinfo/service 65536") {
  resolve_numeric("127.0.0.1", "65536", AF_INET, SOCK_STREAM, 0, kNumeric);
}
CASE("getaddrinfo/service -1") { resolve_numeric("127.0.0.1", "-1", AF_INET, SOCK_STREAM, 0, kNumeric); }
CASE("getaddrinfo/service unknown") {
  resolve_numeric("127.0.0.1", "no-such-service", AF_INET, SOCK_STREAM, 0, EVUTIL_AI_NUMERICHOST);
}
CASE("getaddrinfo/host empty") { resolve_numeric("", "80", AF_INET, SOCK_STREAM, 0, kNumeric); }
CASE("getaddrinfo/passive without a host") {
  resolve_numeric(NULL, "80", AF_INET, SOCK_STREAM, 0, kNumeric | EVUTIL_AI_PASSIVE);
}
CASE("getaddrinfo/no host, any type") { resolve_numeric(NULL, "80", AF_INET, 0, 0, kNumeric); }
CASE("getaddrinfo/canonical name without a host") {
  resolve_numeric(NULL, "80", AF_INET, SOCK_STREAM, 0, kNumeric | EVUTIL_AI_CANONNAME);
}
CASE("getaddrinfo/unknown flags") { resolve_numeric("127.0.0.1", "80", AF_INET, SOCK_STREAM, 0, 0x40000000); }
CASE("getaddrinfo/IPv4 mapped") {
  resolve_numeric("127.0.0.1", "80", AF_INET6, SOCK_STREAM, 0, kNumeric | EVUTIL_AI_V4MAPPED);
}
CASE("getaddrinfo/failure leaves no list") {
  struct evutil_addrinfo marker, *found = &marker, hints;
  memset(&hints, 0, sizeof hints);
  hints.ai_flags = kNumeric;
  const int result = evutil_getaddrinfo("not a number", "80", &hints, &found);
  say("failed=%d %s", result != 0, found ? "kept" : "null");
}
CASE("freeaddrinfo/NULL") { DO("free", evutil_freeaddrinfo(NULL)); }

static void make_pair(int family, int type, int protocol) {
  evutil_socket_t fds[2] = {-5, -5};
  RET("pair", evutil_socketpair(family, type, protocol, fds));
  say("set=%d", fds[0] != -5 && fds[1] != -5);
}
CASE("socketpair/AF_UNIX") { make_pair(AF_UNIX, SOCK_STREAM, 0); }
CASE("socketpair/AF_INET") { make_pair(AF_INET, SOCK_STREAM, 0); }
CASE("socketpair/AF_INET6") { make_pair(AF_INET6, SOCK_STREAM, 0); }
CASE("socketpair/unknown family") { make_pair(250, SOCK_STREAM, 0); }
CASE("socketpair/unknown type") { make_pair(AF_UNIX, 77, 0); }
CASE("socketpair/unknown protocol") { make_pair(AF_UNIX, SOCK_STREAM, 77); }
CASE("socketpair/AF_INET of datagrams") { make_pair(AF_INET, SOCK_DGRAM, 0); }
CASE("socketpair/nowhere to put it") { RET("pair", evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, NULL)); }

static void make_all(int fd) {
  RET("nonblocking", evutil_make_socket_nonblocking(fd));
  RET("closeonexec", evutil_make_socket_closeonexec(fd));
  RET("reuseable", evutil_make_listen_socket_reuseable(fd));
  RET("port", evutil_make_listen_socket_reuseable_port(fd));
  RET("ipv6only", evutil_make_listen_socket_ipv6only(fd));
  RET("deferred", evutil_make_tcp_listen_socket_deferred(fd));
  RET("close", evutil_closesocket(fd));
}
CASE("make_socket/-1") { make_all(-1); }
CASE("make_socket/closed") { make_all(closed_fd()); }
CASE("make_socket/INT_MAX") { make_all(INT_MAX); }
CASE("make_socket/dev null") { make_all(open_fd("/dev/null")); }
CASE("make_socket/a local socket") { make_all(socket(AF_UNIX, SOCK_STREAM, 0)); }
CASE("make_socket/a UDP socket") { make_all(socket(AF_INET, SOCK_DGRAM, 0)); }
CASE("make_socket/a TCP socket, twice") {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  RET("nonblocking", evutil_make_socket_nonblocking(fd));
  RET("nonblocking", evutil_make_socket_nonblocking(fd));
  make_all(fd);
  RET("close", evutil_closesocket(fd));
}

CASE("secure_rng/no bytes") {
  char marker[4] = "abc";
  DO("get", evutil_secure_rng_get_bytes(marker, 0));
  say("%s", marker);
}
CASE("secure_rng/no bytes to nowhere") { DO("get", evutil_secure_rng_get_bytes(NULL, 0)); }
CASE("secure_rng/initialised twice") {
  RET("init", evutil_secure_rng_init());
  RET("init", evutil_secure_rng_init());
}
static void add_bytes(const char *bytes, size_t length) {
  void (*add)(const char *, size_t);
  *(void **)&add = dlsym(RTLD_DEFAULT, "evutil_secure_rng_add_bytes");
  if (!add) {
    say("absent");
    return;
  }
  DO("add", add(bytes, length));
}
CASE("secure_rng/no bytes added") { add_bytes(NULL, 0); }
CASE("secure_rng/device that does not exist") {
  static char name[] = "/no/such/device";
  RET("set", evutil_secure_rng_set_urandom_device_file(name));
  unsigned char bytes[16] = {0};
  evutil_secure_rng_get_bytes(bytes, sizeof bytes);
  int any = 0;
  for (int i = 0; i < 16; ++i) any |= bytes[i];
  say("random=%d", any != 0);
}
CASE("secure_rng/device before use") {
  static char name[] = "/dev/urandom";
  RET("set", evutil_secure_rng_set_urandom_device_file(name));
}
CASE("secure_rng/device after use") {
  static char name[] = "/dev/urandom";
  evutil_secure_rng_init();
  RET("set", evutil_secure_rng_set_urandom_device_file(name));
}
CASE("secure_rng/one million bytes") {
  unsigned char *bytes = calloc(1, 1000000);
  DO("get", evutil_secure_rng_get_bytes(bytes, 1000000));
  int zero = 0;
  for (int i = 0; i < 1000000; ++i) zero += bytes[i] == 0;
  say("plausible=%d", zero > 2000 && zero < 6000);
}

static void monotonic(int flags) {
  struct evutil_monotonic_timer *timer = evutil_monotonic_timer_new();
  RET("configure", evutil_configure_monotonic_time(timer, flags));
  struct timeval tv = {-1, -1};
  RET("time", evutil_gettime_monotonic(timer, &tv));
  say("sane=%d", tv.tv_sec >= 0 && tv.tv_usec >= 0 && tv.tv_usec < 1000000);
  DO("free", evutil_monotonic_timer_free(timer));
}
CASE("monotonic/flags 0") { monotonic(0); }
CASE("monotonic/precise") { monotonic(EV_MONOT_PRECISE); }
CASE("monotonic/fallback") { monotonic(EV_MONOT_FALLBACK); }
CASE("monotonic/flags -1") { monotonic(-1); }
CASE("monotonic/flags of no meaning") { monotonic(0x7f00); }
CASE("monotonic/not configured") {
  struct evutil_monotonic_timer *timer = evutil_monotonic_timer_new();
  struct timeval tv = {-1, -1};
  RET("time", evutil_gettime_monotonic(timer, &tv));
}
CASE("monotonic/configured twice") {
  struct evutil_monotonic_timer *timer = evutil_monotonic_timer_new();
  RET("configure", evutil_configure_monotonic_time(timer, 0));
  RET("configure", evutil_configure_monotonic_time(timer, EV_MONOT_FALLBACK));
}
CASE("monotonic/free NULL") { DO("free", evutil_monotonic_timer_free(NULL)); }

static void date(size_t room, int day, int month, int year) {
  char text[64] = "untouched";
  struct tm tm;
  memset(&tm, 0, sizeof tm);
  tm.tm_mday = 2;
  tm.tm_wday = day;
  tm.tm_mon = month;
  tm.tm_year = year;
  RET("date", evutil_date_rfc1123(text, room, &tm));
  say("'%s'", text);
}
CASE("date/a usual one") { date(64, 5, 0, 99); }
CASE("date/year 12345") { date(64, 5, 0, 12345 - 1900); }
CASE("date/year -1") { date(64, 5, 0, -1901); }
CASE("date/room just enough") { date(30, 5, 0, 99); }
CASE("date/room one short") { date(29, 5, 0, 99); }
CASE("date/no room") { date(0, 5, 0, 99); }
CASE("date/no time, so now") {
  char text[64] = "";
  RET("date", evutil_date_rfc1123(text, sizeof text, NULL));
}
CASE("date/month 12") { date(64, 5, 12, 99); }
CASE("date/weekday 7") { date(64, 7, 0, 99); }
CASE("date/weekday -1") { date(64, -1, 0, 99); }
CASE("date/day INT_MAX") {
  char text[64] = "untouched";
  struct tm tm;
  memset(&tm, 0, sizeof tm);
  tm.tm_mday = INT_MAX;
  tm.tm_hour = INT_MIN;
  RET("date", evutil_date_rfc1123(text, sizeof text, &tm));
}
