// Filters: memory, freeing at any moment, locks and threads.
#include "bufferevent/filter.h"

#include <thread>

#include "bufferevents.h"
#include "support/fault_alloc.h"

namespace {

using Function = std::function<bufferevent_filter_result(evbuffer *, evbuffer *, ev_ssize_t)>;

// A filter whose functions are lambdas; without one data passes as it is, by copying.
class Filtered {
 public:
  explicit Filtered(bufferevent *underlying, int options = BEV_OPT_CLOSE_ON_FREE)
      : bev_(bufferevent_filter_new(underlying, input, output, options, count_free, this)) {
    if (bev_) bufferevent_setcb(bev_, read, write, event, this);
  }
  Filtered(const Filtered &) = delete;
  Filtered &operator=(const Filtered &) = delete;
  ~Filtered() { free(); }
  void free() {
    if (bev_) bufferevent_free(std::exchange(bev_, nullptr));
  }
  operator bufferevent *() const { return bev_; }
  std::size_t waiting() const { return evbuffer_get_length(bufferevent_get_input(bev_)); }

  Function on_input, on_output;
  std::function<void()> on_read, on_write;
  std::function<void(short)> on_event;
  int frees = 0;
  short events = 0;

 private:
  static bufferevent_filter_result run(const Function &fn, evbuffer *from, evbuffer *to, ev_ssize_t limit) {
    if (fn) {
      const Function kept = fn;
      return kept(from, to, limit);
    }
    std::size_t size = evbuffer_get_length(from);
    if (limit >= 0) size = std::min(size, static_cast<std::size_t>(limit));
    if (!size) return BEV_NEED_MORE;
    return evbuffer_remove_buffer(from, to, size) < 0 ? BEV_ERROR : BEV_OK;
  }
  static bufferevent_filter_result input(evbuffer *from, evbuffer *to, ev_ssize_t limit,
                                         bufferevent_flush_mode, void *arg) {
    return run(static_cast<Filtered *>(arg)->on_input, from, to, limit);
  }
  static bufferevent_filter_result output(evbuffer *from, evbuffer *to, ev_ssize_t limit,
                                          bufferevent_flush_mode, void *arg) {
    return run(static_cast<Filtered *>(arg)->on_output, from, to, limit);
  }
  static void count_free(void *arg) { ++static_cast<Filtered *>(arg)->frees; }
  static void read(bufferevent *, void *arg) {
    if (auto fn = static_cast<Filtered *>(arg)->on_read) fn();
  }
  static void write(bufferevent *, void *arg) {
    if (auto fn = static_cast<Filtered *>(arg)->on_write) fn();
  }
  static void event(bufferevent *, short what, void *arg) {
    auto *self = static_cast<Filtered *>(arg);
    self->events = static_cast<short>(self->events | what);
    if (auto fn = self->on_event) fn(what);
  }

  bufferevent *bev_;
};

struct Filters : testing::Test {
  test::Base base = test::make_base();
  test::Pair fds = test::socket_pair();

  bufferevent *socket(int options = 0) { return bufferevent_socket_new(base.get(), fds.a, options); }
};

TEST_F(Filters, a_filter_takes_one_allocation) {
  bufferevent *under = socket();
  {
    test::FaultAlloc memory;
    Filtered filter(under, 0);
    EXPECT_EQ(memory.requests(), 1);
  }
  bufferevent_free(under);
}

TEST_F(Filters, out_of_memory_creates_no_filter_and_leaves_the_underlying_unchanged) {
  const auto mine = [](bufferevent *, void *) {};
  {
    // The base has its place for the descriptor.
    const test::Bev before(*base, fds.a);
    bufferevent_enable(before, EV_READ);
  }
  test::sweep([&] {
    bufferevent *under = socket();
    if (!under) return false;
    bufferevent_setcb(under, mine, nullptr, nullptr, &base);
    Filtered filter(under, 0);
    const bool made = filter;
    if (!made) {
      bufferevent_data_cb readcb;
      void *arg;
      bufferevent_getcb(under, &readcb, nullptr, nullptr, &arg);
      EXPECT_EQ(readcb, static_cast<bufferevent_data_cb>(mine));
      EXPECT_EQ(arg, &base);
      EXPECT_EQ(bufferevent_get_enabled(under), EV_WRITE);
      EXPECT_FALSE(evi::BuffereventBase::of(*under).suspended(EV_READ, evi::kFilterBusy));
    }
    filter.free();
    EXPECT_EQ(filter.frees, made ? 1 : 0);
    bufferevent_free(under);
    return made;
  });
}

// Whichever allocation fails, no byte is lost without an error event, and nothing hangs.
TEST_F(Filters, out_of_memory_delivers_data_or_reports_an_error) {
  for (const bool with_functions : {false, true}) {
    for (long n = 1;; ++n) {
      ASSERT_LT(n, 200);
      bufferevent *pair[2];
      ASSERT_EQ(bufferevent_pair_new(base.get(), 0, pair), 0);
      bool failed = false;
      {
        Filtered filter(pair[0]);
        bufferevent *top = with_functions
                               ? bufferevent_filter_new(filter, nullptr, nullptr, 0, nullptr, nullptr)
                               : static_cast<bufferevent *>(filter);
        if (with_functions) {
          // Events of the upper filter go to the same object.
          bufferevent_data_cb readcb;
          bufferevent_event_cb eventcb;
          bufferevent_setcb(
              top, nullptr, nullptr,
              [](bufferevent *, short what, void *arg) { static_cast<Filtered *>(arg)->events = what; },
              &filter);
          bufferevent_getcb(top, &readcb, nullptr, &eventcb, nullptr);
        }
        bufferevent_setwatermark(top, EV_READ, 0, 3);
        bufferevent_enable(top, EV_READ);
        const bool written = bufferevent_write(pair[1], "abcdefgh", 8) == 0;
        ASSERT_TRUE(written);
        std::string got;
        {
          test::FaultAlloc memory{n};
          for (int i = 0; i < 20; ++i) {
            test::turn(*base, 1);
            char text[8];
            const std::size_t size = bufferevent_read(top, text, 2);
            got.append(text, size);
          }
          failed = memory.failed_one();
        }
        EXPECT_TRUE(got == "abcdefgh" || (failed && (filter.events & BEV_EVENT_ERROR)))
            << n << ": " << got << ' ' << filter.events;
        if (with_functions) bufferevent_free(top);
      }
      bufferevent_free(pair[1]);
      if (!failed) break;
    }
  }
}

TEST_F(Filters, a_filter_may_be_freed_in_its_filter_functions) {
  test::FaultAlloc memory;
  for (const bool input : {true, false}) {
    for (const bool through_buffer : {true, false}) {
      auto pair = test::socket_pair();
      Filtered filter(bufferevent_socket_new(base.get(), pair.a.release(), BEV_OPT_CLOSE_ON_FREE));
      const Function freeing = [&](evbuffer *from, evbuffer *to, ev_ssize_t) {
        filter.free();
        evbuffer_remove_buffer(from, to, 1);
        EXPECT_EQ(filter.frees, 0);
        return BEV_OK;
      };
      (input ? filter.on_input : filter.on_output) = freeing;
      bufferevent_enable(filter, EV_READ);
      if (input) {
        test::write_all(pair.b, "abc");
        test::turn(*base);
      } else if (through_buffer) {
        evbuffer_add(bufferevent_get_output(filter), "abc", 3);
      } else {
        bufferevent_write(filter, "abc", 3);
      }
      EXPECT_EQ(static_cast<bufferevent *>(filter), nullptr);
      test::turn(*base);
      EXPECT_EQ(filter.frees, 1);
    }
  }
  // The chunk that the loop reads into stays the loop's.
  base.reset();
  EXPECT_EQ(memory.live(), 0u);
}

TEST_F(Filters, a_filter_may_be_freed_in_a_write_callback_caused_by_a_buffer_call) {
  test::FaultAlloc memory;
  {
    Filtered filter(socket());
    filter.on_write = [&] { filter.free(); };
    EXPECT_EQ(evbuffer_add(bufferevent_get_output(filter), "abc", 3), 0);
    test::turn(*base);
    EXPECT_EQ(filter.frees, 1);
  }
  base.reset();
  EXPECT_EQ(memory.live(), 0u);
}

TEST_F(Filters, a_filter_may_be_freed_in_a_buffer_callback_of_the_underlying_bufferevent) {
  Filtered filter(socket());
  evbuffer_add_cb(
      bufferevent_get_output(bufferevent_get_underlying(filter)),
      [](evbuffer *, const evbuffer_cb_info *, void *arg) { static_cast<Filtered *>(arg)->free(); }, &filter);
  bufferevent_write(filter, "abc", 3);
  test::turn(*base);
  EXPECT_EQ(filter.frees, 1);
}

// The last bytes are written when the filter is freed. Callbacks that the application has put in place of the
// filter's own are not called for that.
TEST_F(Filters, freeing_an_owner_calls_no_callback_of_the_underlying_bufferevent) {
  bufferevent *under = socket(BEV_OPT_CLOSE_ON_FREE);
  fds.a.release();
  Filtered filter(under);
  bufferevent_enable(under, EV_READ);
  bufferevent_write(filter, "abc", 3);
  int calls = 0;
  test::count_callbacks(under, calls);
  filter.free();
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(test::read_all(fds.b), "abc");
  test::turn(*base);
  EXPECT_EQ(calls, 0);
}

TEST_F(Filters, the_middle_filter_of_a_stack_may_be_freed) {
  test::FaultAlloc memory;
  {
    bufferevent *under = socket(BEV_OPT_CLOSE_ON_FREE);
    fds.a.release();
    Filtered lower(under), upper(lower, 0);
    bufferevent_enable(upper, EV_READ);
    lower.free();
    test::write_all(fds.b, "abc");
    bufferevent_write(upper, "abc", 3);
    test::turn(*base);
    EXPECT_EQ(upper.waiting(), 0u);
    EXPECT_EQ(bufferevent_flush(upper, EV_READ | EV_WRITE, BEV_FINISHED), 0);
    upper.free();
    test::turn(*base);
    EXPECT_EQ(lower.frees, 1);
    EXPECT_EQ(upper.frees, 1);
  }
  base.reset();
  EXPECT_EQ(memory.live(), 0u);
}

TEST_F(Filters, writing_in_a_write_callback_invokes_it_again_from_the_loop) {
  Filtered filter(socket());
  int depth = 0, deepest = 0, calls = 0;
  filter.on_write = [&] {
    deepest = std::max(deepest, ++depth);
    if (++calls < 1000) bufferevent_write(filter, "x", 1);
    --depth;
  };
  bufferevent_write(filter, "x", 1);
  std::size_t received = 0;
  for (int i = 0; i < 2000 && received < 1000; ++i) {
    test::turn(*base, 1);
    received += test::read_all(fds.b).size();
  }
  EXPECT_EQ(calls, 1000);
  EXPECT_EQ(deepest, 1);
  EXPECT_EQ(received, 1000u);
}

TEST_F(Filters, a_write_callback_may_finish_the_stream) {
  bufferevent *pair[2];
  ASSERT_EQ(bufferevent_pair_new(base.get(), 0, pair), 0);
  Filtered filter(pair[0]);
  short reported = 0;
  bufferevent_setcb(
      pair[1], nullptr, nullptr,
      [](bufferevent *, short what, void *arg) { *static_cast<short *>(arg) = what; }, &reported);
  bufferevent_enable(pair[1], EV_READ);
  bool finished = false;
  filter.on_write = [&] {
    if (std::exchange(finished, true)) return;
    bufferevent_write(filter, "def", 3);
    bufferevent_flush(filter, EV_WRITE, BEV_FINISHED);
  };
  bufferevent_write(filter, "abc", 3);
  test::turn(*base);
  EXPECT_EQ(evbuffer_get_length(bufferevent_get_input(pair[1])), 6u);
  EXPECT_EQ(reported, BEV_EVENT_READING | BEV_EVENT_EOF);
  bufferevent_free(pair[1]);
}

TEST_F(Filters, draining_a_full_buffer_in_the_read_callback_invokes_it_again) {
  Filtered filter(socket());
  std::string got;
  filter.on_read = [&] {
    char text[8];
    got.append(text, bufferevent_read(filter, text, sizeof(text)));
  };
  bufferevent_setwatermark(filter, EV_READ, 0, 3);
  bufferevent_enable(filter, EV_READ);
  test::write_all(fds.b, "0123456789");
  test::turn(*base, 10);
  EXPECT_EQ(got, "0123456789");
}

// Taken from and put back to the kernel with each message, it would cost two calls more.
TEST_F(Filters, the_underlying_bufferevent_is_not_suspended_while_the_reader_keeps_up) {
  bufferevent *under = socket();
  Filtered filter(under);
  filter.on_read = [&] { evbuffer_drain(bufferevent_get_input(filter), 100); };
  bufferevent_setwatermark(filter, EV_READ, 0, 3);
  bufferevent_enable(filter, EV_READ);
  bool held_back = false;
  filter.on_input = [&](evbuffer *from, evbuffer *to, ev_ssize_t) {
    evbuffer_remove_buffer(from, to, 3);
    held_back = held_back || evi::BuffereventBase::of(*under).suspended(EV_READ, evi::kFilterBusy);
    return BEV_OK;
  };
  test::write_all(fds.b, "abc");
  test::turn(*base);
  EXPECT_FALSE(held_back);
  EXPECT_FALSE(evi::BuffereventBase::of(*under).suspended(EV_READ, evi::kFilterBusy));
}

TEST_F(Filters, may_be_freed_after_the_base) {
  Filtered filter(socket());
  const timeval hour = test::seconds(3600);
  bufferevent_set_timeouts(filter, &hour, &hour);
  bufferevent_enable(filter, EV_READ | EV_WRITE);
  bufferevent_write(filter, "x", 1);
  base.reset();
  filter.free();
  EXPECT_EQ(filter.frees, 1);
}

}  // namespace

#ifndef EVENT__DISABLE_THREAD_SUPPORT

namespace {

struct FilterThreads : testing::Test {
  test::Threads threads;
  test::Base base = test::make_base();
};

TEST_F(FilterThreads, a_filter_shares_the_lock_of_the_underlying_bufferevent) {
  for (const int under : {0, static_cast<int>(BEV_OPT_THREADSAFE)}) {
    for (const int over : {0, static_cast<int>(BEV_OPT_THREADSAFE)}) {
      auto *socket = bufferevent_socket_new(base.get(), test::kNoFd, under);
      Filtered filter(socket, over | BEV_OPT_CLOSE_ON_FREE);
      EXPECT_EQ(evi::BuffereventBase::of(*filter).lock(), evi::BuffereventBase::of(*socket).lock());
      EXPECT_EQ(evi::BuffereventBase::of(*filter).lock() != nullptr, under || over);
    }
  }
}

// All bufferevents that share a lock get it together: both ends of a pair, and the whole stack.
TEST_F(FilterThreads, enabling_locking_reaches_every_underlying_bufferevent) {
  bufferevent *pair[2];
  ASSERT_EQ(bufferevent_pair_new(base.get(), 0, pair), 0);
  auto *lower = bufferevent_filter_new(pair[0], nullptr, nullptr, BEV_OPT_CLOSE_ON_FREE, nullptr, nullptr);
  ASSERT_NE(lower, nullptr);
  {
    Filtered upper(lower, BEV_OPT_THREADSAFE | BEV_OPT_CLOSE_ON_FREE);
    void *lock = evi::BuffereventBase::of(*upper).lock();
    EXPECT_NE(lock, nullptr);
    EXPECT_EQ(evi::BuffereventBase::of(*lower).lock(), lock);
    EXPECT_EQ(evi::BuffereventBase::of(*pair[0]).lock(), lock);
    EXPECT_EQ(evi::BuffereventBase::of(*pair[1]).lock(), lock);
  }
  bufferevent_free(pair[1]);
  test::turn(*base);
}

// The underlying bufferevent gets its lock while its callback runs without one.
TEST_F(FilterThreads, locking_may_be_enabled_in_a_callback_of_the_underlying_bufferevent) {
  auto fds = test::socket_pair();
  std::unique_ptr<Filtered> filter;
  test::Bev under(*base, fds.a);
  under.on_read = [&] { filter = std::make_unique<Filtered>(under, BEV_OPT_THREADSAFE); };
  bufferevent_enable(under, EV_READ);
  test::write_all(fds.b, "abc");
  test::turn(*base);
  ASSERT_TRUE(filter);
  bool unlocked = false;
  std::thread([&] {
    unlocked = evi::raw_lock_try(under->lock());
    if (unlocked) evi::raw_lock_release(under->lock());
  }).join();
  EXPECT_TRUE(unlocked);
  bufferevent_enable(*filter, EV_READ);
  test::turn(*base);
  EXPECT_EQ(filter->waiting(), 3u);
}

TEST_F(FilterThreads, a_failed_lock_allocation_is_an_error) {
  auto *under = bufferevent_socket_new(base.get(), test::kNoFd, 0);
  const long needed = test::sweep([&] {
    bufferevent *other = bufferevent_socket_new(base.get(), test::kNoFd, 0);
    if (!other) return false;
    const Filtered filter(other, BEV_OPT_THREADSAFE);
    const bool made = filter;
    bufferevent_free(other);
    return made;
  });
  EXPECT_EQ(needed, 3);
  bufferevent_free(under);
}

// One loop and one thread for each of two connections, which talk through filters.
TEST_F(FilterThreads, filters_on_two_loops_can_talk_to_each_other) {
  for (const int options : {0, BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS}) {
    auto fds = test::socket_pair();
    test::Base bases[2] = {test::make_base(), test::make_base()};
    bufferevent *filters[2];
    std::atomic<std::size_t> bytes[2] = {};
    for (const int i : {0, 1}) {
      auto *under = bufferevent_socket_new(bases[i].get(), i == 0 ? fds.a.release() : fds.b.release(),
                                           BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE | options);
      filters[i] =
          bufferevent_filter_new(under, nullptr, nullptr, BEV_OPT_CLOSE_ON_FREE | options, nullptr, nullptr);
      ASSERT_NE(filters[i], nullptr);
      bufferevent_setwatermark(under, EV_WRITE, 0, 100);
      bufferevent_setwatermark(filters[i], EV_READ, 0, 64);
      bufferevent_setcb(
          filters[i],
          [](bufferevent *bev, void *arg) {
            char text[16];
            *static_cast<std::atomic<std::size_t> *>(arg) += bufferevent_read(bev, text, sizeof(text));
          },
          nullptr, nullptr, &bytes[i]);
      bufferevent_enable(filters[i], EV_READ);
    }
    constexpr std::size_t kWrites = 1000;
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads_;
    for (const int i : {0, 1}) {
      threads_.emplace_back([&, i] {
        while (!stop) bases[i]->loop(EVLOOP_NONBLOCK);
      });
      threads_.emplace_back([&, i] {
        for (std::size_t n = 0; n < kWrites; ++n) bufferevent_write(filters[i], "0123456", 7);
      });
    }
    // What is left below the watermark is taken here, as nothing more arrives for it.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while ((bytes[0] < 7 * kWrites || bytes[1] < 7 * kWrites) && std::chrono::steady_clock::now() < end) {
      for (const int i : {0, 1}) {
        char text[16];
        bytes[i] += bufferevent_read(filters[i], text, sizeof(text));
      }
      std::this_thread::yield();
    }
    EXPECT_EQ(bytes[0], 7 * kWrites);
    EXPECT_EQ(bytes[1], 7 * kWrites);
    stop = true;
    for (auto &thread : threads_) thread.join();
    for (bufferevent *filter : filters) bufferevent_free(filter);
  }
}

TEST_F(FilterThreads, a_filter_may_be_freed_by_another_thread) {
#ifdef _WIN32
  constexpr int kRounds = 40;  // each makes a connection and a base
#else
  constexpr int kRounds = 200;
#endif
  test::FaultAlloc memory;
  for (int round = 0; round < kRounds; ++round) {
    auto fds = test::socket_pair();
    auto own = test::make_base();
    std::atomic<bool> stop{false};
    std::atomic<int> frees{0};
    const int deferred = round % 2 ? BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS : 0;
    auto *under = bufferevent_socket_new(own.get(), fds.a.release(),
                                         BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE | deferred);
    auto *filter = bufferevent_filter_new(
        under, nullptr, nullptr, BEV_OPT_CLOSE_ON_FREE | deferred,
        [](void *arg) { ++*static_cast<std::atomic<int> *>(arg); }, &frees);
    ASSERT_NE(filter, nullptr);
    bufferevent_setcb(
        filter, [](bufferevent *bev, void *) { bufferevent_write_buffer(bev, bufferevent_get_input(bev)); },
        nullptr, nullptr, nullptr);
    bufferevent_enable(filter, EV_READ);
    std::thread loop([&] {
      while (!stop) own->loop(EVLOOP_NONBLOCK);
    });
    for (int i = 0; i < 5; ++i) {
      test::put(fds.b);
      bufferevent_write(filter, "abc", 3);
    }
    bufferevent_free(filter);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (frees == 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    EXPECT_EQ(frees, 1);
    stop = true;
    loop.join();
  }
  EXPECT_EQ(memory.live(), 0u);
}

}  // namespace

#endif
