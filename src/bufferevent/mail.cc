// The stack of bytes that wait for a bufferevent's lock.
#include "bufferevent/mail.h"

#include "bufferevent/bufferevent.h"
#include "util/alloc.h"
#include "util/log.h"

namespace evi {

void Mail::discard(Mail *newest) noexcept {
  while (newest) {
    Mail *older = newest->next;
    evi::destroy(newest);
    newest = older;
  }
}

void BuffereventBase::post(Mail *mail) noexcept {
  mail->next = mail_.load(std::memory_order_relaxed);
  while (
      !mail_.compare_exchange_weak(mail->next, mail, std::memory_order_release, std::memory_order_relaxed)) {
  }
  schedule_flush();
}

void BuffereventBase::collect_all_mail() noexcept {
  Mail *newest = mail_.exchange(nullptr, std::memory_order_acquire);
  Mail *oldest = nullptr;
  while (newest) {
    Mail *older = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = older;
  }
  for (Mail *mail = oldest; mail && !freed_; mail = mail->next) {
    if (!output_.append_all(mail->data)) log_warnx("bufferevent: output from another thread does not fit");
  }
  Mail::discard(oldest);
}

}  // namespace evi
