/* Buffer functions that newer ones in event2/buffer.h have replaced; for old programs. */
#ifndef EVENT2_BUFFER_COMPAT_H_INCLUDED_
#define EVENT2_BUFFER_COMPAT_H_INCLUDED_

#include <event2/buffer.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Calls evbuffer_readln() with EVBUFFER_EOL_ANY and returns the line, which the caller frees, or NULL. It
 * does not return the length, so a line that contains NUL bytes looks shorter. */
EVENT2_CORE_EXPORT_SYMBOL
char *evbuffer_readline(struct evbuffer *buffer);

/* Is called when a buffer's length has changed from old_len to new_len bytes; arg is that of
 * evbuffer_setcb(). */
typedef void (*evbuffer_cb)(struct evbuffer *buffer, size_t old_len, size_t new_len, void *arg);

/* Removes all callbacks of the buffer, including those of evbuffer_add_cb(), and sets this one unless cb is
 * NULL. Returns 0; -1 if out of memory, in which case the earlier callbacks are removed all the same. (The
 * return type was void before 2.1.) New programs use evbuffer_add_cb(). */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_setcb(struct evbuffer *buffer, evbuffer_cb cb, void *cbarg);

/* Finds the len bytes at what and makes everything up to their end contiguous. Returns the address of the
 * first byte of the match; NULL if there is no match or if out of memory. New programs use
 * evbuffer_search(). */
EVENT2_CORE_EXPORT_SYMBOL
unsigned char *evbuffer_find(struct evbuffer *buffer, const unsigned char *what, size_t len);

/* The length and the contiguous contents of a buffer, which were members of the struct in 1.x. */
#define EVBUFFER_LENGTH(x) evbuffer_get_length(x)
#define EVBUFFER_DATA(x) evbuffer_pullup((x), -1)

#ifdef __cplusplus
}
#endif

#endif
