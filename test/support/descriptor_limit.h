// A lower limit of file descriptors.
#ifndef EVENTIDE_TEST_SUPPORT_DESCRIPTOR_LIMIT_H
#define EVENTIDE_TEST_SUPPORT_DESCRIPTOR_LIMIT_H

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace test {

// While one of these lives, only file descriptors below `limit` can be opened. Those above it stay open.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(int limit) {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    rlimit low = before_;
    low.rlim_cur = static_cast<rlim_t>(limit);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  }
  DescriptorLimit(const DescriptorLimit &) = delete;
  DescriptorLimit &operator=(const DescriptorLimit &) = delete;
  ~DescriptorLimit() { EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0); }

 private:
  rlimit before_{};
};

}  // namespace test

#endif
