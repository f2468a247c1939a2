// The rotating start index, also when the counter of waits overflows.
#include "backends/rotation.h"

#include <gtest/gtest.h>

#include <climits>

namespace {

TEST(Rotation, each_start_follows_the_previous_one) {
  evi::Rotation rotation;
  for (int i = 1; i < 20; ++i) EXPECT_EQ(rotation.next(7), i % 7);
}

TEST(Rotation, the_start_stays_in_range_after_many_waits) {
  for (const unsigned waits : {static_cast<unsigned>(INT_MAX) - 2, UINT_MAX - 2}) {
    evi::Rotation rotation{waits};
    for (int i = 0; i < 6; ++i) {
      const int start = rotation.next(7);
      EXPECT_GE(start, 0);
      EXPECT_LT(start, 7);
    }
  }
}

}  // namespace
