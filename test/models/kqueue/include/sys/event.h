/* The part of FreeBSD's <sys/event.h> that the library and the model of kqueue use. Names and numbers are
 * facts of that system's binary interface. */
#ifndef EVENTIDE_TEST_MODELS_SYS_EVENT_H
#define EVENTIDE_TEST_MODELS_SYS_EVENT_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)
#define EVFILT_SIGNAL (-6)
#define EVFILT_USER (-11)

#define EV_ADD 0x0001
#define EV_DELETE 0x0002
#define EV_ENABLE 0x0004
#define EV_DISABLE 0x0008
#define EV_ONESHOT 0x0010
#define EV_CLEAR 0x0020
#define EV_RECEIPT 0x0040
#define EV_DISPATCH 0x0080
#define EV_ERROR 0x4000
#define EV_EOF 0x8000

#define NOTE_FILE_POLL 0x00000002u
#define NOTE_TRIGGER 0x01000000u

struct kevent {
  uintptr_t ident;
  short filter;
  unsigned short flags;
  unsigned int fflags;
  int64_t data;
  void *udata;
  uint64_t ext[4];
};

#define EV_SET(kev, i, f, fl, ff, d, u)         \
  do {                                          \
    struct kevent *kev_ = (kev);                \
    for (uint64_t & ext_ : kev_->ext) ext_ = 0; \
    kev_->ident = (i);                          \
    kev_->filter = (short)(f);                  \
    kev_->flags = (fl);                         \
    kev_->fflags = (ff);                        \
    kev_->data = (d);                           \
    kev_->udata = (u);                          \
  } while (0)

extern "C" {
int kqueue(void);
int kevent(int kq, const struct kevent *changes, int change_count, struct kevent *events, int event_count,
           const struct timespec *timeout);
}

#endif
