/* Portable types, sockets, addresses, time, text and random numbers: the small things that programs written
 * around an event loop need on every platform.
 *
 * Nothing here needs an event_base. Unless an entry says otherwise, a function may be called from any thread
 * at any time, takes no lock, keeps no pointer it was given, and does nothing but what its entry says. "Since
 * 2.0" and so on name the version of the interface that first had the entry.
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

/* Integers of exactly the named width. They are macros, so that #ifdef can ask for them. Since 2.0, the
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

/* A size that may also be -1 for an error. */
#ifdef _WIN32
#define ev_ssize_t intptr_t
#else
#define ev_ssize_t ssize_t
#endif

/* A position in a file: 64 bits wide whatever _FILE_OFFSET_BITS says, so that it is the same type in the
 * program and in the library. */
#define ev_off_t ev_int64_t

/* What accept() and its kin use for the length of an address. */
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

/* A socket: a file descriptor, or what holds a SOCKET on Windows. Since 2.0. */
#ifdef _WIN32
#define evutil_socket_t intptr_t
#else
#define evutil_socket_t int
#endif

/* The value that is no socket. Since 2.1. */
#define EVUTIL_INVALID_SOCKET -1

/* Makes two sockets that are connected to each other.
 *
 * family: AF_UNIX where the platform has socketpair(), or AF_INET, which is made from a connection over the
 * loopback interface and therefore works everywhere; for AF_INET only SOCK_STREAM is served. type and
 * protocol are those of socketpair(). fd_pair receives the two sockets; both are blocking and the caller
 * closes them. Returns 0; -1 on failure, the reason being in EVUTIL_SOCKET_ERROR(). Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_socketpair(int family, int type, int protocol, evutil_socket_t fd_pair[2]);

/* Makes reads and writes on the socket return instead of waiting. Returns 0, or -1 after logging a warning.
 * Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_make_socket_nonblocking(evutil_socket_t sock);

/* Lets a server listen again on a port whose old connections have not quite ended (SO_REUSEADDR on Unix).
 * Does nothing on Windows, where that option would let two programs share the port. To be called before
 * bind(). Returns 0 or -1. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_make_listen_socket_reuseable(evutil_socket_t sock);

/* Lets several sockets, of one user, be bound to the same address, the kernel spreading connections among
 * them (SO_REUSEPORT). To be called before bind() on each of them. Returns 0, also on platforms without the
 * option, or -1. Since 2.1. */
EVENT2_EXPORT_SYMBOL
int evutil_make_listen_socket_reuseable_port(evutil_socket_t sock);

/* Makes an IPv6 socket serve IPv6 alone (IPV6_V6ONLY on). To be called before bind(). Returns 0 or -1.
 * Since 2.1. */
EVENT2_EXPORT_SYMBOL
int evutil_make_listen_socket_ipv6only(evutil_socket_t sock);

/* Makes an IPv6 socket serve IPv4 as well, through mapped addresses (IPV6_V6ONLY off). To be called before
 * bind(). Returns 0 or -1. Since 2.2. */
EVENT2_EXPORT_SYMBOL
int evutil_make_listen_socket_not_ipv6only(evutil_socket_t sock);

/* Asks the kernel to report a connection on a listening TCP socket only when its first data have come
 * (TCP_DEFER_ACCEPT). Returns 0, also on platforms without the option, or -1. Since 2.1. */
EVENT2_EXPORT_SYMBOL
int evutil_make_tcp_listen_socket_deferred(evutil_socket_t sock);

/* Closes the descriptor in programs that this one starts with exec(). Returns 0, or -1 after logging a
 * warning. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_make_socket_closeonexec(evutil_socket_t sock);

/* Closes a socket: close() or, on Windows, closesocket(). Returns what that returns. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_closesocket(evutil_socket_t sock);
#define EVUTIL_CLOSESOCKET(s) evutil_closesocket(s)

/* Switches a TCP connection's keep-alive probes on or off. With `on`, `timeout` is the time in seconds, above
 * zero, after which a silent peer is given up, as nearly as the platform allows: probes start when about half
 * of it has passed and follow at equal distances. Without `on` the timeout is not looked at. Returns 0 or -1.
 * Since 2.2. */
EVENT2_EXPORT_SYMBOL
int evutil_set_tcp_keepalive(evutil_socket_t sock, int on, int timeout);

/* Errors of socket calls.
 *
 * EVUTIL_SOCKET_ERROR() is the code of the calling thread's last failed socket call.
 * evutil_socket_geterror(sock) is that of a call on this socket.
 * EVUTIL_SET_SOCKET_ERROR(code) sets what EVUTIL_SOCKET_ERROR() gives.
 * evutil_socket_error_to_string(code) is a text for it, not to be freed; on Unix it is strerror()'s, good
 * until that thread's next call of it. On Unix all of this is errno; on Windows it is WSAGetLastError().
 * Since 2.0. */
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

/* Arithmetic on struct timeval, arguments being pointers. The results have tv_usec in 0 .. 999 999 if the
 * operands do; the result may be one of the operands. An argument may be evaluated more than once. Since 2.0.
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

/* The time of day, since the start of 1970. `tz` is not used. Returns 0, or -1 on an error. Since 2.0. */
#ifdef _WIN32
EVENT2_EXPORT_SYMBOL
int evutil_gettimeofday(struct timeval *tv, struct timezone *tz);
#else
#define evutil_gettimeofday(tv, tz) gettimeofday((tv), (tz))
#endif

/* Writes a date as HTTP and mail want it: "Sun, 06 Nov 1994 08:49:37 GMT", in English whatever the locale.
 *
 * date, datelen: where to write, and the room there; 30 bytes hold any date up to the year 9999, and a longer
 * text is cut. tm: the date in UTC, or NULL for now. Returns the length of the whole text without its NUL,
 * which is datelen or more if it was cut; 0 if datelen is 0; -1 if the time cannot be had. Since 2.1. */
EVENT2_EXPORT_SYMBOL
int evutil_date_rfc1123(char *date, const size_t datelen, const struct tm *tm);

/* A clock that never goes backwards, whatever is done to the system's date. The time it shows has an
 * arbitrary beginning; only differences mean something. One timer must not be used by two threads at once.
 * All since 2.1. */
struct evutil_monotonic_timer;

/* For evutil_configure_monotonic_time: the most precise clock there is, though it cost more to read. */
#define EV_MONOT_PRECISE 1
/* For evutil_configure_monotonic_time: make do with the time of day, kept from going backwards. For tests. */
#define EV_MONOT_FALLBACK 2

/* A new timer, which must be configured before it is read; NULL if there is no memory. */
EVENT2_EXPORT_SYMBOL
struct evutil_monotonic_timer *evutil_monotonic_timer_new(void);

/* Sets a timer up. flags: 0 or any of the two EV_MONOT_ flags. Returns 0 or -1. */
EVENT2_EXPORT_SYMBOL
int evutil_configure_monotonic_time(struct evutil_monotonic_timer *timer, int flags);

/* Writes the timer's time to *tp; it is never less than the time it gave before. Returns 0 or -1. */
EVENT2_EXPORT_SYMBOL
int evutil_gettime_monotonic(struct evutil_monotonic_timer *timer, struct timeval *tp);

/* Frees a timer; NULL is allowed. */
EVENT2_EXPORT_SYMBOL
void evutil_monotonic_timer_free(struct evutil_monotonic_timer *timer);

/* --- text ------------------------------------------------------------------------------------------- */

/* Reads an integer in the given base, as strtoll() does: leading white space, a sign, and for base 0 or 16 a
 * prefix are allowed; *endptr, if endptr is not NULL, becomes the first character not used. Out of range, the
 * nearest value is returned and errno is ERANGE. Since 2.0. */
EVENT2_EXPORT_SYMBOL
ev_int64_t evutil_strtoll(const char *s, char **endptr, int base);

/* Formats into buf as snprintf() of C99: at most buflen bytes are written, the last of them a NUL. Returns
 * the length that the whole text has without the NUL, even if it was cut; -1 on an error; 0, nothing being
 * formatted, if buflen is 0. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_snprintf(char *buf, size_t buflen, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* The same for arguments that are in a va_list, which is used up. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_vsnprintf(char *buf, size_t buflen, const char *format, va_list ap)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 0)))
#endif
    ;

/* Compares two strings, A to Z being equal to a to z and no other byte having a case, in every locale.
 * Returns a negative number, 0 or a positive number as s1 comes before, is equal to, or comes after s2.
 * Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_ascii_strcasecmp(const char *s1, const char *s2);

/* The same, looking at no more than the first n bytes. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_ascii_strncasecmp(const char *s1, const char *s2, size_t n);

/* --- addresses -------------------------------------------------------------------------------------- */

/* Writes an address as text. af: AF_INET, src being a struct in_addr, or AF_INET6, src being a struct
 * in6_addr. dst has room for len bytes, the NUL included: 16 always do for IPv4 and 46 for IPv6. Returns dst;
 * NULL if af is another or the room too small. Since 2.0. */
EVENT2_EXPORT_SYMBOL
const char *evutil_inet_ntop(int af, const void *src, char *dst, size_t len);

/* Reads an address from text. af: AF_INET for "a.b.c.d" in decimal, dst being a struct in_addr, or AF_INET6,
 * dst being a struct in6_addr. Returns 1 if it was one, 0 if not (then *dst has not been written), -1 if af
 * is another. Numbers of an IPv4 address are decimal even if they begin with 0. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_inet_pton(int af, const char *src, void *dst);

/* The same for an address that may be followed by a zone, "fe80::1%eth0" or "fe80::1%2". *indexp receives the
 * zone as a number, 0 if there is none; a zone that names no interface and is no number makes the whole not
 * an address, an empty one is as good as none. With AF_INET a zone is never allowed. Since 2.1. */
EVENT2_EXPORT_SYMBOL
int evutil_inet_pton_scope(int af, const char *src, void *dst, unsigned *indexp);

/* Reads an address with or without a port: "1.2.3.4", "1.2.3.4:80", "::1", "[::1]", "[::1]:80"; an IPv6
 * address may have a zone. Without a port the port is 0. White space before an IPv4 address and around a port
 * does not matter.
 *
 * out, outlen: where to write, and the room there in bytes, which becomes the number of bytes written; a
 * struct sockaddr_storage has room for any. Returns 0; -1, *outlen and *out being as they were, if the text
 * is not of this form, its port is not 1 to 65535, or the room is too small. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_parse_sockaddr_port(const char *str, struct sockaddr *out, int *outlen);

/* Compares two addresses and, unless include_port is 0, their ports. Returns a negative number, 0 or a
 * positive number; this orders all addresses of AF_INET, AF_INET6 and AF_UNIX, an order that may differ
 * between versions. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_sockaddr_cmp(const struct sockaddr *sa1, const struct sockaddr *sa2, int include_port);

/* --- host names ------------------------------------------------------------------------------------- */

/* What a look-up asks and gives: the platform's struct addrinfo under a name of its own. Since 2.0. */
#define evutil_addrinfo addrinfo

/* Errors of evutil_getaddrinfo and evdns_getaddrinfo; 0 is success. They are the platform's EAI_ numbers
 * where it has them. Since 2.0.
 *
 * ADDRFAMILY: the name has no address of the wanted family.   AGAIN: failed for now, try later.
 * BADFLAGS: ai_flags make no sense.                           FAIL: failed for good.
 * FAMILY: ai_family is not supported.                         MEMORY: no memory.
 * NODATA: the name exists but has no address.                 NONAME: there is no such name or service.
 * SERVICE: the service is not to be had for ai_socktype.      SOCKTYPE: ai_socktype is not supported.
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
/* Windows and some others give NODATA the number of NONAME; it stays apart here. */
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

/* Flags for ai_flags, the platform's AI_ numbers where it has them. Since 2.0.
 *
 * PASSIVE: without a node name, the address to bind() to.     CANONNAME: fill in ai_canonname.
 * NUMERICHOST: the node is an address, look nothing up.       NUMERICSERV: the service is a number.
 * V4MAPPED: for AF_INET6, give IPv4 addresses as mapped ones if there are no others.
 * ALL: with V4MAPPED, give them beside the others.
 * ADDRCONFIG: only addresses of families that this host has itself an address of. */
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

/* Looks a host and service up, waiting for the answer: getaddrinfo() with the same results on every platform.
 *
 * nodename: a name or an address; NULL for the loopback addresses or, with EVUTIL_AI_PASSIVE, the wildcard
 * ones. servname: a port's number or a service's name; NULL for port 0. Not both may be NULL. hints: the
 * wanted family, type, protocol and flags; NULL for any. *res receives a list that the caller frees with
 * evutil_freeaddrinfo, NULL on failure. Returns 0 or one of the EVUTIL_EAI_ codes.
 *
 * It blocks the calling thread, and with it an event loop, for as long as the system's resolver takes;
 * evdns_getaddrinfo does not. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_getaddrinfo(const char *nodename, const char *servname, const struct evutil_addrinfo *hints_in,
                       struct evutil_addrinfo **res);

/* Frees a list that evutil_getaddrinfo or evdns_getaddrinfo gave; NULL is allowed. Since 2.0. */
EVENT2_EXPORT_SYMBOL
void evutil_freeaddrinfo(struct evutil_addrinfo *ai);

/* An English text for an EVUTIL_EAI_ code, not to be freed. Since 2.0. */
EVENT2_EXPORT_SYMBOL
const char *evutil_gai_strerror(int err);

/* --- random numbers --------------------------------------------------------------------------------- */

/* Fills n bytes with random numbers fit for secrets. They come from the operating system at each call, so
 * that nothing is shared by threads or inherited by a forked child. Since 2.0. */
EVENT2_EXPORT_SYMBOL
void evutil_secure_rng_get_bytes(void *buf, size_t n);

/* Makes sure that the source of random numbers works, and opens now whatever it needs later: a program that
 * is going to chroot() calls it before. Returns 0, or -1 if there is no source. Since 2.0. */
EVENT2_EXPORT_SYMBOL
int evutil_secure_rng_init(void);

/* Names the file that random bytes are read from if the operating system has no call for them; without it
 * this is /dev/urandom. The name is kept, not copied: it must stay as it is while the library is in use. To
 * be called before the first use of the random numbers and from one thread. Returns 0, or -1 if random
 * numbers were had already. Since 2.1. */
EVENT2_EXPORT_SYMBOL
int evutil_secure_rng_set_urandom_device_file(char *fname);

/* Stirs n bytes into what the random numbers are made of. That can only better them, whatever the bytes are,
 * and is never needed where the operating system has a source of its own. Since 2.0. */
EVENT2_EXPORT_SYMBOL
void evutil_secure_rng_add_bytes(const char *dat, size_t datlen);

#ifdef __cplusplus
}
#endif

#endif
