// The descriptor that a base holds in reserve for all its listeners, to be closed when there are none left:
// that makes room for one connection more, and opening it again shows that there are descriptors again.
//
// It is opened when the first connection has been accepted, so that listeners alone cost the program nothing,
// and closed with the base, which a listener may outlive.
#ifndef EVI_CORE_RESERVE_H
#define EVI_CORE_RESERVE_H

#include "thread/lock.h"
#include "util/held_fd.h"

namespace evi {

// Thread: any; each function takes the base's lock.
class Reserve {
 public:
  explicit Reserve(const Lock &lock) noexcept : lock_(lock) {}
  Reserve(const Reserve &) = delete;
  Reserve &operator=(const Reserve &) = delete;

  // True if the reserve is held now; else the socket error says why it cannot be had.
  [[nodiscard]] bool take() noexcept;
  // Closes it. False if there was none, or if its fd was closed by others and reused.
  bool give() noexcept;

 private:
  const Lock &lock_;
  HeldFd fd_ EVI_GUARDED_BY(lock_);
};

}  // namespace evi

#endif
