// The functions of event2/bufferevent.h that are about rate limits, in its order.
#include "bufferevent/rate_limit.h"
#include "bufferevent/rate_limit_group.h"
#include "core/event_base.h"
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

// --- groups ---

extern "C" bufferevent_rate_limit_group *bufferevent_rate_limit_group_new(event_base *base,
                                                                          const ev_token_bucket_cfg *cfg) {
  if (!cfg) return nullptr;
  return bufferevent_rate_limit_group::create(base ? base->clock() : evi::system_clock(), *cfg);
}

extern "C" int bufferevent_rate_limit_group_set_cfg(bufferevent_rate_limit_group *group,
                                                    const ev_token_bucket_cfg *cfg) {
  if (!group || !cfg) return -1;
  group->set_config(*cfg);
  return 0;
}

extern "C" int bufferevent_rate_limit_group_set_min_share(bufferevent_rate_limit_group *group, size_t share) {
  if (share > static_cast<size_t>(EV_SSIZE_MAX)) return -1;
  group->set_min_share(static_cast<ev_ssize_t>(share));
  return 0;
}

extern "C" void bufferevent_rate_limit_group_free(bufferevent_rate_limit_group *group) {
  if (group) group->release_by_program();
}

extern "C" int bufferevent_add_to_rate_limit_group(bufferevent *bev, bufferevent_rate_limit_group *group) {
  if (!group) return bufferevent_remove_from_rate_limit_group(bev);
  const BuffereventUse use(BuffereventBase::of(*bev));
  if (BuffereventBase::of(*bev).freed()) return -1;
  RateLimit *limit = RateLimit::of(BuffereventBase::of(*bev));
  if (!limit) return -1;
  limit->join_group(*group);
  return 0;
}

extern "C" int bufferevent_remove_from_rate_limit_group(bufferevent *bev) {
  const BuffereventUse use(BuffereventBase::of(*bev));
  if (RateLimit *limit = RateLimit::find(BuffereventBase::of(*bev))) limit->leave_group();
  return 0;
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

extern "C" ev_ssize_t bufferevent_rate_limit_group_get_read_limit(bufferevent_rate_limit_group *group) {
  return group->level(evi::kReadSide);
}

extern "C" ev_ssize_t bufferevent_rate_limit_group_get_write_limit(bufferevent_rate_limit_group *group) {
  return group->level(evi::kWriteSide);
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

extern "C" int bufferevent_rate_limit_group_decrement_read(bufferevent_rate_limit_group *group,
                                                           ev_ssize_t bytes) {
  group->take(evi::kReadSide, bytes);
  return 0;
}

extern "C" int bufferevent_rate_limit_group_decrement_write(bufferevent_rate_limit_group *group,
                                                            ev_ssize_t bytes) {
  group->take(evi::kWriteSide, bytes);
  return 0;
}

// --- totals ---

extern "C" void bufferevent_rate_limit_group_get_totals(bufferevent_rate_limit_group *group,
                                                        ev_uint64_t *total_read_out,
                                                        ev_uint64_t *total_written_out) {
  std::uint64_t read = 0;
  std::uint64_t written = 0;
  group->totals(read, written);
  if (total_read_out) *total_read_out = read;
  if (total_written_out) *total_written_out = written;
}

extern "C" void bufferevent_rate_limit_group_reset_totals(bufferevent_rate_limit_group *group) {
  group->reset_totals();
}
