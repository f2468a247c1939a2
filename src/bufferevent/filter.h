// Filters: bufferevents whose transport is another one, with a function of the program for each direction.
#ifndef EVI_BUFFEREVENT_FILTER_H
#define EVI_BUFFEREVENT_FILTER_H

#include "bufferevent/base_watch.h"
#include "bufferevent/timeouts.h"

namespace evi {

extern const bufferevent_ops filter_ops;

// The underlying bufferevent; null at the bottom.
inline BuffereventBase *below(const BuffereventBase &bev) noexcept {
  bufferevent *under = bev.be_ops->get_underlying(bev);
  return under ? &BuffereventBase::of(*under) : nullptr;
}

// Without threads a program may free the base before its bufferevents: then nothing of it may be used any
// more. True if the bufferevent, or an underlying one, has something queued or added there, or has a lock;
// while nothing is, it may live all the same.
bool base_lives(BuffereventBase &bev) noexcept;

// A filter that owns `underlying` is being freed: callbacks that the application has set on it or its buffers
// are not invoked any more, as their arguments may be gone.
void silence_underlying(BuffereventBase &underlying) noexcept;

// A filter that owns `underlying` is being freed, and has silenced it. What passed through the filter
// counts as written to the program, so it is not to be lost if the transport takes it now; there is one
// attempt.
void write_underlying_out(BuffereventBase &underlying) noexcept;

// Holds a reference to the underlying bufferevent, and uses its lock. Filter functions run with that lock
// held.
class Filter : public TimedBufferevent {
 public:
  struct Functions {
    bufferevent_filter_cb input;   // null: data passes as it is
    bufferevent_filter_cb output;  // the same
    void (*free_arg)(void *arg);   // may be null
    void *arg;
  };

  Filter(BuffereventBase &underlying, const Functions &functions, int options) noexcept
      : TimedBufferevent(underlying.ev_base, filter_ops, options),
        underlying_(underlying),
        functions_(functions),
        base_watch_(underlying.ev_base) {}

  static Filter &of(BuffereventBase &bev) noexcept { return static_cast<Filter &>(bev); }
  static const Filter &of(const BuffereventBase &bev) noexcept { return static_cast<const Filter &>(bev); }

  // Null if out of memory, or if the options contradict each other; then nothing has changed. Underlying's
  // lock is held.
  [[nodiscard]] static Filter *create(BuffereventBase &underlying, const Functions &functions,
                                      int options) noexcept;

  BuffereventBase &underlying() const noexcept { return underlying_; }

  // The functions of the table.
  [[nodiscard]] bool start(short directions, Start why) noexcept;
  void stop(short directions) noexcept;
  void apply_timeouts() noexcept;
  void output_added() noexcept;
  void take_turn() noexcept;
  int flush(short directions, bufferevent_flush_mode mode) noexcept;
  void leave() noexcept;
  static void dispose(Filter *filter) noexcept;

 private:
  // How a run of a filter function went, which may be several calls.
  struct Run {
    bool moved = false;  // there is something to report
    bool full = false;   // ended for lack of room
    bool failed = false;
  };
  struct Side {
    bool busy : 1 = false;         // its function is running
    bool more_inside : 1 = false;  // the function filled all the room, and may hold more
  };
  static constexpr ev_ssize_t kNoLimit = -1;

  [[nodiscard]] bool attach() noexcept;
  static void on_read(bufferevent *, void *self) noexcept;
  static void on_write(bufferevent *, void *self) noexcept;
  static void on_event(bufferevent *, short what, void *self) noexcept;

  bool input_waits() const noexcept { return !underlying_.input_buffer().empty() || in_.more_inside; }
  bool output_waits() const noexcept { return !output_buffer().empty() || out_.more_inside; }
  ev_ssize_t input_room() const noexcept;
  ev_ssize_t output_room() const noexcept;

  bool call(Side &side, bufferevent_filter_cb fn, evbuffer &from, evbuffer &to, ev_ssize_t room,
            bufferevent_flush_mode mode, Run &run) noexcept;
  void report_data(short direction) noexcept;
  void report_failure(short direction) noexcept;
  Run run_input(bufferevent_flush_mode mode, bool limited) noexcept;
  Run run_output(bufferevent_flush_mode mode, bool limited) noexcept;
  Run filter_input(bufferevent_flush_mode mode, bool limited) noexcept;
  Run filter_output(bufferevent_flush_mode mode, bool limited) noexcept;
  void read_on() noexcept;
  void write_on() noexcept;

  BuffereventBase &underlying_;
  const Functions functions_;
  const BaseWatch base_watch_;
  Side in_;
  Side out_;
  short end_ = 0;      // an EOF that is reported once what came before it has passed
  int end_error_ = 0;  // the socket error that goes with it
};

}  // namespace evi

#endif
