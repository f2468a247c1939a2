// A descriptor that turns readable when somebody asks, for waking a loop from another thread or a signal
// handler.
#ifndef EVI_CORE_WAKER_H
#define EVI_CORE_WAKER_H

namespace evi {

class Waker {
 public:
  Waker() noexcept = default;
  Waker(const Waker &) = delete;
  Waker &operator=(const Waker &) = delete;
  ~Waker() { close(); }

  // False with errno if the system has no descriptor to give.
  [[nodiscard]] bool open() noexcept;
  void close() noexcept;
  bool is_open() const noexcept { return read_fd_ >= 0; }

  int read_fd() const noexcept { return read_fd_; }
  int write_fd() const noexcept { return write_fd_; }

  // Async-signal-safe, on the descriptor alone; a full channel is as good as a write. False if the system
  // refuses.
  static bool wake(int write_fd) noexcept;
  void drain() noexcept;
  // Each wake is an edge, whatever was written before: whoever watches for edges need not drain.
  static const bool kEveryWakeIsAnEdge;

 private:
  int read_fd_ = -1;
  int write_fd_ = -1;  // the same one where an eventfd serves
};

}  // namespace evi

#endif
