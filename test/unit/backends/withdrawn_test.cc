// The set of fds removed during a wait.
#include "backends/withdrawn.h"

#include <gtest/gtest.h>

namespace {

TEST(Withdrawn, records_fds_removed_during_the_wait) {
  evi::Withdrawn withdrawn;
  withdrawn.note(7);
  EXPECT_FALSE(withdrawn.contains(7));
  withdrawn.wait_begins();
  for (int fd = 99; fd >= 0; fd -= 2) withdrawn.note(fd);
  withdrawn.wait_ended();
  for (int fd = 0; fd < 100; ++fd) EXPECT_EQ(withdrawn.contains(fd), fd % 2 == 1) << fd;
  withdrawn.note(0);
  EXPECT_FALSE(withdrawn.contains(0));
  withdrawn.wait_begins();
  withdrawn.wait_ended();
  EXPECT_FALSE(withdrawn.contains(99));
}

}  // namespace
