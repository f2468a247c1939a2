#include "util/log.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "event2/event.h"
#include "util/assert.h"

namespace {

// How abort() ends a process.
#ifdef _WIN32
const testing::ExitedWithCode kAborted(3);
#else
const testing::KilledBySignal kAborted(SIGABRT);
#endif

std::vector<std::pair<int, std::string>> logged;

void keep(int severity, const char *message) { logged.emplace_back(severity, message); }

class Log : public testing::Test {
 protected:
  void SetUp() override {
    logged.clear();
    evi::set_log_callback(keep);
  }
  void TearDown() override {
    evi::set_log_callback(nullptr);
    evi::set_debug_log_mask(EVENT_DBG_NONE);
  }
  static std::string only_message(int severity) {
    EXPECT_EQ(logged.size(), 1u);
    if (logged.size() != 1) return "";
    EXPECT_EQ(logged[0].first, severity);
    return logged[0].second;
  }
};

TEST_F(Log, warn_appends_the_error) {
  errno = ENOENT;
  evi::log_warn("no %s", "file");
  EXPECT_EQ(only_message(EVENT_LOG_WARN), std::string("no file: ") + std::strerror(ENOENT));
}

TEST_F(Log, warnx_and_msg_append_nothing) {
  errno = ENOENT;
  evi::log_warnx("%d", 1);
  evi::log_msg("%d", 2);
  ASSERT_EQ(logged.size(), 2u);
  EXPECT_EQ(logged[0], std::make_pair(int{EVENT_LOG_WARN}, std::string("1")));
  EXPECT_EQ(logged[1], std::make_pair(int{EVENT_LOG_MSG}, std::string("2")));
}

TEST_F(Log, a_socket_error_saved_earlier_is_the_one_logged) {
  errno = 0;
  evi::log_warn_socket(ECONNRESET, "peer");
  EXPECT_EQ(only_message(EVENT_LOG_WARN), std::string("peer: ") + std::strerror(ECONNRESET));
}

TEST_F(Log, a_message_at_the_limit_is_whole_and_one_beyond_is_truncated) {
  const std::string fits(evi::kMaxLogMessage - 1, 'x');
  evi::log_msg("%s", fits.c_str());
  evi::log_msg("%sy", fits.c_str());
  ASSERT_EQ(logged.size(), 2u);
  EXPECT_EQ(logged[0].second, fits);
  EXPECT_EQ(logged[1].second, fits);
}

TEST_F(Log, an_error_text_beyond_the_limit_is_truncated) {
  for (std::size_t room = 0; room < 6; ++room) {
    logged.clear();
    const std::string text(evi::kMaxLogMessage - 1 - room, 'x');
    errno = ENOENT;
    evi::log_warn("%s", text.c_str());
    const std::string got = only_message(EVENT_LOG_WARN);
    EXPECT_LT(got.size(), evi::kMaxLogMessage);
    EXPECT_EQ(got.substr(0, text.size()), text);
  }
}

TEST_F(Log, debug_messages_are_formatted_only_if_the_mask_allows) {
  int evaluated = 0;
  EVI_DEBUG("%d", ++evaluated);
  EXPECT_EQ(evaluated, 0);
  EXPECT_TRUE(logged.empty());
  evi::set_debug_log_mask(EVENT_DBG_ALL);
  EVI_DEBUG("%d", ++evaluated);
  EXPECT_EQ(evaluated, 1);
  EXPECT_EQ(only_message(EVENT_LOG_DEBUG), "1");
}

TEST_F(Log, messages_go_to_stderr_without_a_callback) {
  evi::set_log_callback(nullptr);
  testing::internal::CaptureStderr();
  evi::log_warnx("hello");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "[warn] hello\n");
}

void exit_42(int) { std::_Exit(42); }

TEST_F(Log, fatal_calls_the_callback) {
  EXPECT_EXIT(
      {
        evi::set_fatal_callback(exit_42);
        evi::fatal(1, "the end");
      },
      testing::ExitedWithCode(42), "");
}

TEST_F(Log, fatal_aborts_without_a_callback_or_after_it_returns) {
  EXPECT_EXIT(
      {
        evi::set_log_callback(nullptr);
        evi::fatal(1, "the end");
      },
      kAborted, "\\[err\\] the end");
  EXPECT_EXIT(
      {
        evi::set_fatal_callback([](int) {});
        evi::fatal(1, "the end");
      },
      kAborted, "");
}

#ifndef NDEBUG
TEST_F(Log, a_failed_assertion_names_its_condition) {
  EXPECT_EXIT(
      {
        evi::set_log_callback(nullptr);
        EVI_ASSERT(1 + 1 == 3);
      },
      kAborted, "1 \\+ 1 == 3");
}
#endif

}  // namespace
