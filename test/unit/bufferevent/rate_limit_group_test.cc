// Groups: the rate of the whole group, its division among members, and members that join, leave, wait and are
// freed.
#include "bufferevent/rate_limit_group.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "limited.h"

namespace {

using evi::kReadSide;
using evi::kWriteSide;
using test::Limited;
using Members = std::vector<std::unique_ptr<Limited>>;

std::size_t sum(const Members &members, std::size_t Limited::*what) {
  return std::accumulate(members.begin(), members.end(), std::size_t{0},
                         [what](std::size_t n, const auto &m) { return n + (*m).*what; });
}
std::pair<std::size_t, std::size_t> extremes(const Members &members, std::size_t Limited::*what) {
  const auto [least, most] =
      std::minmax_element(members.begin(), members.end(),
                          [what](const auto &a, const auto &b) { return (*a).*what < (*b).*what; });
  return {(**least).*what, (**most).*what};
}

// `wanted`, or fewer if the limit of file descriptors requires it: each member has two.
std::size_t members_that_fit(std::size_t wanted) {
  constexpr rlim_t kOthers = 100;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 2 * wanted + kOthers) {
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 2 * wanted + kOthers);
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  return std::min<std::size_t>(wanted, (limit.rlim_cur - kOthers) / 2);
}

struct RateLimitGroup : test::LimitedWorld {
  bufferevent_rate_limit_group *group = nullptr;
  Members members;

  ~RateLimitGroup() override {
    EXPECT_TRUE(!group || group->check_invariants());
    members.clear();
    bufferevent_rate_limit_group_free(group);
  }
  void make(std::size_t rate, std::size_t burst, int tick_ms = 1000) {
    group = bufferevent_rate_limit_group_new(base.get(), config(rate, burst, tick_ms));
    ASSERT_NE(group, nullptr);
  }
  Limited &join(event_base *other = nullptr) {
    members.push_back(std::make_unique<Limited>(other ? *other : *base));
    EXPECT_EQ(bufferevent_add_to_rate_limit_group(members.back()->bev, group), 0);
    return *members.back();
  }
  void read_all_of_them() {
    for (auto &m : members) m->start_reading();
  }
  void drain_always() {
    meanwhile = [this] {
      for (auto &m : members) m->take_written();
    };
  }
};

TEST_F(RateLimitGroup, the_group_rate_is_exact_and_evenly_shared_for_any_member_count) {
#ifdef _WIN32
  constexpr std::size_t kMany = 100;  // each is asked for by a call to Wine's server in each wait
#else
  constexpr std::size_t kMany = 500;
#endif
  for (const std::size_t count : {std::size_t{1}, std::size_t{2}, std::size_t{10}, members_that_fit(kMany)}) {
    SCOPED_TRACE(count);
    make(50'000, 50'000, 100);
    drain_always();
    for (std::size_t i = 0; i < count; ++i) join();
    for (auto &m : members) {
      m->start_reading();
      m->start_writing();
    }
    pass(2.05);
    for (auto &m : members) m->take_written();
    const std::size_t expected = 21 * 50'000;
    EXPECT_EQ(sum(members, &Limited::read), expected);
    EXPECT_EQ(sum(members, &Limited::written), expected);
    for (const auto which : {&Limited::read, &Limited::written}) {
      const auto [least, most] = extremes(members, which);
      // The first tick is taken as it comes; the others are divided.
      EXPECT_GE(least, 20 * 50'000 / count * 97 / 100);
      EXPECT_LE(most, 21 * 50'000 / count + 50'000);
    }
    ev_uint64_t read = 0, written = 0;
    bufferevent_rate_limit_group_get_totals(group, &read, &written);
    EXPECT_EQ(read, expected);
    EXPECT_EQ(written, expected);
    members.clear();
    EXPECT_EQ(timers(), 0);
    bufferevent_rate_limit_group_free(std::exchange(group, nullptr));
  }
}

TEST_F(RateLimitGroup, the_minimum_share_rotates_among_members) {
  make(128, 128);
  for (int i = 0; i < 10; ++i) join();
  read_all_of_them();
  pass(0.5);
  EXPECT_EQ(sum(members, &Limited::read), 128u);
  EXPECT_EQ(std::count_if(members.begin(), members.end(), [](auto &m) { return m->read > 0; }), 2);
  pass(4);
  EXPECT_EQ(sum(members, &Limited::read), 5u * 128);
  pass(45);
  EXPECT_EQ(sum(members, &Limited::read), 50u * 128);
  // No member is more than one share ahead of or behind the others.
  EXPECT_GE(extremes(members, &Limited::read).first, 640u - 64);
  EXPECT_LE(extremes(members, &Limited::read).second, 640u + 64);
}

TEST_F(RateLimitGroup, a_tick_wakes_only_as_many_waiting_members_as_can_move) {
  make(128, 128);
  for (std::size_t i = members_that_fit(200); i > 0; --i) join();
  read_all_of_them();
  pass(1.5);
  const std::size_t updates = script.updates.size();
  pass(20);
  // Two members receive tokens per tick, and only those are watched again.
  EXPECT_LE(script.updates.size() - updates, 2u * 2 * 22);
  EXPECT_LE(extremes(members, &Limited::read).second, 128u);
}

TEST_F(RateLimitGroup, unused_tokens_of_a_member_go_to_others_in_the_same_tick) {
  make(1000, 1000);
  for (int i = 0; i < 4; ++i) join();
  drain_always();
  pass(0.1);
  bufferevent_rate_limit_group_decrement_write(group, 1000);
  for (auto &m : members) m->bev.put("x");  // must wait
  members[0]->start_writing();
  pass(0.1);
  for (auto &m : members) EXPECT_EQ(m->take_written(), 0u);
  pass(0.9);
  for (auto &m : members) m->take_written();
  EXPECT_EQ(members[0]->written, 997u);
  for (int i = 1; i < 4; ++i) EXPECT_EQ(members[static_cast<std::size_t>(i)]->written, 1u);
  EXPECT_EQ(bufferevent_rate_limit_group_get_write_limit(group), 0);
}

TEST_F(RateLimitGroup, a_few_busy_members_use_the_whole_rate_of_many_idle_ones) {
  make(100'000, 100'000);
  for (int i = 0; i < 100; ++i) join();
  Limited &busy = *members[50];
  busy.start_reading();
  pass(2.5);
  EXPECT_EQ(busy.read, 300'000u);
  int reads = 0;
  busy.bev.on_read = [&, before = busy.bev.on_read] {
    ++reads;
    before();
  };
  pass(1);
  EXPECT_EQ(busy.read, 400'000u);
  EXPECT_LT(reads, 30);
}

TEST_F(RateLimitGroup, a_new_member_shares_the_rate_evenly) {
  make(100, 100);
  Limited &first = join(), &second = join();
  first.start_reading();
  pass(3.5);
  EXPECT_EQ(first.read, 400u);
  second.start_reading();
  pass(10);
  EXPECT_EQ(sum(members, &Limited::read), 1400u);
  EXPECT_NEAR(static_cast<double>(second.read), 500, 64);
}

TEST_F(RateLimitGroup, the_lower_of_member_and_group_limit_applies) {
  make(1000, 1000);
  Limited &slow = join(), &quick = join();
  bufferevent_set_rate_limit(slow.bev, config(100, 100));
  read_all_of_them();
  pass(9.5);
  EXPECT_EQ(slow.read, 1000u);
  EXPECT_EQ(quick.read, 9000u);
  slow.no_input = true;
  bufferevent_set_rate_limit(slow.bev, nullptr);
  bufferevent_remove_from_rate_limit_group(slow.bev);
  pass(0.1);
  EXPECT_GT(slow.read, 100'000u);
}

TEST_F(RateLimitGroup, a_stalled_loop_does_not_delay_members_on_other_loops) {
  make(1000, 1000);
  test::ScriptBackend other_script{&clock};
  auto other = test::make_base(clock, other_script);
  Limited &stuck = join(other.get()), &fine = join();
  bufferevent_rate_limit_group_decrement_write(group, 1000);
  stuck.bev.put(std::string(100'000, 's'));
  other->loop(EVLOOP_NONBLOCK);  // finds nothing, and waits
  fine.start_reading();
  fine.start_writing();
  drain_always();
  pass(10.5);
  // One quota was set aside for the other, and given back.
  EXPECT_EQ(stuck.written, 0u);
  EXPECT_GE(fine.written, 9000u);
  EXPECT_EQ(fine.read, 11'000u);
  members.clear();
}

TEST_F(RateLimitGroup, leaving_members_let_waiting_members_proceed) {
  make(10, 10);
  bufferevent_rate_limit_group_set_min_share(group, 10);
  for (int i = 0; i < 50; ++i) join();
  read_all_of_them();
  pass(0.5);
  EXPECT_EQ(sum(members, &Limited::read), 10u);
  // All but the last in the queue go, in three ways.
  for (int i = 0; i < 49; ++i) {
    Limited &m = *members[static_cast<std::size_t>(i)];
    if (i % 3 == 0) m.bev.free();
    if (i % 3 == 1) {
      m.no_input = true;
      bufferevent_disable(m.bev, EV_READ);
    }
    if (i % 3 == 2) {
      bufferevent_disable(m.bev, EV_READ);
      bufferevent_remove_from_rate_limit_group(m.bev);
    }
  }
  Limited &last = *members[49];
  pass(25);
  EXPECT_GT(last.read, 50u);
}

TEST_F(RateLimitGroup, freeing_the_group_lifts_the_limit_of_its_members) {
  make(10, 10, 3'600'000);
  for (int i = 0; i < 5; ++i) join();
  for (auto &m : members) m->bev.put(std::string(500, 'x'));
  drain_always();
  pass(1);
  for (auto &m : members) m->take_written();
  EXPECT_EQ(sum(members, &Limited::written), 10u);
  bufferevent_rate_limit_group_free(std::exchange(group, nullptr));
  pass(1);
  for (auto &m : members) m->take_written();
  EXPECT_EQ(sum(members, &Limited::written), 2500u);
  EXPECT_EQ(bufferevent_get_max_to_write(members[0]->bev), 16384);
  EXPECT_EQ(timers(), 0);
  EXPECT_EQ(bufferevent_remove_from_rate_limit_group(members[0]->bev), 0);
  group = bufferevent_rate_limit_group_new(base.get(), config(10, 10));
  EXPECT_EQ(bufferevent_add_to_rate_limit_group(members[1]->bev, group), 0);
  EXPECT_EQ(bufferevent_get_max_to_write(members[1]->bev), 10);
}

TEST_F(RateLimitGroup, the_base_may_be_freed_while_members_wait) {
  make(10, 10);
  join();
  members[0]->bev.put(std::string(50, 'x'));
  pass(0.1);
  EXPECT_EQ(timers(), 1);
  base.reset();
  bufferevent_rate_limit_group_decrement_write(group, -100);
  members.clear();
}

TEST_F(RateLimitGroup, a_new_configuration_applies_to_waiting_members) {
  make(10, 10, 3'600'000);
  for (int i = 0; i < 5; ++i) join();
  read_all_of_them();
  pass(1);
  EXPECT_EQ(sum(members, &Limited::read), 10u);
  EXPECT_EQ(bufferevent_rate_limit_group_set_cfg(group, config(100, 300, 100)), 0);
  pass(1);
  EXPECT_GE(sum(members, &Limited::read), 10u + 900);
  EXPECT_LE(sum(members, &Limited::read), 10u + 1000);
  EXPECT_EQ(bufferevent_rate_limit_group_set_cfg(group, nullptr), -1);
}

TEST_F(RateLimitGroup, added_tokens_resume_waiting_members) {
  make(10, 10, 3'600'000);
  for (int i = 0; i < 2; ++i) join();
  bufferevent_rate_limit_group_decrement_read(group, 1000);
  EXPECT_EQ(bufferevent_rate_limit_group_get_read_limit(group), -990);
  read_all_of_them();
  pass(1);
  EXPECT_EQ(sum(members, &Limited::read), 0u);
  bufferevent_rate_limit_group_decrement_read(group, -1090);
  pass(1);
  EXPECT_EQ(members[0]->read, 50u);
  EXPECT_EQ(members[1]->read, 50u);
}

TEST_F(RateLimitGroup, shares_and_getters_return_current_values) {
  make(1000, 2000);
  Limited &one = join();
  EXPECT_EQ(bufferevent_get_max_to_read(one.bev), 1000);
  EXPECT_EQ(bufferevent_get_read_limit(one.bev), EV_RATE_LIMIT_MAX);
  for (int i = 0; i < 19; ++i) join();
  EXPECT_EQ(bufferevent_get_max_to_read(one.bev), 64);
  EXPECT_EQ(bufferevent_rate_limit_group_set_min_share(group, 0), 0);
  EXPECT_EQ(bufferevent_get_max_to_read(one.bev), 50);
  EXPECT_EQ(bufferevent_rate_limit_group_set_min_share(group, 5000), 0);
  EXPECT_EQ(bufferevent_get_max_to_read(one.bev), 1000);
  EXPECT_EQ(bufferevent_rate_limit_group_set_min_share(group, std::size_t{EV_SSIZE_MAX} + 1), -1);
  clock.t += 1'000'000;
  EXPECT_EQ(bufferevent_rate_limit_group_get_read_limit(group), 2000);
  EXPECT_EQ(bufferevent_remove_from_rate_limit_group(one.bev), 0);
  EXPECT_EQ(bufferevent_get_max_to_read(one.bev), 16384);
  EXPECT_EQ(bufferevent_add_to_rate_limit_group(one.bev, group), 0);
  EXPECT_EQ(bufferevent_add_to_rate_limit_group(one.bev, nullptr), 0);
  EXPECT_EQ(bufferevent_get_max_to_read(one.bev), 16384);
}

TEST_F(RateLimitGroup, the_maximum_limit_does_not_limit) {
  make(EV_RATE_LIMIT_MAX, EV_RATE_LIMIT_MAX, 1);
  for (int i = 0; i < 3; ++i) join();
  drain_always();
  bufferevent_rate_limit_group_decrement_write(group, EV_SSIZE_MAX);
  bufferevent_rate_limit_group_decrement_write(group, EV_SSIZE_MAX);
  for (auto &m : members) m->bev.put(std::string(100'000, 'x'));
  pass(0.01);
  for (auto &m : members) m->take_written();
  EXPECT_EQ(sum(members, &Limited::written), 300'000u);
}

TEST(RateLimitGroupMemory, out_of_memory_stalls_no_data_and_leaks_nothing) {
  test::sweep([] {
    test::FakeClock clock;
    test::ScriptBackend script{&clock};
    auto base = test::make_base(clock, script);
    if (!base) return false;
    auto pair = test::socket_pair();
    bufferevent *bev = bufferevent_socket_new(base.get(), pair.a, 0);
    ev_token_bucket_cfg *cfg = ev_token_bucket_cfg_new(5, 5, 5, 5, nullptr);
    auto *group = cfg ? bufferevent_rate_limit_group_new(base.get(), cfg) : nullptr;
    bool done = false;
    if (bev && group && bufferevent_add_to_rate_limit_group(bev, group) == 0 &&
        bufferevent_write(bev, "123456789012", 12) == 0) {
      base->loop(0);
      done = true;
      EXPECT_EQ(test::read_all(pair.b), "123456789012");
    }
    if (bev) bufferevent_free(bev);
    bufferevent_rate_limit_group_free(group);
    ev_token_bucket_cfg_free(cfg);
    return done;
  });
}

// On the real clock, for two seconds: bytes in both directions against the time that the loop itself took.
class MeasuredRate : public testing::TestWithParam<int> {};

TEST_P(MeasuredRate, the_measured_rate_is_the_configured_one) {
  const std::size_t count = members_that_fit(static_cast<std::size_t>(GetParam()));
  constexpr double kTick = 0.05, kSeconds = 2;
  constexpr std::size_t kRate = 50'000;
  // A loop that does not run for seconds, on a busy machine, loses nothing.
  constexpr std::size_t kBurst = 200 * kRate;
  auto base = test::make_base();
  const timeval tick = test::seconds(kTick);
  auto *cfg = ev_token_bucket_cfg_new(kRate, kBurst, kRate, kBurst, &tick);
  Members members;
  for (std::size_t i = 0; i < count; ++i) members.push_back(std::make_unique<Limited>(*base));
  using Seconds = std::chrono::duration<double>;
  const auto begin = std::chrono::steady_clock::now();
  auto last_turn = begin;
  Seconds longest_pause{0};
  const auto note_turn = [&] {
    const auto now = std::chrono::steady_clock::now();
    longest_pause = std::max<Seconds>(longest_pause, now - std::exchange(last_turn, now));
  };
  test::Event drain(*base, test::kNoFd, EV_PERSIST, [&](int, short) {
    for (auto &m : members) m->take_written();
    note_turn();
  });
  drain.add(0.01);
  auto *group = bufferevent_rate_limit_group_new(base.get(), cfg);
  for (auto &m : members) {
    ASSERT_EQ(bufferevent_add_to_rate_limit_group(m->bev, group), 0);
    m->start_reading();
    m->start_writing();
  }
  const timeval end = test::seconds(kSeconds);
  base->loop_exit_after(&end);
  base->loop(0);
  note_turn();
  const Seconds took = last_turn - begin;
  drain.del();
  for (auto &m : members) m->take_written();
  // Tokens that a paused loop could not use: at most those that accumulated while it paused.
  const double unused[] = {static_cast<double>(bufferevent_rate_limit_group_get_read_limit(group)),
                           static_cast<double>(bufferevent_rate_limit_group_get_write_limit(group))};

  const double configured = kRate * took.count() / kTick;
  for (const auto which : {&Limited::read, &Limited::written}) {
    const auto moved = static_cast<double>(sum(members, which));
    const double left = unused[which == &Limited::written];
    EXPECT_GE(moved + left, configured * 0.95);
    EXPECT_LE(moved, configured * 1.05);
    EXPECT_LE(left, kRate * (longest_pause.count() / kTick + 2));
    const auto [least, most] = extremes(members, which);
    // Shares are even over many iterations; a loop that is slower than the ticks has few.
    if (drain.calls * kTick < took.count()) continue;
    EXPECT_GE(static_cast<double>(least), configured / static_cast<double>(count) * 0.5);
  }
  members.clear();
  bufferevent_rate_limit_group_free(group);
  ev_token_bucket_cfg_free(cfg);
}

#ifdef _WIN32
INSTANTIATE_TEST_SUITE_P(Members, MeasuredRate, testing::Values(1, 10, 100));
#else
INSTANTIATE_TEST_SUITE_P(Members, MeasuredRate, testing::Values(1, 10, 500));
#endif

}  // namespace
