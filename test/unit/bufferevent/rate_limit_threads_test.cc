// A group whose members live in two loops, on two threads. Meant for the thread sanitizer too.
#include "event2/event-config.h"
#ifndef EVENT__DISABLE_THREAD_SUPPORT
#include <atomic>
#include <chrono>
#include <thread>

#include "limited.h"

namespace {

// A loop on a thread of its own until the end of the scope.
class Looper {
 public:
  Looper() : thread_([this] { base_->loop(EVLOOP_NO_EXIT_ON_EMPTY); }) {}
  Looper(const Looper &) = delete;
  Looper &operator=(const Looper &) = delete;
  ~Looper() { stop(); }
  void stop() {
    if (!thread_.joinable()) return;
    const timeval now{};
    base_->loop_exit_after(&now);
    thread_.join();
  }
  event_base &operator*() { return *base_; }

 private:
  test::Base base_ = test::make_base();
  std::thread thread_;
};

// Waits until the loop has called something that was queued after all that it is at now.
void loop_pass(event_base &base) {
  std::atomic<bool> passed{false};
  base.once(
      test::kNoFd, EV_TIMEOUT,
      [](evutil_socket_t, short, void *arg) { *static_cast<std::atomic<bool> *>(arg) = true; }, &passed,
      nullptr);
  while (!passed) std::this_thread::yield();
}

// Reads endlessly from a peer that always has data, and writes endlessly to a peer that discards it.
struct Member {
  test::Pair fds = test::socket_pair();
  bufferevent *bev;
  std::atomic<std::size_t> read{0};
  std::size_t written = 0;

  Member(event_base &base, int options) : bev(bufferevent_socket_new(&base, fds.a, options)) {
    fill();
    bufferevent_setcb(bev, on_read, on_write, nullptr, this);
  }
  Member(const Member &) = delete;
  Member &operator=(const Member &) = delete;
  ~Member() {
    if (bev) bufferevent_free(bev);
  }
  void start() {
    static const std::string kBlock(20000, 'o');
    bufferevent_write(bev, kBlock.data(), kBlock.size());
    bufferevent_enable(bev, EV_READ | EV_WRITE);
  }
  void fill() {
    static const std::string kBlock(20000, 'i');
    while (::write(fds.b, kBlock.data(), kBlock.size()) > 0) {
    }
  }
  static void on_read(bufferevent *bev, void *arg) {
    auto *self = static_cast<Member *>(arg);
    const std::size_t got = evbuffer_get_length(bufferevent_get_input(bev));
    evbuffer_drain(bufferevent_get_input(bev), got);
    self->read += got;
    self->fill();
  }
  static void on_write(bufferevent *bev, void *) {
    static const std::string kBlock(20000, 'o');
    bufferevent_write(bev, kBlock.data(), kBlock.size());
  }
};

struct RateLimitThreads : testing::Test {
  static constexpr std::size_t kRate = 20'000;
  static constexpr int kTickMs = 10;
  test::Threads threads;
  static constexpr std::size_t kEnough = 40 * kRate;
  static constexpr double kPatienceSeconds = 60;
  ev_token_bucket_cfg *cfg;
  bufferevent_rate_limit_group *group = nullptr;

  RateLimitThreads() {
    const timeval tick = test::seconds(kTickMs / 1000.0);
    cfg = ev_token_bucket_cfg_new(kRate, 10 * kRate, kRate, 10 * kRate, &tick);
  }
  ~RateLimitThreads() override { ev_token_bucket_cfg_free(cfg); }
  static bool have_enough(const std::vector<std::unique_ptr<Member>> &members) {
    std::size_t read = 0;
    for (auto &m : members) {
      if (m->read == 0) return false;
      read += m->read;
    }
    return read >= kEnough;
  }
  static double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
};

// Also members without a lock of their own, which belong to their loops alone.
TEST_F(RateLimitThreads, two_loops_share_a_rate) {
  for (const int options : {static_cast<int>(BEV_OPT_THREADSAFE), 0}) {
    auto base_a = test::make_base(), base_b = test::make_base();
    group = bufferevent_rate_limit_group_new(base_a.get(), cfg);
    const double begin = now();
    std::vector<std::unique_ptr<Member>> members;
    for (int i = 0; i < 10; ++i) {
      members.push_back(std::make_unique<Member>(i % 2 ? *base_a : *base_b, options));
      bufferevent_add_to_rate_limit_group(members.back()->bev, group);
      members.back()->start();
    }
    const timeval patience = test::seconds(kPatienceSeconds);
    std::thread other([&] {
      base_b->loop_exit_after(&patience);
      base_b->loop(0);
    });
    // However slow the loops are: until each has had its share.
    test::Event drain(*base_a, test::kNoFd, EV_PERSIST, [&](int, short) {
      for (auto &m : members) m->written += test::read_all(m->fds.b).size();
      if (!have_enough(members)) return;
      base_a->loop_exit_after(nullptr);
      base_b->loop_exit_after(nullptr);
    });
    drain.add(0.005);
    base_a->loop_exit_after(&patience);
    base_a->loop(0);
    other.join();
    const double took = now() - begin;
    std::size_t read = 0;
    for (auto &m : members) {
      read += m->read;
      EXPECT_GT(m->read, 0u);
    }
    ev_uint64_t total_read = 0, total_written = 0;
    bufferevent_rate_limit_group_get_totals(group, &total_read, &total_written);
    EXPECT_EQ(read, total_read);
    const double most = kRate * (took * 1000 / kTickMs) + 10 * kRate;
    EXPECT_LE(static_cast<double>(total_read), most);
    EXPECT_LE(static_cast<double>(total_written), most);
    EXPECT_GE(total_read, kEnough);
    drain.del();
    members.clear();
    bufferevent_rate_limit_group_free(group);
  }
}

TEST_F(RateLimitThreads, limits_change_and_members_come_and_go_while_loops_run) {
#ifdef _WIN32
  constexpr int kRounds = 4;  // each makes six connections and fills them
#else
  constexpr int kRounds = 60;
#endif
  Looper loop_a, loop_b;
  group = bufferevent_rate_limit_group_new(&*loop_a, cfg);
  const timeval tick = test::seconds(0.003);
  auto *other_cfg = ev_token_bucket_cfg_new(5000, 5000, 100, 500, &tick);
  auto *other_group = bufferevent_rate_limit_group_new(&*loop_b, other_cfg);
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::unique_ptr<Member>> members;
    for (int i = 0; i < 6; ++i) {
      members.push_back(std::make_unique<Member>(i % 2 ? *loop_a : *loop_b, BEV_OPT_THREADSAFE));
      bufferevent_add_to_rate_limit_group(members.back()->bev, group);
      members.back()->start();
    }
    for (int i = 0; i < 10; ++i) {
      bufferevent *bev = members[static_cast<std::size_t>(i % 6)]->bev;
      bufferevent_rate_limit_group_set_cfg(group, i % 2 ? cfg : other_cfg);
      bufferevent_rate_limit_group_decrement_read(group, i % 3 ? 30'000 : -40'000);
      bufferevent_set_rate_limit(bev, i % 3 ? other_cfg : nullptr);
      bufferevent_decrement_write_limit(bev, i % 2 ? 1000 : -1000);
      bufferevent_add_to_rate_limit_group(bev, i % 4 ? other_group : group);
      bufferevent_get_max_to_read(bev);
      if (i % 5 == 0) bufferevent_remove_from_rate_limit_group(bev);
      bufferevent_rate_limit_group_set_min_share(group, static_cast<std::size_t>(i) * 100);
    }
    // Now they are held back for sure.
    bufferevent_rate_limit_group_decrement_read(group, 1'000'000);
    bufferevent_rate_limit_group_decrement_write(group, 1'000'000);
    if (round % 4 == 3) {
      bufferevent_rate_limit_group_free(
          std::exchange(group, bufferevent_rate_limit_group_new(&*loop_a, cfg)));
    }
    for (auto &m : members) bufferevent_free(std::exchange(m->bev, nullptr));
    // Callbacks that run already use the members until they end: the loops pass once more.
    loop_pass(*loop_a);
    loop_pass(*loop_b);
  }
  loop_a.stop();
  loop_b.stop();
  bufferevent_rate_limit_group_free(group);
  bufferevent_rate_limit_group_free(other_group);
  ev_token_bucket_cfg_free(other_cfg);
}

}  // namespace

#endif
