// Several reasons to suspend one direction: each holds it back until that reason has gone.
#include <gtest/gtest.h>

#include "unit/bufferevent/bufferevents.h"

using test::Bev;

namespace {

constexpr evi::SuspendReasons kReasons[] = {evi::kWatermark, evi::kBandwidth, evi::kGroupBandwidth,
                                            evi::kLookup, evi::kFilterBusy};

// Every pair of reasons, in each order of coming and going.
void for_each_pair(const std::function<void(evi::SuspendReasons, evi::SuspendReasons)> &check) {
  for (const evi::SuspendReasons first : kReasons) {
    for (const evi::SuspendReasons second : kReasons) {
      if (first == second) continue;
      SCOPED_TRACE(testing::Message() << "reasons " << int{first} << " and " << int{second});
      check(first, second);
    }
  }
}

TEST(Suspend, every_reason_is_kept_until_it_goes) {
  auto base = test::make_base();
  auto fds = test::socket_pair();
  Bev bev(*base, fds.a);
  for (const short direction : {EV_READ, EV_WRITE}) {
    for_each_pair([&](evi::SuspendReasons first, evi::SuspendReasons second) {
      bev->suspend(direction, first);
      bev->suspend(direction, second);
      EXPECT_TRUE(bev->suspended(direction, first));
      EXPECT_TRUE(bev->suspended(direction, second));
      bev->resume(direction, second);
      EXPECT_TRUE(bev->suspended(direction, first));
      EXPECT_FALSE(bev->suspended(direction, second));
      bev->resume(direction, first);
      EXPECT_FALSE(bev->suspended(direction, first));
    });
  }
}

TEST(Suspend, one_direction_leaves_the_other_alone) {
  auto base = test::make_base();
  auto fds = test::socket_pair();
  Bev bev(*base, fds.a);
  bev->suspend(EV_READ, evi::kBandwidth);
  EXPECT_FALSE(bev->suspended(EV_WRITE, evi::kBandwidth));
  bev->suspend(EV_WRITE, evi::kGroupBandwidth);
  bev->resume(EV_READ | EV_WRITE, evi::kBandwidth);
  EXPECT_FALSE(bev->suspended(EV_READ, evi::kBandwidth));
  EXPECT_TRUE(bev->suspended(EV_WRITE, evi::kGroupBandwidth));
}

TEST(Suspend, output_waits_for_the_last_of_two_reasons) {
  for_each_pair([](evi::SuspendReasons first, evi::SuspendReasons second) {
    auto base = test::make_base();
    auto fds = test::socket_pair();
    Bev bev(*base, fds.a);
    bev->suspend(EV_WRITE, first);
    bev->suspend(EV_WRITE, second);
    bev.put("out");
    test::turn(*base);
    EXPECT_EQ(test::read_all(fds.b), "");
    bev->resume(EV_WRITE, second);
    test::turn(*base);
    EXPECT_EQ(test::read_all(fds.b), "");
    bev->resume(EV_WRITE, first);
    test::turn(*base);
    EXPECT_EQ(test::read_all(fds.b), "out");
  });
}

TEST(Suspend, input_waits_for_the_last_of_two_reasons) {
  for_each_pair([](evi::SuspendReasons first, evi::SuspendReasons second) {
    // This one always agrees with the length of the input.
    if (first == evi::kWatermark || second == evi::kWatermark) return;
    auto base = test::make_base();
    auto fds = test::socket_pair();
    Bev bev(*base, fds.a);
    bufferevent_enable(bev, EV_READ);
    bev->suspend(EV_READ, first);
    bev->suspend(EV_READ, second);
    test::put(fds.b);
    test::turn(*base);
    EXPECT_EQ(bev.log(), "");
    bev->resume(EV_READ, second);
    test::turn(*base);
    EXPECT_EQ(bev.log(), "");
    bev->resume(EV_READ, first);
    test::turn(*base);
    EXPECT_EQ(bev.log(), "r");
  });
}

}  // namespace
