// Errors of the bufferevent that underlies a TLS filter, and the data that was received before them.
#include <string>
#include <utility>

#include "../bufferevent/bufferevents.h"
#include "event2/bufferevent_ssl.h"
#include "scripted_engine.h"
#include "util/socket.h"

namespace {

using namespace test::scripted;

// Reports an error of the underlying bufferevent in the first read callback, and stops reading in one of the
// ways that there are.
enum class Stop { none, disabled, watermark, rate_limit };
struct BrokenUnderlying {
  Stop stop = Stop::none;
  bool broken = false;
  std::size_t got = 0;
  std::string log;

  static void on_read(bufferevent *bev, void *arg) {
    auto &self = *static_cast<BrokenUnderlying *>(arg);
    evbuffer *input = bufferevent_get_input(bev);
    if (self.stop != Stop::watermark || self.broken) {
      self.got += evbuffer_get_length(input);
      evbuffer_drain(input, evbuffer_get_length(input));
    }
    if (std::exchange(self.broken, true)) return;
    if (self.stop == Stop::disabled) bufferevent_disable(bev, EV_READ);
    if (self.stop == Stop::rate_limit) bufferevent_decrement_read_limit(bev, 1000);
    EVUTIL_SET_SOCKET_ERROR(evi::kConnectionReset);
    bufferevent_trigger_event(bufferevent_get_underlying(bev), BEV_EVENT_ERROR | BEV_EVENT_READING, 0);
  }
  static void on_event(bufferevent *, short what, void *arg) {
    auto &self = *static_cast<BrokenUnderlying *>(arg);
    self.log += std::to_string(what) + " after " + std::to_string(self.got);
  }
  void go_on(bufferevent *bev) const {
    if (stop == Stop::disabled) bufferevent_enable(bev, EV_READ);
    if (stop == Stop::rate_limit) bufferevent_decrement_read_limit(bev, -100000);
    if (stop != Stop::watermark) return;
    bufferevent_setwatermark(bev, EV_READ, 0, 0);
    bufferevent_trigger(bev, EV_READ, 0);
  }
};

// A filter over `under`, which is in that state of the handshake.
bufferevent *make_filter(event_base *base, bufferevent *under, Session &session, bufferevent_ssl_state at,
                         BrokenUnderlying &state, int options = 0) {
  const evi::TlsSetup setup = {base, under, -1, &kEngine, &session, at, options};
  bufferevent *bev = evi_private_tls_new(&setup);
  if (bev) bufferevent_setcb(bev, BrokenUnderlying::on_read, nullptr, BrokenUnderlying::on_event, &state);
  return bev;
}

TEST(TlsFilter, an_underlying_error_is_reported_after_earlier_data) {
  for (const Stop stop : {Stop::none, Stop::disabled, Stop::watermark, Stop::rate_limit}) {
    for (const int options : {0, int{BEV_OPT_DEFER_CALLBACKS}}) {
      SCOPED_TRACE(testing::Message() << static_cast<int>(stop) << ", options " << options);
      test::Base base = test::make_base();
      // In memory all of it arrives at once.
      bufferevent *ends[2];
      ASSERT_EQ(bufferevent_pair_new(base.get(), 0, ends), 0);
      Session session;
      BrokenUnderlying state;
      state.stop = stop;
      bufferevent *bev = make_filter(base.get(), ends[0], session, BUFFEREVENT_SSL_OPEN, state, options);
      ASSERT_NE(bev, nullptr);
      const timeval hour = {3600, 0};
      ev_token_bucket_cfg *limit = ev_token_bucket_cfg_new(20000, 20000, 20000, 20000, &hour);
      if (stop == Stop::rate_limit) bufferevent_set_rate_limit(bev, limit);
      if (stop == Stop::watermark) bufferevent_setwatermark(bev, EV_READ, 0, 10000);
      bufferevent_enable(bev, EV_READ);
      test::turn(*base);
      const std::string data(60000, 'd');
      bufferevent_write(ends[1], data.data(), data.size());
      test::turn(*base, 12);
      if (stop != Stop::none) {
        EXPECT_LT(state.got, 60000u);
        EXPECT_EQ(state.log, "");
        state.go_on(bev);
        test::turn(*base, 12);
      }
      EXPECT_EQ(state.log, "33 after 60000");
      bufferevent_free(bev);
      for (bufferevent *end : ends) bufferevent_free(end);
      ev_token_bucket_cfg_free(limit);
    }
  }
}

// Returns the report of a filter over a socket without data after a socket error in that direction.
std::string report_of_error(bufferevent_ssl_state at, short direction, short disabled) {
  test::Base base = test::make_base();
  test::Pair fds = test::socket_pair();
  Session session;
  session.handshakes.assign(8, TlsResult::want_read);
  BrokenUnderlying state;
  bufferevent *under = bufferevent_socket_new(base.get(), fds.a, 0);
  bufferevent *bev = make_filter(base.get(), under, session, at, state);
  EXPECT_NE(bev, nullptr);
  if (!bev) return {};
  if (disabled) bufferevent_disable(bev, disabled);
  test::turn(*base);
  bufferevent_trigger_event(under, static_cast<short>(BEV_EVENT_ERROR | direction), 0);
  test::turn(*base);
  bufferevent_free(bev);
  bufferevent_free(under);
  return state.log;
}

TEST(TlsFilter, an_underlying_error_is_reported_while_reading_is_disabled_without_buffered_data) {
  for (const bufferevent_ssl_state at : {BUFFEREVENT_SSL_ACCEPTING, BUFFEREVENT_SSL_OPEN}) {
    EXPECT_EQ(report_of_error(at, BEV_EVENT_READING, EV_READ), "33 after 0") << at;
  }
}

TEST(TlsFilter, a_handshake_fails_when_its_records_cannot_be_sent) {
  EXPECT_EQ(report_of_error(BUFFEREVENT_SSL_CONNECTING, BEV_EVENT_WRITING, 0), "34 after 0");
}

}  // namespace
