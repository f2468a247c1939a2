/* Functions of buffers that newer ones in event2/buffer.h have replaced; for old programs. */
#ifndef EVENT2_BUFFER_COMPAT_H_INCLUDED_
#define EVENT2_BUFFER_COMPAT_H_INCLUDED_

#include <event2/buffer.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* evbuffer_readln() for EVBUFFER_EOL_ANY: the line, which the caller frees, or NULL. A line with 0 bytes of
 * its own cannot be told from a shorter one. */
EVENT2_CORE_EXPORT_SYMBOL
char *evbuffer_readline(struct evbuffer *buffer);

/* Told that a buffer's length changed from old_len to new_len bytes. */
typedef void (*evbuffer_cb)(struct evbuffer *buffer, size_t old_len, size_t new_len, void *arg);

/* Removes every callback that the buffer has, those of evbuffer_add_cb() included, and sets this one unless
 * cb is NULL. Returns 0; -1 if there is no memory, in which case the earlier callbacks are gone. (Returned
 * nothing before 2.1.) New programs use evbuffer_add_cb(). */
EVENT2_CORE_EXPORT_SYMBOL
int evbuffer_setcb(struct evbuffer *buffer, evbuffer_cb cb, void *cbarg);

/* Finds the len bytes at what and makes everything up to their end contiguous. Returns the address of the
 * first of them; NULL if they do not occur or there is no memory. New programs use evbuffer_search(). */
EVENT2_CORE_EXPORT_SYMBOL
unsigned char *evbuffer_find(struct evbuffer *buffer, const unsigned char *what, size_t len);

/* The length and the contiguous contents of a buffer, from the time when they were members. */
#define EVBUFFER_LENGTH(x) evbuffer_get_length(x)
#define EVBUFFER_DATA(x) evbuffer_pullup((x), -1)

#ifdef __cplusplus
}
#endif

#endif
