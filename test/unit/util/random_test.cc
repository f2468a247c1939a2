#include "util/random.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "support/guard_page.h"

#ifdef __linux__
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

namespace {

using Key = std::array<unsigned char, 16>;

Key random_key() {
  Key key{};
  EXPECT_TRUE(evi::random_bytes(key.data(), key.size()));
  return key;
}

// must-not 9: a forked child must not return the same random bytes as its parent.
TEST(RandomBytes, parent_and_forked_children_never_share_random_bytes) {
  ASSERT_TRUE(evi::init_random());
  random_key();
  constexpr int children = 4;
  std::set<Key> seen;
  for (int i = 0; i < children; ++i) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Key key{};
      const bool good = evi::random_bytes(key.data(), key.size());
      _exit(good && write(ends[1], key.data(), key.size()) == static_cast<ssize_t>(key.size()) ? 0 : 1);
    }
    Key key{};
    EXPECT_EQ(read(ends[0], key.data(), key.size()), static_cast<ssize_t>(key.size()));
    close(ends[0]);
    close(ends[1]);
    int status = 1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(seen.insert(key).second);
    EXPECT_TRUE(seen.insert(random_key()).second);
  }
}

TEST(RandomBytes, fill_exactly_the_requested_bytes) {
  for (std::size_t size = 0; size < 600; size += 13) {
    test::GuardedBytes memory{std::string(size + 1, '#')};
    EXPECT_TRUE(evi::random_bytes(memory.data() + 1, size));
    EXPECT_EQ(memory.data()[0], '#');
  }
}

TEST(RandomBytes, every_position_of_large_requests_is_random) {
  std::vector<unsigned char> first(70000);
  std::vector<unsigned char> any(first.size());
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(evi::random_bytes(first.data(), first.size()));
    for (std::size_t j = 0; j < any.size(); ++j) any[j] |= first[j];
  }
  // All eight zero at one place: once in 2^64.
  for (std::size_t j = 0; j < any.size(); ++j) ASSERT_NE(any[j], 0) << j;
}

TEST(RandomBytes, leave_errno_alone) {
  errno = ENOTTY;
  random_key();
  EXPECT_EQ(errno, ENOTTY);
}

TEST(RandomBytes, may_be_requested_by_several_threads) {
  std::vector<std::vector<Key>> keys(4, std::vector<Key>(500));
  std::vector<std::thread> threads;
  for (auto &each : keys) {
    threads.emplace_back([&each] {
      for (Key &key : each) key = random_key();
    });
  }
  for (std::thread &thread : threads) thread.join();
  std::set<Key> seen;
  for (const auto &each : keys) seen.insert(each.begin(), each.end());
  EXPECT_EQ(seen.size(), 4u * 500u);
}

TEST(RandomBytes, a_device_can_be_named_only_before_the_first_use) {
  // In a child, because this program has used them.
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    char byte;
    const bool used = evi::random_bytes(&byte, 1);
    _exit(used && !evi::set_random_device("/dev/zero") ? 0 : 1);
  }
  int status = 1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(RandomBytes, the_kernel_accepts_added_bytes) {
  if (access("/dev/urandom", W_OK) != 0) GTEST_SKIP() << "no device here";
  EXPECT_TRUE(evi::add_random_bytes("seed", 4));
  EXPECT_TRUE(evi::add_random_bytes(nullptr, 0));
  EXPECT_NE(random_key(), random_key());
}

#ifdef __linux__
// From now on this process has no getrandom(), like one on an old kernel or in a narrow sandbox.
bool forbid_getrandom() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog filter{std::size(program), program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// Each statement runs in a program of its own, which has not used random numbers before.
class WithoutGetrandom : public testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const pid_t probe = fork();
    if (probe == 0) leave(forbid_getrandom());
    int status = -1;
    ASSERT_EQ(waitpid(probe, &status, 0), probe);
    if (!good(status)) GTEST_SKIP() << "no system call can be forbidden here";
  }
  void TearDown() override { GTEST_FLAG_SET(death_test_style, "fast"); }

  // Ends the process with the test's verdict.
  [[noreturn]] static void leave(bool verdict) { _exit(verdict ? 0 : 1); }
  static void begin() {
    if (!forbid_getrandom()) leave(false);
  }
  static bool good(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }
};

TEST_F(WithoutGetrandom, the_device_is_used_as_a_fallback) {
  EXPECT_EXIT(
      {
        begin();
        Key a{};
        Key b{};
        leave(evi::random_bytes(a.data(), a.size()) && evi::random_bytes(b.data(), b.size()) && a != b &&
              evi::init_random() && evi::random_bytes(b.data(), b.size()) && a != b);
      },
      good, "");
}

TEST_F(WithoutGetrandom, the_configured_device_is_read) {
  EXPECT_EXIT(
      {
        begin();
        Key key;
        key.fill(1);
        leave(evi::set_random_device("/dev/zero") && evi::random_bytes(key.data(), key.size()) &&
              key == Key{});
      },
      good, "");
}

// A terminal gives one line for each read, however much is asked for.
TEST_F(WithoutGetrandom, a_device_that_gives_a_few_bytes_at_a_time_is_read_on) {
  EXPECT_EXIT(
      {
        begin();
        const int master = posix_openpt(O_RDWR | O_NOCTTY);
        if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) leave(true);  // no terminals here
        const int kept_open = open(ptsname(master), O_RDWR | O_NOCTTY);
        const char lines[] = "1\n23\n456\n7890\n";
        char out[sizeof(lines) - 1] = {};
        leave(kept_open >= 0 && write(master, lines, sizeof(out)) == ssize_t{sizeof(out)} &&
              evi::set_random_device(ptsname(master)) && evi::random_bytes(out, sizeof(out)) &&
              std::memcmp(out, lines, sizeof(out)) == 0);
      },
      good, "");
}

TEST_F(WithoutGetrandom, a_missing_device_or_a_plain_file_fails) {
  for (const char *path : {"/nonexistent", "/etc/passwd", "/dev/null"}) {
    EXPECT_EXIT(
        {
          begin();
          Key key{};
          leave(evi::set_random_device(path) && !evi::init_random() &&
                !evi::random_bytes(key.data(), key.size()));
        },
        good, "")
        << path;
  }
}

TEST_F(WithoutGetrandom, the_cached_fd_is_checked_before_it_is_read) {
  EXPECT_EXIT(
      {
        begin();
        const int kept = dup(0);
        close(kept);  // the lowest free fd, which init_random() gets
        if (!evi::init_random()) leave(false);
        const int file = open("/proc/self/exe", O_RDONLY);
        Key magic{};
        bool good = dup2(file, kept) == kept && evi::random_bytes(magic.data(), magic.size());
        leave(good && std::memcmp(magic.data(), "\177ELF", 4) != 0);
      },
      good, "");
}
#endif

TEST(WeakRandom, the_same_seed_gives_the_same_numbers) {
  evi::WeakRandom a{1};
  evi::WeakRandom b{1};
  evi::WeakRandom c{2};
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const std::uint32_t value = a.next();
    EXPECT_EQ(value, b.next());
    differs = differs || value != c.next();
  }
  EXPECT_TRUE(differs);
}

TEST(WeakRandom, automatic_seeds_differ) {
  EXPECT_NE(evi::WeakRandom::seeded().next(), evi::WeakRandom::seeded().next());
}

TEST(WeakRandom, stays_below_its_bound_and_reaches_every_number) {
  evi::WeakRandom random{7};
  for (const std::uint32_t below : {1u, 2u, 3u, 7u, 100u}) {
    std::vector<int> counts(below);
    for (std::uint32_t i = 0; i < below * 200; ++i) {
      const std::uint32_t value = random.next_below(below);
      ASSERT_LT(value, below);
      ++counts[value];
    }
    for (const int count : counts) {
      EXPECT_GT(count, 100);
      EXPECT_LT(count, 300);
    }
  }
  EXPECT_LT(random.next_below(UINT32_MAX), UINT32_MAX);
}

}  // namespace
