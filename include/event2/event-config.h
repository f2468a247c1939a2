/* The features of the platform, as macros that programs may test with #ifdef. Since 2.0; the present names,
 * which begin with EVENT__ (two underscores), since 2.1.
 *
 * Nothing in this file is generated: each macro follows from what the compiler and the C library say about
 * themselves, so that one header serves every platform and both 32 and 64 bits. The library itself does not
 * depend on EVENT__HAVE_ macros; they are here because programs written for this interface test them.
 *
 * EVENT__HAVE_X is 1 or not defined at all. EVENT__SIZEOF_X is a number of bytes.
 */
#ifndef EVENT2_EVENT_CONFIG_H_INCLUDED_
#define EVENT2_EVENT_CONFIG_H_INCLUDED_

/* --- version ---------------------------------------------------------------------------------------- */

/* The version of the interface: major, minor and patch in a byte each, then 0 for a release. Compare it with
 * event_get_version_number(), which returns the version of the library at run time. */
#define EVENT__NUMERIC_VERSION 0x02010c00
#define EVENT__VERSION "2.1.12-stable"

#define EVENT__PACKAGE "libevent"
#define EVENT__PACKAGE_NAME "libevent"
#define EVENT__PACKAGE_TARNAME "libevent"
#define EVENT__PACKAGE_VERSION EVENT__VERSION
#define EVENT__PACKAGE_STRING "libevent 2.1.12-stable"
#define EVENT__PACKAGE_BUGREPORT ""
#define EVENT__PACKAGE_URL ""

/* --- the system's full interface ------------------------------------------------------------------- */

/* If a header of this library is included first, the system headers declare their full interface, even with
 * -std=c11 and similar options; existing programs rely on it. No effect after a system header. */
#ifndef _ALL_SOURCE
#define _ALL_SOURCE 1
#endif
#ifndef _DARWIN_C_SOURCE
#define _DARWIN_C_SOURCE 1
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#ifndef _NETBSD_SOURCE
#define _NETBSD_SOURCE 1
#endif
#ifndef _OPENBSD_SOURCE
#define _OPENBSD_SOURCE 1
#endif
#ifndef _POSIX_PTHREAD_SEMANTICS
#define _POSIX_PTHREAD_SEMANTICS 1
#endif
#ifndef __EXTENSIONS__
#define __EXTENSIONS__ 1
#endif

/* --- C library identification ----------------------------------------------------------------------- */

#if defined(__linux__)
#include <features.h> /* __GLIBC__, __USE_FILE_OFFSET64, __TIMESIZE; neither glibc nor musl lacks it */
#elif defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) || defined(__DragonFly__) || \
    defined(__APPLE__)
#define EVENT__BSD_FAMILY_ 1
#endif

/* --- sizes ------------------------------------------------------------------------------------------ */

#if defined(__SIZEOF_LONG__)
#define EVENT__SIZEOF_SHORT __SIZEOF_SHORT__
#define EVENT__SIZEOF_INT __SIZEOF_INT__
#define EVENT__SIZEOF_LONG __SIZEOF_LONG__
#define EVENT__SIZEOF_LONG_LONG __SIZEOF_LONG_LONG__
#define EVENT__SIZEOF_SIZE_T __SIZEOF_SIZE_T__
#define EVENT__SIZEOF_VOID_P __SIZEOF_POINTER__
#elif defined(_WIN64)
#define EVENT__SIZEOF_SHORT 2
#define EVENT__SIZEOF_INT 4
#define EVENT__SIZEOF_LONG 4
#define EVENT__SIZEOF_LONG_LONG 8
#define EVENT__SIZEOF_SIZE_T 8
#define EVENT__SIZEOF_VOID_P 8
#elif defined(_WIN32)
#define EVENT__SIZEOF_SHORT 2
#define EVENT__SIZEOF_INT 4
#define EVENT__SIZEOF_LONG 4
#define EVENT__SIZEOF_LONG_LONG 8
#define EVENT__SIZEOF_SIZE_T 4
#define EVENT__SIZEOF_VOID_P 4
#elif defined(__LP64__) || defined(_LP64)
#define EVENT__SIZEOF_SHORT 2
#define EVENT__SIZEOF_INT 4
#define EVENT__SIZEOF_LONG 8
#define EVENT__SIZEOF_LONG_LONG 8
#define EVENT__SIZEOF_SIZE_T 8
#define EVENT__SIZEOF_VOID_P 8
#else
#define EVENT__SIZEOF_SHORT 2
#define EVENT__SIZEOF_INT 4
#define EVENT__SIZEOF_LONG 4
#define EVENT__SIZEOF_LONG_LONG 8
#define EVENT__SIZEOF_SIZE_T 4
#define EVENT__SIZEOF_VOID_P 4
#endif

/* off_t: only 32-bit glibc and Windows have a small one, and glibc only unless _FILE_OFFSET_BITS is 64. */
#if defined(_WIN32)
#define EVENT__SIZEOF_OFF_T 4
#elif defined(__GLIBC__) && EVENT__SIZEOF_LONG == 4 && !defined(__x86_64__) && !defined(__USE_FILE_OFFSET64)
#define EVENT__SIZEOF_OFF_T 4
#else
#define EVENT__SIZEOF_OFF_T 8
#endif

/* time_t: has 32 bits only in 32-bit glibc ports that predate the 64-bit time_t, unless _TIME_BITS is 64. */
#if defined(_WIN32)
#if defined(_USE_32BIT_TIME_T)
#define EVENT__SIZEOF_TIME_T 4
#else
#define EVENT__SIZEOF_TIME_T 8
#endif
#elif defined(__GLIBC__) && EVENT__SIZEOF_LONG == 4 && !defined(__x86_64__) && \
    !defined(__USE_TIME_BITS64) && !defined(__USE_TIME64_REDIRECTS) &&         \
    !(defined(__TIMESIZE) && __TIMESIZE == 64)
#define EVENT__SIZEOF_TIME_T 4
#elif defined(__FreeBSD__) && defined(__i386__)
#define EVENT__SIZEOF_TIME_T 4
#else
#define EVENT__SIZEOF_TIME_T 8
#endif

/* --- in every hosted C99 environment ---------------------------------------------------------------- */

#define EVENT__HAVE_ERRNO_H 1
#define EVENT__HAVE_FCNTL_H 1
#define EVENT__HAVE_INTTYPES_H 1
#define EVENT__HAVE_SIGNAL 1
#define EVENT__HAVE_STDARG_H 1
#define EVENT__HAVE_STDDEF_H 1
#define EVENT__HAVE_STDINT_H 1
#define EVENT__HAVE_STDIO_H 1
#define EVENT__HAVE_STDLIB_H 1
#define EVENT__HAVE_STRING_H 1
#define EVENT__HAVE_STRTOLL 1
#define EVENT__HAVE_SYS_STAT_H 1
#define EVENT__HAVE_SYS_TYPES_H 1
#define EVENT__HAVE_UINT16_T 1
#define EVENT__HAVE_UINT32_T 1
#define EVENT__HAVE_UINT64_T 1
#define EVENT__HAVE_UINT8_T 1
#define EVENT__HAVE_UINTPTR_T 1
#define EVENT__HAVE_WCHAR_H 1
#define EVENT__HAVE___FUNCTION__ 1
#define EVENT__HAVE___func__ 1

/* --- sockets, the same in Winsock and POSIX --------------------------------------------------------- */

#define EVENT__HAVE_GETADDRINFO 1
#define EVENT__HAVE_GETNAMEINFO 1
#define EVENT__HAVE_GETPROTOBYNUMBER 1
#define EVENT__HAVE_GETSERVBYNAME 1
#define EVENT__HAVE_INET_NTOP 1
#define EVENT__HAVE_INET_PTON 1
#define EVENT__HAVE_SELECT 1
#define EVENT__HAVE_STRUCT_ADDRINFO 1
#define EVENT__HAVE_STRUCT_IN6_ADDR 1
#define EVENT__HAVE_STRUCT_LINGER 1
#define EVENT__HAVE_STRUCT_SOCKADDR_IN6 1
#define EVENT__HAVE_STRUCT_SOCKADDR_STORAGE 1
#define EVENT__HAVE_STRUCT_SOCKADDR_STORAGE_SS_FAMILY 1

/* --- Windows ---------------------------------------------------------------------------------------- */

#if defined(_WIN32)
#define EVENT__HAVE_PUTENV 1
#if defined(__MINGW32__)
#define EVENT__HAVE_GETTIMEOFDAY 1
#define EVENT__HAVE_STRINGS_H 1
#define EVENT__HAVE_SYS_PARAM_H 1
#define EVENT__HAVE_SYS_TIME_H 1
#define EVENT__HAVE_UNISTD_H 1
#define EVENT__HAVE_USLEEP 1
#define EVENT__TIME_WITH_SYS_TIME 1
#endif
#endif

/* --- POSIX ------------------------------------------------------------------------------------------ */

#if !defined(_WIN32)
#define EVENT__HAVE_ARPA_INET_H 1
#define EVENT__HAVE_CLOCK_GETTIME 1
#define EVENT__HAVE_DLFCN_H 1
#define EVENT__HAVE_FCNTL 1
#define EVENT__HAVE_GETEGID 1
#define EVENT__HAVE_GETEUID 1
#define EVENT__HAVE_GETIFADDRS 1
#define EVENT__HAVE_GETTIMEOFDAY 1
#define EVENT__HAVE_IFADDRS_H 1
#define EVENT__HAVE_MMAP 1
#define EVENT__HAVE_NANOSLEEP 1
#define EVENT__HAVE_NETDB_H 1
#define EVENT__HAVE_NETINET_IN_H 1
#define EVENT__HAVE_NETINET_TCP_H 1
#define EVENT__HAVE_PIPE 1
#define EVENT__HAVE_POLL 1
#define EVENT__HAVE_POLL_H 1
#define EVENT__HAVE_PUTENV 1
#define EVENT__HAVE_SA_FAMILY_T 1
#define EVENT__HAVE_SETENV 1
#define EVENT__HAVE_SETFD 1
#define EVENT__HAVE_SETRLIMIT 1
#define EVENT__HAVE_SIGACTION 1
#define EVENT__HAVE_STRINGS_H 1
#define EVENT__HAVE_STRTOK_R 1
#define EVENT__HAVE_STRUCT_SOCKADDR_UN 1
#define EVENT__HAVE_SYS_IOCTL_H 1
#define EVENT__HAVE_SYS_MMAN_H 1
#define EVENT__HAVE_SYS_PARAM_H 1
#define EVENT__HAVE_SYS_RESOURCE_H 1
#define EVENT__HAVE_SYS_SELECT_H 1
#define EVENT__HAVE_SYS_SOCKET_H 1
#define EVENT__HAVE_SYS_TIME_H 1
#define EVENT__HAVE_SYS_UIO_H 1
#define EVENT__HAVE_SYS_UN_H 1
#define EVENT__HAVE_SYS_WAIT_H 1
#define EVENT__HAVE_UMASK 1
#define EVENT__HAVE_UNISTD_H 1
#define EVENT__HAVE_UNSETENV 1
#define EVENT__HAVE_USLEEP 1
#define EVENT__HAVE_VASPRINTF 1
#define EVENT__TIME_WITH_SYS_TIME 1
#endif

/* --- Linux ------------------------------------------------------------------------------------------ */

#if defined(__linux__)
#define EVENT__HAVE_ACCEPT4 1
#define EVENT__HAVE_EPOLL 1
#define EVENT__HAVE_EPOLL_CREATE1 1
#define EVENT__HAVE_EPOLL_CTL 1
#define EVENT__HAVE_EVENTFD 1
#define EVENT__HAVE_GETRANDOM 1
#define EVENT__HAVE_PIPE2 1
#define EVENT__HAVE_SENDFILE 1
#define EVENT__HAVE_SPLICE 1
#define EVENT__HAVE_STRUCT_IN6_ADDR_S6_ADDR16 1
#define EVENT__HAVE_STRUCT_IN6_ADDR_S6_ADDR32 1
#define EVENT__HAVE_SYS_EPOLL_H 1
#define EVENT__HAVE_SYS_EVENTFD_H 1
#define EVENT__HAVE_SYS_RANDOM_H 1
#define EVENT__HAVE_SYS_SENDFILE_H 1
#define EVENT__HAVE_SYS_SIGNALFD_H 1
#define EVENT__HAVE_SYS_TIMERFD_H 1
#define EVENT__HAVE_TIMERFD_CREATE 1
#if defined(__GLIBC__) || defined(__BIONIC__)
#define EVENT__HAVE_FD_MASK 1
#define EVENT__HAVE_SYS_QUEUE_H 1
#define EVENT__HAVE_TAILQFOREACH 1
#endif
#if defined(__BIONIC__) || \
    (defined(__GLIBC__) && (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 36)))
#define EVENT__HAVE_ARC4RANDOM 1
#define EVENT__HAVE_ARC4RANDOM_BUF 1
#endif
#endif

/* --- the BSDs and macOS ----------------------------------------------------------------------------- */

#if defined(EVENT__BSD_FAMILY_)
#define EVENT__HAVE_ARC4RANDOM 1
#define EVENT__HAVE_ARC4RANDOM_BUF 1
#define EVENT__HAVE_FD_MASK 1
#define EVENT__HAVE_ISSETUGID 1
#define EVENT__HAVE_KQUEUE 1
#define EVENT__HAVE_STRLCPY 1
#define EVENT__HAVE_STRUCT_SOCKADDR_IN6_SIN6_LEN 1
#define EVENT__HAVE_STRUCT_SOCKADDR_IN_SIN_LEN 1
#define EVENT__HAVE_SYSCTL 1
#define EVENT__HAVE_SYS_EVENT_H 1
#define EVENT__HAVE_SYS_QUEUE_H 1
#define EVENT__HAVE_SYS_SYSCTL_H 1
#define EVENT__HAVE_TAILQFOREACH 1
#define EVENT__HAVE_WORKING_KQUEUE 1
#if defined(__APPLE__)
#define EVENT__HAVE_MACH_ABSOLUTE_TIME 1
#define EVENT__HAVE_MACH_MACH_TIME_H 1
#else
#define EVENT__HAVE_ACCEPT4 1
#define EVENT__HAVE_PIPE2 1
#endif
#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__DragonFly__)
#define EVENT__HAVE_SENDFILE 1
#endif
#undef EVENT__BSD_FAMILY_
#endif

/* --- Solaris and its relatives ---------------------------------------------------------------------- */

#if defined(__sun)
#define EVENT__HAVE_DEVPOLL 1
#define EVENT__HAVE_EVENT_PORTS 1
#define EVENT__HAVE_PORT_CREATE 1
#define EVENT__HAVE_PORT_H 1
#define EVENT__HAVE_SENDFILE 1
#define EVENT__HAVE_SYS_DEVPOLL_H 1
#define EVENT__HAVE_SYS_SENDFILE_H 1
#endif

/* --- the timer macros of <sys/time.h>, and strsep --------------------------------------------------- */

#if !defined(_WIN32) && !defined(__sun)
#define EVENT__HAVE_STRSEP 1
#define EVENT__HAVE_TIMERADD 1
#endif
#if !defined(_WIN32)
#define EVENT__HAVE_TIMERCLEAR 1
#define EVENT__HAVE_TIMERCMP 1
#define EVENT__HAVE_TIMERISSET 1
#endif

/* --- threads and TLS -------------------------------------------------------------------------------- */

/* evthread_use_pthreads() exists; pthread_t is a pointer or an unsigned long everywhere. */
#if !defined(_WIN32)
#define EVENT__HAVE_PTHREADS 1
#define EVENT__SIZEOF_PTHREAD_T EVENT__SIZEOF_VOID_P
#endif

/* The interface has TLS bufferevents over OpenSSL. A program that uses them links to event_openssl too. */
#define EVENT__HAVE_OPENSSL 1
#define EVENT__HAVE_OPENSSL_SSL_H 1

/* --- types and words that a compiler may lack ------------------------------------------------------- */

#if defined(_MSC_VER)
#define EVENT__ssize_t SSIZE_T
#define EVENT__inline __inline
#endif
#if defined(_WIN32)
#define EVENT__socklen_t int
#endif

#endif
