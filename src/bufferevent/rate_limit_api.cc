// The functions of event2/bufferevent.h that are about rate limits, in its order.
#include "bufferevent/rate_limit.h"
#include "util/alloc.h"

using evi::BuffereventBase;
using evi::BuffereventUse;
using evi::RateLimit;
using evi::Side;

// --- configurations ---

extern "C" ev_token_bucket_cfg *ev_token_bucket_cfg_new(size_t read_rate, size_t read_burst,
                                                        size_t write_rate, size_t write_burst,
                                                        const timeval *tick_len) {
  return ev_token_bucket_cfg::create(read_rate, read_burst, write_rate, write_burst, tick_len);
}

extern "C" void ev_token_bucket_cfg_free(ev_token_bucket_cfg *cfg) { evi::destroy(cfg); }

extern "C" int bufferevent_set_rate_limit(bufferevent *bev, ev_token_bucket_cfg *cfg) {
  const BuffereventUse use(BuffereventBase::of(*bev));
  auto &base = BuffereventBase::of(*bev);
  RateLimit *limit = cfg ? RateLimit::of(base) : RateLimit::find(base);
  if (limit) limit->set_config(cfg);
  return cfg && !limit ? -1 : 0;
}

extern "C" const ev_token_bucket_cfg *bufferevent_get_token_bucket_cfg(const bufferevent *bev) {
  const auto &base = BuffereventBase::of(*bev);
  const evi::RawLockGuard held(base.lock());
  const RateLimit *limit = RateLimit::find(base);
  return limit ? limit->config() : nullptr;
}

// --- what is allowed now ---

namespace {

ev_ssize_t own_level(bufferevent *bev, Side side) {
  const BuffereventUse use(BuffereventBase::of(*bev));
  RateLimit *limit = RateLimit::find(BuffereventBase::of(*bev));
  return limit ? limit->own_level(side) : EV_RATE_LIMIT_MAX;
}

ev_ssize_t level(bufferevent *bev, Side side) {
  const BuffereventUse use(BuffereventBase::of(*bev));
  const auto &base = BuffereventBase::of(*bev);
  const std::size_t most = side == evi::kReadSide ? base.max_single_read() : base.max_single_write();
  RateLimit *limit = RateLimit::find(base);
  return static_cast<ev_ssize_t>(limit ? limit->level(side, most) : most);
}

int take(bufferevent *bev, Side side, ev_ssize_t bytes) {
  const BuffereventUse use(BuffereventBase::of(*bev));
  RateLimit *limit = RateLimit::find(BuffereventBase::of(*bev));
  return limit && limit->take(side, bytes) ? 0 : -1;
}

}  // namespace

extern "C" ev_ssize_t bufferevent_get_read_limit(bufferevent *bev) { return own_level(bev, evi::kReadSide); }

extern "C" ev_ssize_t bufferevent_get_write_limit(bufferevent *bev) {
  return own_level(bev, evi::kWriteSide);
}

extern "C" ev_ssize_t bufferevent_get_max_to_read(bufferevent *bev) { return level(bev, evi::kReadSide); }

extern "C" ev_ssize_t bufferevent_get_max_to_write(bufferevent *bev) { return level(bev, evi::kWriteSide); }

// --- bytes that went another way ---

extern "C" int bufferevent_decrement_read_limit(bufferevent *bev, ev_ssize_t bytes) {
  return take(bev, evi::kReadSide, bytes);
}

extern "C" int bufferevent_decrement_write_limit(bufferevent *bev, ev_ssize_t bytes) {
  return take(bev, evi::kWriteSide, bytes);
}
