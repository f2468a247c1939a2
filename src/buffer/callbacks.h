// The changes of a buffer whose callbacks are deferred, since the callbacks last ran.
#ifndef EVI_BUFFER_CALLBACKS_H
#define EVI_BUFFER_CALLBACKS_H

#include <cstddef>

#include "buffer/evbuffer.h"
#include "event2/event_struct.h"

namespace evi {

// Ownership: while it is pending, it holds a claim on the buffer, or on the buffer's owner.
struct DeferredChange {
  event_callback callback;
  event_base *base;
  std::size_t added;
  std::size_t deleted;
  // The buffer's length when the latest change was counted.
  std::size_t counted_length;
  bool pending;

  [[nodiscard]] static DeferredChange *create(evbuffer &buffer, event_base &base) noexcept;
  static void destroy(DeferredChange *change) noexcept;
  void move_to(event_base &other) noexcept;
  // For the first callback of a list that was empty, when changes were not counted.
  void forget_if_changed(std::size_t length) noexcept;

 private:
  static void run(event_callback *, void *buffer) noexcept;
  void report(evbuffer &buffer) noexcept;
};

}  // namespace evi

#endif
