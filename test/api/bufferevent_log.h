/* The log of bufferevent tests: text that each check compares and clears, and callbacks that append to it
 * under the name given as their argument. */
#ifndef EVENTIDE_TEST_API_BUFFEREVENT_LOG_H
#define EVENTIDE_TEST_API_BUFFEREVENT_LOG_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/check.h"

/* Not every test uses all of it. */
#define LOG_SHARED static __attribute__((unused))

LOG_SHARED char log_text[4096];

LOG_SHARED void note(const char *format, ...) {
  const size_t used = strlen(log_text);
  va_list args;
  va_start(args, format);
  vsnprintf(log_text + used, sizeof(log_text) - used, format, args);
  va_end(args);
}

/* Compares and empties the log. */
#define CHECK_LOG(expected)                 \
  do {                                      \
    char seen_[sizeof(log_text)];           \
    memcpy(seen_, log_text, sizeof(seen_)); \
    log_text[0] = 0;                        \
    CHECK_STR_EQ(seen_, expected);          \
  } while (0)

LOG_SHARED size_t input_length(struct bufferevent *bev) {
  return evbuffer_get_length(bufferevent_get_input(bev));
}
LOG_SHARED size_t output_length(struct bufferevent *bev) {
  return evbuffer_get_length(bufferevent_get_output(bev));
}

LOG_SHARED void on_read(struct bufferevent *bev, void *name) {
  note("%s:r%u ", (char *)name, (unsigned)input_length(bev));
}
LOG_SHARED void on_write(struct bufferevent *bev, void *name) {
  note("%s:w%u ", (char *)name, (unsigned)output_length(bev));
}

#endif
