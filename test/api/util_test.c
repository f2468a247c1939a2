/* event2/util.h as a C program sees it, through the shared library. */
#include "event2/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "event2/event.h"

static int sign(int value) { return (value > 0) - (value < 0); }

static int option(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof(value);
  return getsockopt(fd, level, name, &value, &length) == 0 ? value : -1;
}

TEST(integer_types_have_their_widths) {
  CHECK_INT_EQ(sizeof(ev_uint64_t), 8);
  CHECK_INT_EQ(sizeof(ev_int64_t), 8);
  CHECK_INT_EQ(sizeof(ev_uint32_t), 4);
  CHECK_INT_EQ(sizeof(ev_int32_t), 4);
  CHECK_INT_EQ(sizeof(ev_uint16_t), 2);
  CHECK_INT_EQ(sizeof(ev_int16_t), 2);
  CHECK_INT_EQ(sizeof(ev_uint8_t), 1);
  CHECK_INT_EQ(sizeof(ev_int8_t), 1);
  CHECK_INT_EQ(sizeof(ev_off_t), 8);
  CHECK_INT_EQ(sizeof(ev_ssize_t), sizeof(size_t));
  CHECK_INT_EQ(sizeof(ev_uintptr_t), sizeof(void *));
  CHECK_INT_EQ(sizeof(ev_intptr_t), sizeof(void *));
  CHECK_INT_EQ(sizeof(ev_socklen_t), sizeof(socklen_t));
  CHECK_INT_EQ(sizeof(evutil_socket_t), sizeof(int));
}

TEST(limit_macros_match_the_types) {
  CHECK(EV_UINT64_MAX == (ev_uint64_t)-1);
  CHECK(EV_INT64_MAX == (ev_int64_t)(EV_UINT64_MAX / 2));
  CHECK(EV_INT64_MIN == -EV_INT64_MAX - 1);
  CHECK(EV_UINT32_MAX == (ev_uint32_t)-1);
  CHECK_INT_EQ(EV_INT32_MAX, 2147483647);
  CHECK_INT_EQ(EV_INT32_MIN, -2147483647 - 1);
  CHECK_INT_EQ(EV_UINT16_MAX, 65535);
  CHECK_INT_EQ(EV_INT16_MAX, 32767);
  CHECK_INT_EQ(EV_INT16_MIN, -32768);
  CHECK_INT_EQ(EV_UINT8_MAX, 255);
  CHECK_INT_EQ(EV_INT8_MAX, 127);
  CHECK_INT_EQ(EV_INT8_MIN, -128);
  CHECK(EV_SIZE_MAX == (size_t)-1);
  CHECK_INT_EQ(EV_SSIZE_MAX, (ev_ssize_t)(EV_SIZE_MAX / 2));
  CHECK_INT_EQ(EV_SSIZE_MIN, -EV_SSIZE_MAX - 1);
}

struct sample {
  char first;
  long second;
};

TEST(evutil_offsetof_returns_the_offset) {
  CHECK_INT_EQ(evutil_offsetof(struct sample, first), 0);
  CHECK_INT_EQ(evutil_offsetof(struct sample, second), offsetof(struct sample, second));
}

TEST(timeval_macros_add_subtract_and_compare) {
  struct timeval a = {1, 600000}, b = {2, 700000}, c;
  evutil_timeradd(&a, &b, &c);
  CHECK_INT_EQ(c.tv_sec, 4);
  CHECK_INT_EQ(c.tv_usec, 300000);
  evutil_timersub(&c, &b, &c);
  CHECK(evutil_timercmp(&c, &a, ==));
  evutil_timeradd(&a, &a, &a);
  CHECK_INT_EQ(a.tv_sec, 3);
  CHECK_INT_EQ(a.tv_usec, 200000);
  CHECK(evutil_timercmp(&a, &b, >));
  CHECK(evutil_timercmp(&a, &b, >=));
  CHECK(evutil_timercmp(&a, &b, !=));
  CHECK(!evutil_timercmp(&a, &b, <));
  CHECK(!evutil_timercmp(&a, &b, <=));
  CHECK(evutil_timercmp(&a, &a, <=));
  CHECK(evutil_timerisset(&a));
  evutil_timerclear(&a);
  CHECK(!evutil_timerisset(&a));
  CHECK_INT_EQ(evutil_gettimeofday(&c, NULL), 0);
  CHECK(evutil_timerisset(&c));
}

TEST(socket_error_macros_return_the_error) {
  EVUTIL_SET_SOCKET_ERROR(ECONNRESET);
  CHECK_INT_EQ(EVUTIL_SOCKET_ERROR(), ECONNRESET);
  CHECK_INT_EQ(evutil_socket_geterror(0), ECONNRESET);
  CHECK_STR_EQ(evutil_socket_error_to_string(ECONNRESET), strerror(ECONNRESET));
  CHECK_INT_EQ(EVUTIL_INVALID_SOCKET, -1);
}

static char last_log[256];
static void keep_log(int severity, const char *message) {
  snprintf(last_log, sizeof(last_log), "%d %s", severity, message);
}

TEST(making_an_invalid_socket_nonblocking_logs_a_warning) {
  event_set_log_callback(keep_log);
  CHECK_INT_EQ(evutil_make_socket_nonblocking(-1), -1);
  CHECK_STR_EQ(last_log, "2 fcntl(-1, F_GETFL): Bad file descriptor");
  CHECK_INT_EQ(evutil_make_socket_closeonexec(-1), -1);
  CHECK_STR_EQ(last_log, "2 fcntl(-1, F_GETFD): Bad file descriptor");
  event_set_log_callback(NULL);
}

TEST(sockets_are_made_nonblocking) {
  evutil_socket_t fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK_INT_EQ(evutil_make_socket_nonblocking(fd), 0);
  CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
  evutil_closesocket(fd);
}

TEST(listening_socket_options_are_set) {
  evutil_socket_t fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK_INT_EQ(evutil_make_listen_socket_reuseable(fd), 0);
  CHECK_INT_EQ(option(fd, SOL_SOCKET, SO_REUSEADDR), 1);
  CHECK_INT_EQ(evutil_make_listen_socket_ipv6only(fd), -1);
  evutil_closesocket(fd);
}

TEST(socket_options_are_set) {
  evutil_socket_t fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK_INT_GE(fd, 0);
  CHECK_INT_EQ(evutil_make_socket_closeonexec(fd), 0);
  CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
  CHECK_INT_EQ(evutil_make_listen_socket_reuseable_port(fd), 0);
  CHECK_INT_EQ(evutil_make_tcp_listen_socket_deferred(fd), 0);
  CHECK_INT_EQ(evutil_set_tcp_keepalive(fd, 1, 30), 0);
  CHECK_INT_EQ(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
  CHECK_INT_EQ(evutil_set_tcp_keepalive(fd, 1, 0), -1);
  CHECK_INT_EQ(evutil_set_tcp_keepalive(fd, 0, 0), 0);
  CHECK_INT_EQ(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
  CHECK_INT_EQ(EVUTIL_CLOSESOCKET(fd), 0);
  CHECK_INT_EQ(evutil_closesocket(fd), -1);
}

TEST(ipv6only_can_be_set_and_cleared) {
  evutil_socket_t fd = socket(AF_INET6, SOCK_STREAM, 0);
  if (fd < 0) return; /* no IPv6 here */
  CHECK_INT_EQ(evutil_make_listen_socket_ipv6only(fd), 0);
  CHECK_INT_EQ(option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
  CHECK_INT_EQ(evutil_make_listen_socket_not_ipv6only(fd), 0);
  CHECK_INT_EQ(option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 0);
  evutil_closesocket(fd);
}

TEST(socketpairs_carry_bytes_both_ways) {
  const int families[] = {AF_UNIX, AF_INET};
  size_t i;
  for (i = 0; i < 2; ++i) {
    evutil_socket_t pair[2];
    char got[4];
    CHECK_INT_EQ(evutil_socketpair(families[i], SOCK_STREAM, 0, pair), 0);
    CHECK_INT_EQ(send(pair[0], "ab", 2, 0), 2);
    CHECK_INT_EQ(recv(pair[1], got, 4, 0), 2);
    CHECK_INT_EQ(send(pair[1], "cd", 2, 0), 2);
    CHECK_INT_EQ(recv(pair[0], got, 4, 0), 2);
    CHECK_MEM_EQ(got, "cd", 2);
    evutil_closesocket(pair[0]);
    CHECK_INT_EQ(recv(pair[1], got, 4, 0), 0);
    evutil_closesocket(pair[1]);
  }
  CHECK_INT_EQ(evutil_socketpair(AF_INET, SOCK_DGRAM, 0, (evutil_socket_t[2]){-1, -1}), -1);
  CHECK_INT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, NULL), -1);
}

TEST(rfc1123_dates_are_formatted) {
  struct tm when;
  char date[64];
  memset(&when, 0, sizeof(when));
  when.tm_year = 94;
  when.tm_mon = 10;
  when.tm_mday = 6;
  when.tm_hour = 8;
  when.tm_min = 49;
  when.tm_sec = 37;
  CHECK_INT_EQ(evutil_date_rfc1123(date, sizeof(date), &when), 29);
  CHECK_STR_EQ(date, "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK_INT_EQ(evutil_date_rfc1123(date, 10, &when), 29);
  CHECK_STR_EQ(date, "Sun, 06 N");
  CHECK_INT_EQ(evutil_date_rfc1123(date, 0, &when), 0);
  CHECK_INT_EQ(evutil_date_rfc1123(date, 30, NULL), 29);
  CHECK_INT_EQ(strlen(date), 29);
}

TEST(monotonic_timers_never_run_backwards) {
  const int flags[] = {0, EV_MONOT_PRECISE, EV_MONOT_FALLBACK, EV_MONOT_PRECISE | EV_MONOT_FALLBACK};
  size_t i;
  int n;
  struct evutil_monotonic_timer *timer = evutil_monotonic_timer_new();
  CHECK(timer != NULL);
  for (i = 0; i < sizeof(flags) / sizeof(flags[0]); ++i) {
    struct timeval last = {0, 0}, now;
    CHECK_INT_EQ(evutil_configure_monotonic_time(timer, flags[i]), 0);
    for (n = 0; n < 1000; ++n) {
      CHECK_INT_EQ(evutil_gettime_monotonic(timer, &now), 0);
      CHECK(evutil_timercmp(&now, &last, >=));
      last = now;
    }
    CHECK(evutil_timerisset(&last));
  }
  evutil_monotonic_timer_free(timer);
  evutil_monotonic_timer_free(NULL);
}

TEST(strtoll_parses_as_in_c99) {
  char *end;
  const char *text = "  -0x1fz";
  CHECK_INT_EQ(evutil_strtoll(text, &end, 16), -31);
  CHECK_PTR_EQ(end, text + 7);
  CHECK_INT_EQ(evutil_strtoll("010", NULL, 0), 8);
  CHECK_INT_EQ(evutil_strtoll("9223372036854775807", NULL, 10), EV_INT64_MAX);
  errno = 0;
  CHECK_INT_EQ(evutil_strtoll("9223372036854775808", NULL, 10), EV_INT64_MAX);
  CHECK_INT_EQ(errno, ERANGE);
  CHECK_INT_EQ(evutil_strtoll("-9223372036854775809", NULL, 10), EV_INT64_MIN);
  text = "x";
  CHECK_INT_EQ(evutil_strtoll(text, &end, 10), 0);
  CHECK_PTR_EQ(end, text);
}

static int format(char *out, size_t room, const char *fmt, ...) {
  va_list ap;
  int length;
  va_start(ap, fmt);
  length = evutil_vsnprintf(out, room, fmt, ap);
  va_end(ap);
  return length;
}

TEST(snprintf_truncates_and_returns_the_whole_length) {
  char out[8];
  memset(out, '#', sizeof(out));
  CHECK_INT_EQ(evutil_snprintf(out, 4, "%s", "hello"), 5);
  CHECK_MEM_EQ(out, "hel\0####", 8);
  CHECK_INT_EQ(evutil_snprintf(out, 6, "%s", "hello"), 5);
  CHECK_STR_EQ(out, "hello");
  CHECK_INT_EQ(format(out, sizeof(out), "%d-%d", 12, 34), 5);
  CHECK_STR_EQ(out, "12-34");
  CHECK_INT_EQ(evutil_snprintf(NULL, 0, "%d", 12345), 0);
}

TEST(ascii_comparison_ignores_case) {
  CHECK_INT_EQ(evutil_ascii_strcasecmp("FooBar", "fOObAR"), 0);
  CHECK_INT_LT(evutil_ascii_strcasecmp("FooBar", "fOObARx"), 0);
  CHECK_INT_GT(evutil_ascii_strcasecmp("b", "A"), 0);
  CHECK_INT_NE(evutil_ascii_strcasecmp("\xc4", "\xe4"), 0);
  CHECK_INT_EQ(evutil_ascii_strncasecmp("FooX", "fooY", 3), 0);
  CHECK_INT_LT(evutil_ascii_strncasecmp("FooX", "fooY", 4), 0);
  CHECK_INT_EQ(evutil_ascii_strncasecmp("a", "b", 0), 0);
  CHECK_INT_EQ(evutil_ascii_strncasecmp("a", "A", 100), 0);
}

TEST(addresses_survive_inet_ntop_and_inet_pton) {
  unsigned char binary[16];
  char text[64];
  unsigned scope = 7;
  CHECK_INT_EQ(evutil_inet_pton(AF_INET, "18.52.86.120", binary), 1);
  CHECK_MEM_EQ(binary, "\x12\x34\x56\x78", 4);
  CHECK_PTR_EQ(evutil_inet_ntop(AF_INET, binary, text, 16), text);
  CHECK_STR_EQ(text, "18.52.86.120");
  CHECK_INT_EQ(evutil_inet_pton(AF_INET, "1.2.3", binary), 0);
  CHECK_INT_EQ(evutil_inet_pton(AF_INET6, "2001:DB8::8:800:200C:417A", binary), 1);
  CHECK_PTR_EQ(evutil_inet_ntop(AF_INET6, binary, text, 46), text);
  CHECK_STR_EQ(text, "2001:db8::8:800:200c:417a");
  CHECK_PTR_EQ(evutil_inet_ntop(AF_INET6, binary, text, 5), NULL);
  CHECK_PTR_EQ(evutil_inet_ntop(AF_UNIX, binary, text, sizeof(text)), NULL);
  CHECK_INT_EQ(evutil_inet_pton(AF_UNIX, "1.2.3.4", binary), -1);
  CHECK_INT_EQ(evutil_inet_pton(AF_INET6, "fe80::1%3", binary), 0);
  CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET6, "fe80::1%3", binary, &scope), 1);
  CHECK_INT_EQ(scope, 3);
  CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET6, "fe80::1", binary, &scope), 1);
  CHECK_INT_EQ(scope, 0);
  CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET6, "fe80::1%no-such", binary, &scope), 0);
  CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET, "1.2.3.4", binary, &scope), 1);
  CHECK_INT_EQ(evutil_inet_pton_scope(AF_INET, "1.2.3.4%1", binary, &scope), 0);
  CHECK_INT_EQ(evutil_inet_pton_scope(AF_UNIX, "1.2.3.4", binary, &scope), -1);
}

TEST(parse_sockaddr_port_writes_only_within_the_given_length) {
  struct sockaddr_storage out;
  unsigned char before[sizeof(out)];
  int room;
  for (room = -1; room <= (int)sizeof(out); ++room) {
    int length = room;
    memset(&out, 0xaa, sizeof(out));
    memset(before, 0xaa, sizeof(before));
    if (evutil_parse_sockaddr_port("1.2.3.4:80", (struct sockaddr *)&out, &length) == 0) {
      CHECK_INT_GE(room, sizeof(struct sockaddr_in));
      CHECK_INT_EQ(length, sizeof(struct sockaddr_in));
      CHECK_INT_EQ(ntohs(((struct sockaddr_in *)&out)->sin_port), 80);
    } else {
      CHECK_INT_LT(room, (int)sizeof(struct sockaddr_in));
      CHECK_INT_EQ(length, room);
      CHECK_MEM_EQ(&out, before, sizeof(out));
    }
    length = room;
    memset(&out, 0xaa, sizeof(out));
    if (evutil_parse_sockaddr_port("[::1]:80", (struct sockaddr *)&out, &length) == 0) {
      CHECK_INT_GE(room, sizeof(struct sockaddr_in6));
      CHECK_INT_EQ(length, sizeof(struct sockaddr_in6));
      CHECK_MEM_EQ((char *)&out + length, before, sizeof(out) - (size_t)length);
    } else {
      CHECK_INT_LT(room, (int)sizeof(struct sockaddr_in6));
      CHECK_MEM_EQ(&out, before, sizeof(out));
    }
  }
}

/* CVE-2016-10196: "[" and more than 128 bytes up to "]" overran a buffer. */
TEST(parse_sockaddr_port_rejects_long_parts) {
  struct sockaddr_storage out;
  char text[2048];
  size_t length;
  for (length = 1; length < 1024; length += 7) {
    int room = sizeof(out);
    memset(text, '1', sizeof(text));
    text[0] = '[';
    strcpy(text + length, "]:80");
    CHECK_INT_EQ(evutil_parse_sockaddr_port(text, (struct sockaddr *)&out, &room), -1);
    text[0] = '1';
    strcpy(text + length, ".2.3.4:80");
    CHECK_INT_EQ(evutil_parse_sockaddr_port(text, (struct sockaddr *)&out, &room), length < 3 ? 0 : -1);
  }
}

static int compare(const char *a, const char *b, int ports) {
  struct sockaddr_storage x, y;
  int length = sizeof(x);
  if (evutil_parse_sockaddr_port(a, (struct sockaddr *)&x, &length)) return 99;
  length = sizeof(y);
  if (evutil_parse_sockaddr_port(b, (struct sockaddr *)&y, &length)) return 99;
  return sign(evutil_sockaddr_cmp((struct sockaddr *)&x, (struct sockaddr *)&y, ports));
}

TEST(sockaddr_cmp_orders) {
  CHECK_INT_EQ(compare("1.2.3.4:5", "1.2.3.4:5", 1), 0);
  CHECK_INT_EQ(compare("1.2.3.4:5", "1.2.3.4:6", 0), 0);
  CHECK_INT_EQ(compare("1.2.3.4:5", "1.2.3.4:6", 1), -1);
  CHECK_INT_EQ(compare("1.2.3.5:5", "1.2.3.4:6", 1), 1);
  CHECK_INT_EQ(compare("1.2.3.4", "200.2.3.4", 1), -1);
  CHECK_INT_EQ(compare("200.2.3.4", "::1", 1), -1);
  CHECK_INT_EQ(compare("::2", "::1", 1), 1);
  CHECK_INT_EQ(compare("[::1]:2", "[::1]:1", 1), 1);
}

TEST(getaddrinfo_accepts_numeric_addresses) {
  struct evutil_addrinfo hints, *list = NULL;
  memset(&hints, 0, sizeof(hints));
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = EVUTIL_AI_NUMERICHOST;
  CHECK_INT_EQ(evutil_getaddrinfo("1.2.3.4", "8080", &hints, &list), 0);
  CHECK(list != NULL && list->ai_next == NULL);
  CHECK_INT_EQ(list->ai_family, AF_INET);
  CHECK_INT_EQ(list->ai_socktype, SOCK_STREAM);
  CHECK_INT_EQ(list->ai_protocol, IPPROTO_TCP);
  CHECK_INT_EQ(list->ai_addrlen, sizeof(struct sockaddr_in));
  CHECK_INT_EQ(ntohs(((struct sockaddr_in *)list->ai_addr)->sin_port), 8080);
  evutil_freeaddrinfo(list);
  CHECK_INT_EQ(evutil_getaddrinfo("::1", "8080", &hints, &list), 0);
  CHECK_INT_EQ(list->ai_family, AF_INET6);
  evutil_freeaddrinfo(list);
  CHECK_INT_EQ(evutil_getaddrinfo("no-address", "8080", &hints, &list), EVUTIL_EAI_NONAME);
  CHECK_PTR_EQ(list, NULL);
  CHECK_INT_EQ(evutil_getaddrinfo(NULL, NULL, &hints, &list), EVUTIL_EAI_NONAME);
  hints.ai_family = 77;
  CHECK_INT_EQ(evutil_getaddrinfo("1.2.3.4", "8080", &hints, &list), EVUTIL_EAI_FAMILY);
  evutil_freeaddrinfo(NULL);
}

/* Programs have mixed the two up, and libevent let them. */
TEST(freeaddrinfo_frees_lists_of_the_system) {
  struct addrinfo *list = NULL;
  CHECK_INT_EQ(getaddrinfo("1.2.3.4", "80", NULL, &list), 0);
  evutil_freeaddrinfo(list);
}

TEST(gai_strerror_describes_each_code) {
  CHECK_STR_EQ(evutil_gai_strerror(0), "No error");
  CHECK_STR_EQ(evutil_gai_strerror(EVUTIL_EAI_CANCEL), "Request canceled");
  CHECK_STR_EQ(evutil_gai_strerror(EVUTIL_EAI_NONAME), "nodename nor servname provided, or not known");
  CHECK(evutil_gai_strerror(4711) != NULL);
}

TEST(random_bytes_differ) {
  unsigned char a[32] = {0}, b[32] = {0};
  CHECK_INT_EQ(evutil_secure_rng_init(), 0);
  evutil_secure_rng_get_bytes(a, sizeof(a));
  evutil_secure_rng_get_bytes(b, sizeof(b));
  CHECK(memcmp(a, b, sizeof(a)) != 0);
  evutil_secure_rng_get_bytes(NULL, 0);
  evutil_secure_rng_add_bytes("more", 4);
  evutil_secure_rng_get_bytes(a, sizeof(a));
  CHECK(memcmp(a, b, sizeof(a)) != 0);
  CHECK_INT_EQ(evutil_secure_rng_set_urandom_device_file((char *)"/dev/zero"), -1);
}

/* must-not 9: random bytes of the parent and of a forked child must differ. */
TEST(random_bytes_after_fork_differ) {
  unsigned char ours[32], theirs[32];
  int ends[2], status = -1;
  pid_t child;
  evutil_secure_rng_get_bytes(ours, sizeof(ours));
  CHECK_INT_EQ(pipe(ends), 0);
  child = fork();
  CHECK_INT_GE(child, 0);
  if (child == 0) {
    evutil_secure_rng_get_bytes(theirs, sizeof(theirs));
    _exit(write(ends[1], theirs, sizeof(theirs)) == (ssize_t)sizeof(theirs) ? 0 : 1);
  }
  evutil_secure_rng_get_bytes(ours, sizeof(ours));
  CHECK_INT_EQ(read(ends[0], theirs, sizeof(theirs)), sizeof(theirs));
  CHECK_INT_EQ(waitpid(child, &status, 0), child);
  CHECK_INT_EQ(status, 0);
  CHECK(memcmp(ours, theirs, sizeof(ours)) != 0);
  close(ends[0]);
  close(ends[1]);
}

int main(int argc, char **argv) {
  RUN_TESTS(
      integer_types_have_their_widths, limit_macros_match_the_types, evutil_offsetof_returns_the_offset,
      timeval_macros_add_subtract_and_compare, socket_error_macros_return_the_error,
      making_an_invalid_socket_nonblocking_logs_a_warning, sockets_are_made_nonblocking,
      listening_socket_options_are_set, socket_options_are_set, ipv6only_can_be_set_and_cleared,
      socketpairs_carry_bytes_both_ways, rfc1123_dates_are_formatted, monotonic_timers_never_run_backwards,
      strtoll_parses_as_in_c99, snprintf_truncates_and_returns_the_whole_length,
      ascii_comparison_ignores_case, addresses_survive_inet_ntop_and_inet_pton,
      parse_sockaddr_port_writes_only_within_the_given_length, parse_sockaddr_port_rejects_long_parts,
      sockaddr_cmp_orders, getaddrinfo_accepts_numeric_addresses, freeaddrinfo_frees_lists_of_the_system,
      gai_strerror_describes_each_code, random_bytes_differ, random_bytes_after_fork_differ);
}
