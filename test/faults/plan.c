/* The data sent by the clean side, and the decoders of the replies. */
#include "faults/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "faults/random.h"

enum { kMostBytes = 150000, kMostBody = 30000, kMostRequests = 8 };

static void append(unsigned char **bytes, size_t *size, size_t *room, const void *more, size_t count) {
  if (count == 0) return;
  if (*size + count > *room) {
    *room = (*size + count) * 2;
    *bytes = realloc(*bytes, *room);
    if (!*bytes) abort();
  }
  memcpy(*bytes + *size, more, count);
  *size += count;
}
static void send_bytes(struct plan *p, const void *bytes, size_t count) {
  append(&p->out, &p->out_size, &p->out_room, bytes, count);
}
static void expect_bytes(struct plan *p, const void *bytes, size_t count) {
  append(&p->want, &p->want_size, &p->want_room, bytes, count);
}

/* Returns 0 when one differs, or none more was due. */
static int take(struct plan *p, const unsigned char *bytes, size_t size) {
  if (size > p->want_size - p->got || (size > 0 && memcmp(p->want + p->got, bytes, size) != 0)) p->wrong = 1;
  p->got += size;
  return !p->wrong;
}

static int decode_bytes(struct plan *p, const unsigned char *bytes, size_t size) {
  return take(p, bytes, size) ? 0 : -1;
}

static void make_bytes(struct plan *p, uint64_t *random) {
  static unsigned char bytes[kMostBytes];
  const size_t size = random_below(random, 8) ? random_below(random, kMostBytes) : random_below(random, 20);
  fill_random(random, bytes, size);
  send_bytes(p, bytes, size);
  expect_bytes(p, bytes, size);
  p->decode = decode_bytes;
}

/* --- frames -----------------------------------------------------------------------------------------------
 */

/* state counts the bytes of the head. */
static int decode_frames(struct plan *p, const unsigned char *bytes, size_t size) {
  size_t i;
  for (i = 0; i < size; ++i) {
    const unsigned char byte = bytes[i];
    const unsigned char plain = byte ^ kFrameMask;
    if (p->state < kFrameHead) {
      p->left = p->left << 8 | byte;
      ++p->state;
    } else {
      if (!take(p, &plain, 1)) return -1;
      --p->left;
    }
    if (p->state == kFrameHead && p->left == 0) p->state = 0;
  }
  return 0;
}

static void make_frames(struct plan *p, uint64_t *random) {
  unsigned char frame[kFrameHead + kMostInFrame];
  unsigned frames = random_below(random, 60);
  while (frames-- > 0) {
    const size_t size =
        random_below(random, 4) ? random_below(random, 300) : random_below(random, kMostInFrame);
    size_t i;
    frame[0] = (unsigned char)(size >> 8);
    frame[1] = (unsigned char)size;
    fill_random(random, frame + kFrameHead, size);
    expect_bytes(p, frame + kFrameHead, size);
    for (i = 0; i < size; ++i) frame[kFrameHead + i] ^= kFrameMask;
    send_bytes(p, frame, kFrameHead + size);
  }
  p->decode = decode_frames;
}

/* --- HTTP -------------------------------------------------------------------------------------------------
 */

enum { kBetween, kInHeaders, kInBody, kInChunkSize, kInChunk, kAfterChunk, kInTrailer };

unsigned char plan_file_byte(size_t at) { return (unsigned char)((at * 2654435761u) >> 11); }

/* One line without its end. Returns -1 if it breaks the protocol. */
static int take_line(struct plan *p) {
  const char *line = p->line;
  switch (p->state) {
    case kBetween:
      if (strncmp(line, "HTTP/1.1 200 ", 13) != 0) p->refused = 1;
      p->chunked = 0;
      p->left = 0;
      p->state = kInHeaders;
      return p->refused ? -1 : 0;
    case kInHeaders:
      if (strncasecmp(line, "Content-Length:", 15) == 0) p->left = strtoul(line + 15, NULL, 10);
      if (strncasecmp(line, "Transfer-Encoding: chunked", 26) == 0) p->chunked = 1;
      if (line[0] == '\0') p->state = p->chunked ? kInChunkSize : p->left ? kInBody : kBetween;
      return 0;
    case kInChunkSize:
      p->left = strtoul(line, NULL, 16);
      p->state = p->left ? kInChunk : kInTrailer;
      return 0;
    case kAfterChunk:
      p->state = kInChunkSize;
      return 0;
    default:
      if (line[0] == '\0') p->state = kBetween;
      return 0;
  }
}

static int decode_http(struct plan *p, const unsigned char *bytes, size_t size) {
  size_t i = 0;
  while (i < size) {
    if (p->state == kInBody || p->state == kInChunk) {
      const size_t part = p->left < size - i ? p->left : size - i;
      if (!take(p, bytes + i, part)) return -1;
      i += part;
      p->left -= part;
      if (p->left == 0) p->state = p->state == kInBody ? kBetween : kAfterChunk;
      continue;
    }
    if (bytes[i] == '\n') {
      if (p->line_size > 0 && p->line[p->line_size - 1] == '\r') --p->line_size;
      p->line[p->line_size] = '\0';
      p->line_size = 0;
      if (take_line(p) != 0) return -1;
    } else if (p->line_size + 1 < sizeof(p->line)) {
      p->line[p->line_size++] = (char)bytes[i];
    }
    ++i;
  }
  return 0;
}

static void send_chunks(struct plan *p, const unsigned char *body, size_t size, uint64_t *random) {
  char head[32];
  while (size > 0) {
    size_t part = 1 + random_below(random, 4000);
    if (part > size) part = size;
    send_bytes(p, head, (size_t)snprintf(head, sizeof(head), "%zx\r\n", part));
    send_bytes(p, body, part);
    send_bytes(p, "\r\n", 2);
    body += part;
    size -= part;
  }
  send_bytes(p, "0\r\n\r\n", 5);
}

static void make_post(struct plan *p, const char *more, uint64_t *random) {
  static unsigned char body[kMostBody];
  char head[256];
  const size_t size = random_below(random, kMostBody);
  const int chunked = (int)random_below(random, 2);
  fill_random(random, body, size);
  expect_bytes(p, body, size);
  send_bytes(p, head,
             (size_t)snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: localhost\r\n%s",
                              random_below(random, 2) ? "/echo" : "/chunks", more));
  if (chunked) {
    send_bytes(p, head, (size_t)snprintf(head, sizeof(head), "Transfer-Encoding: chunked\r\n\r\n"));
    send_chunks(p, body, size, random);
  } else {
    send_bytes(p, head, (size_t)snprintf(head, sizeof(head), "Content-Length: %zu\r\n\r\n", size));
    send_bytes(p, body, size);
  }
}

static void make_get(struct plan *p, const char *more, uint64_t *random) {
  static unsigned char part[kFileSize];
  char head[256];
  const size_t at = random_below(random, kFileSize - 1);
  const size_t size = 1 + random_below(random, (uint32_t)(kFileSize - at));
  size_t i;
  for (i = 0; i < size; ++i) part[i] = plan_file_byte(at + i);
  expect_bytes(p, part, size);
  send_bytes(p, head,
             (size_t)snprintf(head, sizeof(head), "GET /file?%zu,%zu HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
                              at, size, more));
}

static void make_http(struct plan *p, uint64_t *random) {
  unsigned requests = 1 + random_below(random, kMostRequests);
  while (requests-- > 0) {
    const char *more = requests ? "" : "Connection: close\r\n";
    if (random_below(random, 3)) {
      make_post(p, more, random);
    } else {
      make_get(p, more, random);
    }
  }
  p->decode = decode_http;
}

void plan_make(struct plan *plan, enum plan_kind kind, uint64_t *random) {
  memset(plan, 0, sizeof(*plan));
  if (kind == kPlanBytes) make_bytes(plan, random);
  if (kind == kPlanFrames) make_frames(plan, random);
  if (kind == kPlanHttp) make_http(plan, random);
}

void plan_free(struct plan *plan) {
  free(plan->out);
  free(plan->want);
}
