/* Portable types, sockets, addresses, time, text and random numbers.
 *
 * No function here needs an event_base. Unless an entry says otherwise, a function may be called from any
 * thread at any time, takes no lock, and keeps none of its pointer arguments. "Since" names the version of
 * the interface in which an entry first appeared.
 */
#ifndef EVENT2_UTIL_H_INCLUDED_
#define EVENT2_UTIL_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/visibility.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#endif
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- integer types ---------------------------------------------------------------------------------- */

/* Integers of exactly the named width. They are macros, so that #ifdef can test for them. Since 2.0, the
 * signed ones and the 8-bit ones since 2.0.2. */
#define ev_uint64_t uint64_t
#define ev_int64_t int64_t
#define ev_uint32_t uint32_t
#define ev_int32_t int32_t
#define ev_uint16_t uint16_t
#define ev_int16_t int16_t
#define ev_uint8_t uint8_t
#define ev_int8_t int8_t

/* Integers that can hold a pointer. */
#define ev_uintptr_t uintptr_t
#define ev_intptr_t intptr_t

/* A signed size, so that -1 can report an error. */
#ifdef _WIN32
#define ev_ssize_t intptr_t
#else
#define ev_ssize_t ssize_t
#endif

/* A position in a file: 64 bits wide whatever _FILE_OFFSET_BITS says, so that it is the same type in the
 * program and in the library. */
#define ev_off_t ev_int64_t

/* The type of an address length in accept(2) and similar functions. */
#ifdef _WIN32
#define ev_socklen_t int
#else
#define ev_socklen_t socklen_t
#endif

/* The limits of the types above. */
#define EV_UINT64_MAX UINT64_MAX
#define EV_INT64_MAX INT64_MAX
#define EV_INT64_MIN INT64_MIN
#define EV_UINT32_MAX UINT32_MAX
#define EV_INT32_MAX INT32_MAX
#define EV_INT32_MIN INT32_MIN
#define EV_UINT16_MAX UINT16_MAX
#define EV_INT16_MAX INT16_MAX
#define EV_INT16_MIN INT16_MIN
#define EV_UINT8_MAX UINT8_MAX
#define EV_INT8_MAX INT8_MAX
#define EV_INT8_MIN INT8_MIN

/* The limits of size_t and of ev_ssize_t. */
#if UINTPTR_MAX > 0xffffffff
#define EV_SIZE_MAX EV_UINT64_MAX
#define EV_SSIZE_MAX EV_INT64_MAX
#else
#define EV_SIZE_MAX EV_UINT32_MAX
#define EV_SSIZE_MAX EV_INT32_MAX
#endif
#define EV_SSIZE_MIN ((-EV_SSIZE_MAX) - 1)

/* The offset in bytes of a member within a struct. */
#define evutil_offsetof(type, field) offsetof(type, field)

/* --- sockets ---------------------------------------------------------------------------------------- */

/* A socket: a file descriptor, on Windows a SOCKET. Since 2.0. */
#ifdef _WIN32
#define evutil_socket_t intptr_t
#else
#define evutil_socket_t int
#endif

/* The value of an invalid socket. Since 2.1. */
#define EVUTIL_INVALID_SOCKET -1

/* Creates two sockets that are connected to each other.
 *
 * family: AF_UNIX where the platform has socketpair(2), or AF_INET, which uses a connection over the loopback
 * interface and works on every platform; AF_INET supports SOCK_STREAM only. type and protocol are those of
 * socketpair(2). fd_pair receives the two sockets, in blocking mode; the caller owns them. Returns 0, or -1
 * on failure; EVUTIL_SOCKET_ERROR() is the reason. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_socketpair(int family, int type, int protocol, evutil_socket_t fd_pair[2]);

/* Sets the socket to non-blocking mode. Returns 0, or -1 after logging a warning. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_make_socket_nonblocking(evutil_socket_t sock);

/* Allows a server to bind to a port whose old connections are still in TIME_WAIT (SO_REUSEADDR on Unix). Does
 * nothing on Windows, where that option would let two programs share the port. Call it before bind(2).
 * Returns 0, or -1 on failure. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_make_listen_socket_reuseable(evutil_socket_t sock);

/* Allows several sockets of one user to be bound to the same address; the kernel distributes connections
 * among them (SO_REUSEPORT, socket(7)). Call it before bind(2) on each of them. Returns 0, also on platforms
 * without the option, or -1 on failure. Since 2.1. */
EVENT2_EXPORT_SYMBOL
int evutil_make_listen_socket_reuseable_port(evutil_socket_t sock);

/* Restricts an IPv6 socket to IPv6 (sets IPV6_V6ONLY, ipv6(7)). Call it before bind(2). Returns 0, or -1 on
 * failure. Since 2.1. */
EVENT2_EXPORT_SYMBOL
int evutil_make_listen_socket_ipv6only(evutil_socket_t sock);

/* Makes an IPv6 socket accept IPv4 as well, through mapped addresses (clears IPV6_V6ONLY). Call it before
 * bind(2). Returns 0, or -1 on failure. Since 2.2. */
EVENT2_EXPORT_SYMBOL
int evutil_make_listen_socket_not_ipv6only(evutil_socket_t sock);

/* Makes the kernel report a connection on a listening TCP socket only when its first data has arrived
 * (TCP_DEFER_ACCEPT, tcp(7)). Returns 0, also on platforms without the option, or -1 on failure. Since
 * 2.1. */
EVENT2_EXPORT_SYMBOL
int evutil_make_tcp_listen_socket_deferred(evutil_socket_t sock);

/* Sets the descriptor to be closed on execve(2) (FD_CLOEXEC). Returns 0, or -1 after logging a warning. Since
 * 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_make_socket_closeonexec(evutil_socket_t sock);

/* Closes a socket with close(2) or, on Windows, closesocket(), and returns its result. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_closesocket(evutil_socket_t sock);
#define EVUTIL_CLOSESOCKET(s) evutil_closesocket(s)

/* Enables or disables the keep-alive probes of a TCP connection. If `on` is not 0, `timeout` is the time in
 * seconds, above zero, after which the connection to a silent peer fails, as exactly as the platform allows:
 * probes start after about half of it and follow at equal intervals. If `on` is 0, `timeout` is ignored.
 * Returns 0, or -1 on failure. Since 2.2. */
EVENT2_EXPORT_SYMBOL
int evutil_set_tcp_keepalive(evutil_socket_t sock, int on, int timeout);

/* Errors of socket calls.
 *
 * EVUTIL_SOCKET_ERROR() is the error code of the calling thread's last failed socket call.
 * evutil_socket_geterror(sock) is that of a call on this socket. EVUTIL_SET_SOCKET_ERROR(code) sets the value
 * of EVUTIL_SOCKET_ERROR(). evutil_socket_error_to_string(code) returns a text for the code, which the caller
 * must not free; on Unix it is that of strerror(3), valid until the thread calls that again. On Unix the code
 * is errno, on Windows WSAGetLastError(). Since 2.0. */
#ifdef _WIN32
#define EVUTIL_SOCKET_ERROR() WSAGetLastError()
#define EVUTIL_SET_SOCKET_ERROR(errcode) \
  do {                                   \
    WSASetLastError(errcode);            \
  } while (0)
EVENT2_EXPORT_SYMBOL
int evutil_socket_geterror(evutil_socket_t sock);
EVENT2_EXPORT_SYMBOL
const char *evutil_socket_error_to_string(int errcode);
#else
#define EVUTIL_SOCKET_ERROR() (errno)
#define EVUTIL_SET_SOCKET_ERROR(errcode) \
  do {                                   \
    errno = (errcode);                   \
  } while (0)
#define evutil_socket_geterror(sock) (errno)
#define evutil_socket_error_to_string(errcode) (strerror(errcode))
#endif

/* --- time ------------------------------------------------------------------------------------------- */

/* Arithmetic on struct timeval; the arguments are pointers. The results have tv_usec in 0 .. 999 999 if the
 * operands do; the result may be one of the operands. Arguments may be evaluated more than once. Since 2.0.
 *
 * evutil_timeradd: *vvp = *tvp + *uvp.      evutil_timersub: *vvp = *tvp - *uvp.
 * evutil_timerclear: *tvp = 0.              evutil_timerisset: whether *tvp is not 0.
 * evutil_timercmp: whether `*tvp cmp *uvp` holds; cmp is any of <, <=, ==, !=, >=, >. */
#define evutil_timeradd(tvp, uvp, vvp)                \
  do {                                                \
    (vvp)->tv_sec = (tvp)->tv_sec + (uvp)->tv_sec;    \
    (vvp)->tv_usec = (tvp)->tv_usec + (uvp)->tv_usec; \
    if ((vvp)->tv_usec >= 1000000) {                  \
      (vvp)->tv_sec++;                                \
      (vvp)->tv_usec -= 1000000;                      \
    }                                                 \
  } while (0)
#define evutil_timersub(tvp, uvp, vvp)                \
  do {                                                \
    (vvp)->tv_sec = (tvp)->tv_sec - (uvp)->tv_sec;    \
    (vvp)->tv_usec = (tvp)->tv_usec - (uvp)->tv_usec; \
    if ((vvp)->tv_usec < 0) {                         \
      (vvp)->tv_sec--;                                \
      (vvp)->tv_usec += 1000000;                      \
    }                                                 \
  } while (0)
#define evutil_timerclear(tvp) ((tvp)->tv_sec = (tvp)->tv_usec = 0)
#define evutil_timerisset(tvp) ((tvp)->tv_sec || (tvp)->tv_usec)
#define evutil_timercmp(tvp, uvp, cmp) \
  (((tvp)->tv_sec == (uvp)->tv_sec) ? ((tvp)->tv_usec cmp(uvp)->tv_usec) : ((tvp)->tv_sec cmp(uvp)->tv_sec))

/* Stores the time of day, since the start of 1970, in *tv. `tz` is not used. Returns 0, or -1 on failure.
 * Since 2.0. */
#ifdef _WIN32
EVENT2_EXPORT_SYMBOL
int evutil_gettimeofday(struct timeval *tv, struct timezone *tz);
#else
#define evutil_gettimeofday(tv, tz) gettimeofday((tv), (tz))
#endif

/* Formats a date for HTTP and mail (RFC 1123 5.2.14, RFC 9110 5.6.7), in English whatever the locale: "Sun,
 * 06 Nov 1994 08:49:37 GMT".
 *
 * date, datelen: the output and its size in bytes; 30 bytes hold any date up to the year 9999, and a longer
 * text is truncated. tm: the date in UTC, or NULL for now. Returns the length of the whole text without its
 * NUL, which is datelen or more if it was truncated; 0 if datelen is 0; -1 if the clock fails. Since 2.1. */
EVENT2_EXPORT_SYMBOL
int evutil_date_rfc1123(char *date, const size_t datelen, const struct tm *tm);

/* A monotonic clock: it never goes backwards, also if the system's date is changed. Its zero point is
 * arbitrary; only differences have a meaning. Two threads must not use one timer at the same time. All since
 * 2.1. */
struct evutil_monotonic_timer;

/* A flag for evutil_configure_monotonic_time(): use the most precise clock, even if it costs more to read. */
#define EV_MONOT_PRECISE 1
/* A flag for evutil_configure_monotonic_time(): use the time of day, corrected so that it never goes
 * backwards. For tests. */
#define EV_MONOT_FALLBACK 2

/* Creates a timer, which must be configured before it is read. Returns the timer, to be freed with
 * evutil_monotonic_timer_free(), or NULL if out of memory. */
EVENT2_EXPORT_SYMBOL
struct evutil_monotonic_timer *evutil_monotonic_timer_new(void);

/* Configures a timer. flags: 0 or EV_MONOT_ flags or'ed together. Returns 0. */
EVENT2_EXPORT_SYMBOL
int evutil_configure_monotonic_time(struct evutil_monotonic_timer *timer, int flags);

/* Stores the timer's time in *tp; it is never less than the time of an earlier call. Returns 0. */
EVENT2_EXPORT_SYMBOL
int evutil_gettime_monotonic(struct evutil_monotonic_timer *timer, struct timeval *tp);

/* Frees a timer; NULL is allowed. */
EVENT2_EXPORT_SYMBOL
void evutil_monotonic_timer_free(struct evutil_monotonic_timer *timer);

/* --- text ------------------------------------------------------------------------------------------- */

/* Parses an integer in the given base, as strtoll(3) does: leading white space, a sign, and for base 0 or 16
 * a prefix are allowed. *endptr, if endptr is not NULL, receives the address of the first unused character.
 * Returns the value; out of range, the nearest representable value with errno ERANGE. Since 2.0. */
EVENT2_EXPORT_SYMBOL
ev_int64_t evutil_strtoll(const char *s, char **endptr, int base);

/* Formats into buf as snprintf(3) of C99: writes no more than buflen bytes, including the terminating NUL.
 * Returns the length of the whole text without the NUL, even if it was truncated; -1 on an error; 0, without
 * formatting, if buflen is 0. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_snprintf(char *buf, size_t buflen, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* The same for arguments in a va_list, whose value is indeterminate after the call. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_vsnprintf(char *buf, size_t buflen, const char *format, va_list ap)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 0)))
#endif
    ;

/* Compares two strings, ignoring the case of the ASCII letters only, in every locale. Returns a negative
 * number, 0 or a positive number if s1 sorts before, equals, or sorts after s2. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_ascii_strcasecmp(const char *s1, const char *s2);

/* The same for no more than the first n bytes. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_ascii_strncasecmp(const char *s1, const char *s2, size_t n);

/* --- addresses -------------------------------------------------------------------------------------- */

/* Formats an address as text. af: AF_INET, with src a struct in_addr, or AF_INET6, with src a struct
 * in6_addr. dst has a size of len bytes, including the NUL; 16 suffice for IPv4 and 46 for IPv6. Returns dst;
 * NULL for another af or if dst is too small. Since 2.0. */
EVENT2_EXPORT_SYMBOL
const char *evutil_inet_ntop(int af, const void *src, char *dst, size_t len);

/* Parses an address. af: AF_INET for "a.b.c.d" in decimal, with dst a struct in_addr, or AF_INET6 (RFC 4291
 * 2.2), with dst a struct in6_addr. Returns 1 on success; 0 if src is not an address (*dst is not changed);
 * -1 for another af. The numbers of an IPv4 address are decimal even if they begin with 0. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_inet_pton(int af, const char *src, void *dst);

/* The same for an address that may be followed by a zone (RFC 4007 11), "fe80::1%eth0" or "fe80::1%2".
 * *indexp receives the zone's number, 0 if there is none or it is empty. Returns 0 also if the zone is
 * neither the name of an interface nor a number. With AF_INET a zone is not allowed. Since 2.1. */
EVENT2_EXPORT_SYMBOL
int evutil_inet_pton_scope(int af, const char *src, void *dst, unsigned *indexp);

/* Parses an address with or without a port: "1.2.3.4", "1.2.3.4:80", "::1", "[::1]", "[::1]:80"; an IPv6
 * address may have a zone. Without a port the port is 0. White space before an IPv4 address and around a port
 * is ignored.
 *
 * out, *outlen: the output and its size in bytes; *outlen receives the number of bytes written. A struct
 * sockaddr_storage is always large enough. Returns 0; -1, without changing *out and *outlen, if the text is
 * not of this form, if the port is not 1 to 65535, or if the output is too small. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_parse_sockaddr_port(const char *str, struct sockaddr *out, int *outlen);

/* Compares two addresses and, unless include_port is 0, their ports. Returns a negative number, 0 or a
 * positive number. This is a total order of the addresses of AF_INET, AF_INET6 and AF_UNIX; it may differ
 * between versions. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_sockaddr_cmp(const struct sockaddr *sa1, const struct sockaddr *sa2, int include_port);

/* --- host names ------------------------------------------------------------------------------------- */

/* The hints and the results of a look-up: another name for the platform's struct addrinfo. Since 2.0. */
#define evutil_addrinfo addrinfo

/* Errors of evutil_getaddrinfo() and evdns_getaddrinfo(); 0 is success. They are the platform's EAI_ values
 * (getaddrinfo(3)) where it has them. Since 2.0.
 *
 * ADDRFAMILY: the name has no address of the wanted family.   AGAIN: failed for now, try later.
 * BADFLAGS: ai_flags are invalid.                             FAIL: failed permanently.
 * FAMILY: ai_family is not supported.                         MEMORY: out of memory.
 * NODATA: the name exists but has no address.                 NONAME: there is no such name or service.
 * SERVICE: the service does not exist for ai_socktype.        SOCKTYPE: ai_socktype is not supported.
 * SYSTEM: a system call failed, see errno.                    CANCEL: the look-up was cancelled. */
#ifdef EAI_ADDRFAMILY
#define EVUTIL_EAI_ADDRFAMILY EAI_ADDRFAMILY
#else
#define EVUTIL_EAI_ADDRFAMILY -901
#endif
#ifdef EAI_AGAIN
#define EVUTIL_EAI_AGAIN EAI_AGAIN
#else
#define EVUTIL_EAI_AGAIN -902
#endif
#ifdef EAI_BADFLAGS
#define EVUTIL_EAI_BADFLAGS EAI_BADFLAGS
#else
#define EVUTIL_EAI_BADFLAGS -903
#endif
#ifdef EAI_FAIL
#define EVUTIL_EAI_FAIL EAI_FAIL
#else
#define EVUTIL_EAI_FAIL -904
#endif
#ifdef EAI_FAMILY
#define EVUTIL_EAI_FAMILY EAI_FAMILY
#else
#define EVUTIL_EAI_FAMILY -905
#endif
#ifdef EAI_MEMORY
#define EVUTIL_EAI_MEMORY EAI_MEMORY
#else
#define EVUTIL_EAI_MEMORY -906
#endif
/* On Windows and some other platforms EAI_NODATA equals EAI_NONAME; here the two are distinct. */
#if defined(EAI_NODATA) && !defined(_WIN32)
#define EVUTIL_EAI_NODATA EAI_NODATA
#else
#define EVUTIL_EAI_NODATA -907
#endif
#ifdef EAI_NONAME
#define EVUTIL_EAI_NONAME EAI_NONAME
#else
#define EVUTIL_EAI_NONAME -908
#endif
#ifdef EAI_SERVICE
#define EVUTIL_EAI_SERVICE EAI_SERVICE
#else
#define EVUTIL_EAI_SERVICE -909
#endif
#ifdef EAI_SOCKTYPE
#define EVUTIL_EAI_SOCKTYPE EAI_SOCKTYPE
#else
#define EVUTIL_EAI_SOCKTYPE -910
#endif
#ifdef EAI_SYSTEM
#define EVUTIL_EAI_SYSTEM EAI_SYSTEM
#else
#define EVUTIL_EAI_SYSTEM -911
#endif
#define EVUTIL_EAI_CANCEL -90001

/* Flags for ai_flags, the platform's AI_ values where it has them. Since 2.0.
 *
 * PASSIVE: without a node name, the address to bind() to.     CANONNAME: fill in ai_canonname.
 * NUMERICHOST: the node is an address, no look-up.            NUMERICSERV: the service is a number.
 * V4MAPPED: for AF_INET6, return IPv4 addresses as mapped ones if there are no others.
 * ALL: with V4MAPPED, return them in addition to the others.
 * ADDRCONFIG: only addresses of families for which this host has an address. */
#ifdef AI_PASSIVE
#define EVUTIL_AI_PASSIVE AI_PASSIVE
#else
#define EVUTIL_AI_PASSIVE 0x1000
#endif
#ifdef AI_CANONNAME
#define EVUTIL_AI_CANONNAME AI_CANONNAME
#else
#define EVUTIL_AI_CANONNAME 0x2000
#endif
#ifdef AI_NUMERICHOST
#define EVUTIL_AI_NUMERICHOST AI_NUMERICHOST
#else
#define EVUTIL_AI_NUMERICHOST 0x4000
#endif
#ifdef AI_NUMERICSERV
#define EVUTIL_AI_NUMERICSERV AI_NUMERICSERV
#else
#define EVUTIL_AI_NUMERICSERV 0x8000
#endif
#ifdef AI_V4MAPPED
#define EVUTIL_AI_V4MAPPED AI_V4MAPPED
#else
#define EVUTIL_AI_V4MAPPED 0x10000
#endif
#ifdef AI_ALL
#define EVUTIL_AI_ALL AI_ALL
#else
#define EVUTIL_AI_ALL 0x20000
#endif
#ifdef AI_ADDRCONFIG
#define EVUTIL_AI_ADDRCONFIG AI_ADDRCONFIG
#else
#define EVUTIL_AI_ADDRCONFIG 0x40000
#endif

/* Resolves a host name and a service, and blocks until the result is known: getaddrinfo(3) with the same
 * results on every platform.
 *
 * nodename: a name or an address; NULL for the loopback addresses or, with EVUTIL_AI_PASSIVE, the wildcard
 * ones. servname: a port number or a service name; NULL for port 0. At least one of the two must not be NULL.
 * hints_in: the wanted family, type, protocol and flags; NULL for any. *res receives a list, to be freed with
 * evutil_freeaddrinfo(), or NULL on failure. Returns 0 or one of the EVUTIL_EAI_ codes.
 *
 * It blocks the calling thread, and an event loop in it, while the system's resolver works. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_getaddrinfo(const char *nodename, const char *servname, const struct evutil_addrinfo *hints_in,
                       struct evutil_addrinfo **res);

/* Frees a list from evutil_getaddrinfo() or evdns_getaddrinfo(); NULL is allowed. Since 2.0. */
EVENT2_EXPORT_SYMBOL
void evutil_freeaddrinfo(struct evutil_addrinfo *ai);

/* Returns an English text for an EVUTIL_EAI_ code, which the caller must not free. Since 2.0. */
EVENT2_EXPORT_SYMBOL
const char *evutil_gai_strerror(int err);

/* --- random numbers --------------------------------------------------------------------------------- */

/* Fills n bytes at buf with cryptographically secure random numbers. Each call obtains them from the
 * operating system, so threads and forked children share no state. Since 2.0. */
EVENT2_EXPORT_SYMBOL
void evutil_secure_rng_get_bytes(void *buf, size_t n);

/* Checks that the source of random numbers works, and opens the files that it will need: a program calls this
 * before chroot(2). Returns 0, or -1 if there is no source. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_secure_rng_init(void);

/* Sets the file from which random bytes are read if the operating system has no call for them; the default is
 * /dev/urandom. The string is not copied and must stay valid while the library is in use. Requires: no random
 * numbers were used yet, and no other thread uses the library. Returns 0, or -1 if random numbers were
 * already used. Since 2.1. */
EVENT2_EXPORT_SYMBOL
int evutil_secure_rng_set_urandom_device_file(char *fname);

/* Adds datlen bytes at dat to the entropy of the random numbers. Whatever the bytes are, they cannot weaken
 * them; not needed where the operating system has a source of its own. Since 2.0. */
EVENT2_EXPORT_SYMBOL
void evutil_secure_rng_add_bytes(const char *dat, size_t datlen);

#ifdef __cplusplus
}
#endif

#endif
