// Makes calls of the modelled kernels fail.
#ifndef EVENTIDE_TEST_MODELS_REFUSE_H
#define EVENTIDE_TEST_MODELS_REFUSE_H

#include <cerrno>
#include <mutex>

namespace model {

// Unless 0: the error with which kqueue(), port_create() and the opening of /dev/poll fail.
inline int refuse_with = 0;

// The next calls of one kind fail, in any thread; those after them succeed.
class Refusals {
 public:
  void set(int calls, int error) {
    const std::lock_guard held(mutex_);
    left_ = calls;
    error_ = error;
  }
  int left() {
    const std::lock_guard held(mutex_);
    return left_;
  }
  // For a model: true with errno if this call is to fail.
  bool strike() {
    const std::lock_guard held(mutex_);
    if (left_ == 0) return false;
    --left_;
    errno = error_;
    return true;
  }

 private:
  std::mutex mutex_;
  int left_ = 0;
  int error_ = 0;
};

// Of port_associate, of filters of descriptors that are not there yet, and of entries written to /dev/poll
// that are no removals.
inline Refusals refused_additions;
// Of port_send, and of the change that triggers an EVFILT_USER filter.
inline Refusals refused_wakes;
// What the manual page leaves open: whether a port_associate that fails leaves the association that there
// was.
inline bool refusal_ends_association = true;

}  // namespace model

#endif
