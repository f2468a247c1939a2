// Where a wait begins to report what is ready: the start rotates, so that low fds are not always first.
#ifndef EVI_BACKENDS_ROTATION_H
#define EVI_BACKENDS_ROTATION_H

namespace evi {

class Rotation {
 public:
  constexpr explicit Rotation(unsigned waits = 0) noexcept : waits_(waits) {}
  // In [0, count); `count` is at least 1. The waits are more than a number holds: unsigned, it wraps around.
  constexpr int next(int count) noexcept { return static_cast<int>(++waits_ % static_cast<unsigned>(count)); }

 private:
  unsigned waits_;
};

}  // namespace evi

#endif
