/* The data sent by one connection and the expected reply, byte for byte. */
#ifndef EVENTIDE_TEST_FAULTS_PLAN_H
#define EVENTIDE_TEST_FAULTS_PLAN_H

#include <stddef.h>
#include <stdint.h>

enum plan_kind { kPlanBytes, kPlanFrames, kPlanHttp };

struct plan;

/* Takes bytes as they were received. Returns -1 from the byte on at which the peer broke the protocol. */
typedef int (*plan_decoder)(struct plan *plan, const unsigned char *bytes, size_t size);

struct plan {
  unsigned char *out; /* sent as it is */
  size_t out_size, out_room;
  unsigned char *want; /* what remains of the answer once it is decoded */
  size_t want_size, want_room;
  size_t got;
  plan_decoder decode;
  int wrong;   /* a byte differed, or there was one too many */
  int refused; /* an HTTP reply other than 200 */
  /* of the decoders */
  int state;
  size_t left;
  char line[256];
  size_t line_size;
  int chunked;
};

void plan_make(struct plan *plan, enum plan_kind kind, uint64_t *random);
void plan_free(struct plan *plan);
static inline int plan_is_complete(const struct plan *plan) {
  return plan->got == plan->want_size && !plan->wrong && !plan->refused && plan->state == 0;
}

/* A frame of kPlanFrames is the length of its payload, two bytes, and the payload, each byte exclusive-or
 * kFrameMask. */
enum { kFrameMask = 0x5a, kFrameHead = 2, kMostInFrame = 5000 };

/* The file that the HTTP server sends parts of. */
enum { kFileSize = 200000 };
unsigned char plan_file_byte(size_t at);

#endif
