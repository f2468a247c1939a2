// The functions of event2/bufferevent.h, in its order; those of rate limits are in rate_limit_api.cc.
#include "event2/bufferevent.h"

#include <charconv>

#include "bufferevent/bufferevent.h"
#include "bufferevent/filter.h"
#include "bufferevent/lookup.h"
#include "bufferevent/mail.h"
#include "bufferevent/pair.h"
#include "core/event_access.h"
#include "core/event_base.h"
#include "util/alloc.h"
#include "util/socket.h"

using evi::BuffereventBase;
using evi::BuffereventExtra;
using evi::BuffereventUse;
using evi::BufferPairUse;

namespace {

int status(bool done) { return done ? 0 : -1; }

BuffereventBase &of(bufferevent *bev) { return BuffereventBase::of(*bev); }

template <typename T>
void store(T *out, const T &value) {
  if (out) *out = value;
}

// Gives the output buffer what `fill` puts into a buffer: that itself if its lock is free, or one that waits
// for it (mail.h). False if `fill` failed, or if out of memory.
template <typename Fill>
bool write_with(BuffereventBase &bev, Fill fill) {
  if (EVI_LIKELY(evi::raw_lock_try(bev.lock()))) {
    const BuffereventUse use(bev, BuffereventUse::Locked{});
    return fill(bev.output_buffer());
  }
  evi::Owned<evi::Mail> mail{evi::make<evi::Mail>()};
  if (!mail || !fill(mail->data)) return false;
  bev.post(mail.release());
  return true;
}

bool move_all(evbuffer &from, evbuffer &to) {
  const BufferPairUse use(from, to);
  return to.append_all(from);
}

}  // namespace

// --- life ---

extern "C" bufferevent *bufferevent_socket_new(event_base *base, evutil_socket_t fd, int options) {
  return evi::socket_bufferevent_new(base ? base : evi::global_base(), fd, options);
}

extern "C" void bufferevent_free(bufferevent *bev) {
  const BuffereventUse use(of(bev));
  of(bev).release_by_program();
}

extern "C" void bufferevent_incref(bufferevent *bev) { of(bev).hold(); }

extern "C" int bufferevent_decref(bufferevent *bev) {
  evi::raw_lock_acquire(of(bev).lock());
  return of(bev).drop_and_unlock(of(bev).lock());
}

extern "C" void bufferevent_lock(bufferevent *bev) {
  evi::raw_lock_acquire(of(bev).lock());
  of(bev).hold();
  of(bev).collect_mail();
}

extern "C" void bufferevent_unlock(bufferevent *bev) { of(bev).drop_and_unlock(of(bev).lock()); }

// --- connecting ---

namespace {

// The one whose socket serves the bufferevent: itself, or what is at the bottom of a stack of filters, which
// has the same lock. Null if there is no socket, or one of them was freed.
evi::SocketBufferevent *socket_of(bufferevent *bev) {
  while (bev && !of(bev).freed() && !bev->be_ops->owns_events) bev = bev->be_ops->get_underlying(of(bev));
  return bev && !of(bev).freed() ? &evi::SocketBufferevent::of(of(bev)) : nullptr;
}

}  // namespace

extern "C" int bufferevent_socket_connect(bufferevent *bev, const sockaddr *address, int socklen) {
  const BuffereventUse use(of(bev));
  evi::SocketBufferevent *socket = socket_of(bev);
  return socket ? evi::socket_connect(*socket, address, socklen) : -1;
}

extern "C" int bufferevent_socket_connect_hostname(bufferevent *bev, evdns_base *dns_base, int family,
                                                   const char *hostname, int port) {
  if (family != AF_INET && family != AF_INET6 && family != AF_UNSPEC) return -1;
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_protocol = IPPROTO_TCP;
  return bufferevent_socket_connect_hostname_hints(bev, dns_base, &hints, hostname, port);
}

extern "C" int bufferevent_socket_connect_hostname_hints(bufferevent *bev, evdns_base *dns_base,
                                                         const evutil_addrinfo *hints, const char *hostname,
                                                         int port) {
  constexpr int kMaxPort = 65535;
  if (port < 1 || port > kMaxPort) return -1;
  char service[8] = {};
  std::to_chars(service, service + sizeof(service) - 1, port);
  addrinfo asked{};
  if (hints) asked = *hints;
  const BuffereventUse use(of(bev));
  evi::SocketBufferevent *socket = socket_of(bev);
  return socket ? status(evi::Lookup::start(*socket, dns_base, asked, hostname, service)) : -1;
}

extern "C" int bufferevent_socket_get_dns_error(bufferevent *bev) {
  const BuffereventUse use(of(bev));
  const BuffereventBase *socket = socket_of(bev);
  const BuffereventExtra *extra = socket ? socket->extra() : nullptr;
  return extra ? extra->dns_error : 0;
}

// --- base, priority, socket ---

extern "C" int bufferevent_base_set(event_base *base, bufferevent *bev) {
  const BuffereventUse use(of(bev));
  return status(of(bev).set_base(*base));
}

extern "C" event_base *bufferevent_get_base(bufferevent *bev) { return bev->ev_base; }

extern "C" int bufferevent_priority_set(bufferevent *bev, int priority) {
  const BuffereventUse use(of(bev));
  return status(of(bev).set_priority(priority));
}

extern "C" int bufferevent_get_priority(const bufferevent *bev) {
  if (bev->be_ops->owns_events) return evi::priority(bev->ev_read);
  return bev->ev_base ? bev->ev_base->default_priority() : 0;
}

extern "C" int bufferevent_setfd(bufferevent *bev, evutil_socket_t fd) {
  const BuffereventUse use(of(bev));
  return status(bev->be_ops->set_fd(of(bev), fd));
}

extern "C" int bufferevent_replacefd(bufferevent *bev, evutil_socket_t fd) {
  const BuffereventUse use(of(bev));
  const evutil_socket_t old = bev->be_ops->get_fd(of(bev));
  // The events of the old one are deleted before it is closed.
  if (!bev->be_ops->set_fd(of(bev), evi::kNoSocket)) return -1;
  if (old >= 0 && old != fd && of(bev).has_option(BEV_OPT_CLOSE_ON_FREE)) evi::close_socket(old);
  return fd < 0 ? 0 : status(bev->be_ops->set_fd(of(bev), fd));
}

extern "C" evutil_socket_t bufferevent_getfd(bufferevent *bev) {
  const BuffereventUse use(of(bev));
  return bev->be_ops->get_fd(of(bev));
}

extern "C" bufferevent *bufferevent_get_underlying(bufferevent *bev) {
  const BuffereventUse use(of(bev));
  return bev->be_ops->get_underlying(of(bev));
}

// --- callbacks, directions, watermarks, timeouts ---

extern "C" void bufferevent_setcb(bufferevent *bev, bufferevent_data_cb readcb, bufferevent_data_cb writecb,
                                  bufferevent_event_cb eventcb, void *arg) {
  const BuffereventUse use(of(bev));
  of(bev).set_callbacks(readcb, writecb, eventcb, arg);
}

extern "C" void bufferevent_getcb(bufferevent *bev, bufferevent_data_cb *readcb_out,
                                  bufferevent_data_cb *writecb_out, bufferevent_event_cb *eventcb_out,
                                  void **arg_out) {
  const BuffereventUse use(of(bev));
  store(readcb_out, bev->readcb);
  store(writecb_out, bev->writecb);
  store(eventcb_out, bev->errorcb);
  store(arg_out, bev->cbarg);
}

extern "C" int bufferevent_enable(bufferevent *bev, short directions) {
  const BuffereventUse use(of(bev));
  return status(of(bev).enable(directions));
}

extern "C" int bufferevent_disable(bufferevent *bev, short directions) {
  const BuffereventUse use(of(bev));
  of(bev).disable(directions);
  return 0;
}

extern "C" short bufferevent_get_enabled(bufferevent *bev) {
  const BuffereventUse use(of(bev));
  return bev->enabled;
}

extern "C" void bufferevent_setwatermark(bufferevent *bev, short directions, size_t low, size_t high) {
  const BuffereventUse use(of(bev));
  of(bev).set_watermarks(directions, low, high);
}

extern "C" int bufferevent_getwatermark(bufferevent *bev, short direction, size_t *low, size_t *high) {
  if (direction != EV_READ && direction != EV_WRITE) return -1;
  const BuffereventUse use(of(bev));
  const event_watermark &marks = direction == EV_READ ? bev->wm_read : bev->wm_write;
  store(low, marks.low);
  store(high, marks.high);
  return 0;
}

extern "C" int bufferevent_set_timeouts(bufferevent *bev, const timeval *timeout_read,
                                        const timeval *timeout_write) {
  const BuffereventUse use(of(bev));
  of(bev).set_timeouts(timeout_read, timeout_write);
  return 0;
}

// --- data ---

extern "C" evbuffer *bufferevent_get_input(bufferevent *bev) { return bev->input; }

extern "C" evbuffer *bufferevent_get_output(bufferevent *bev) { return bev->output; }

extern "C" int bufferevent_write(bufferevent *bev, const void *data, size_t size) {
  return status(write_with(of(bev), [=](evbuffer &to) { return to.add(data, size); }));
}

extern "C" int bufferevent_write_buffer(bufferevent *bev, evbuffer *buf) {
  return status(write_with(of(bev), [=](evbuffer &to) { return move_all(*buf, to); }));
}

extern "C" size_t bufferevent_read(bufferevent *bev, void *data, size_t size) {
  const BuffereventUse use(of(bev));
  const ev_ssize_t got = of(bev).input_buffer().remove(data, size);
  return got > 0 ? static_cast<size_t>(got) : 0;
}

extern "C" int bufferevent_read_buffer(bufferevent *bev, evbuffer *buf) {
  const BuffereventUse use(of(bev));
  evbuffer &input = of(bev).input_buffer();
  BuffereventBase *other = BuffereventBase::with_output(*buf);
  if (!other) return status(move_all(input, *buf));
  return status(write_with(*other, [&](evbuffer &to) { return move_all(input, to); }));
}

extern "C" int bufferevent_flush(bufferevent *bev, short directions, bufferevent_flush_mode mode) {
  const BuffereventUse use(of(bev));
  return bev->be_ops->flush(of(bev), directions, mode);
}

extern "C" void bufferevent_trigger(bufferevent *bev, short directions, int options) {
  const BuffereventUse use(of(bev));
  of(bev).trigger_data(directions, options);
}

extern "C" void bufferevent_trigger_event(bufferevent *bev, short what, int options) {
  const BuffereventUse use(of(bev));
  of(bev).trigger_event(what, options);
}

// --- filters ---

extern "C" bufferevent *bufferevent_filter_new(bufferevent *underlying, bufferevent_filter_cb input_filter,
                                               bufferevent_filter_cb output_filter, int options,
                                               void (*free_arg)(void *), void *arg) {
  const BuffereventUse use(of(underlying));
  if (of(underlying).freed()) return nullptr;
  return evi::Filter::create(of(underlying), {input_filter, output_filter, free_arg, arg}, options);
}

// --- pairs ---

extern "C" int bufferevent_pair_new(event_base *base, int options, bufferevent *pair[2]) {
  if (!base) base = evi::global_base();
  evi::Pair *made = base ? evi::Pair::create(*base, options) : nullptr;
  if (!made) return -1;
  pair[0] = &made->first();
  pair[1] = &made->second();
  return 0;
}

extern "C" bufferevent *bufferevent_pair_get_partner(bufferevent *bev) {
  const BuffereventUse use(of(bev));
  const evi::PairEnd *end = evi::PairEnd::from(*bev);
  return end ? end->partner() : nullptr;
}

// --- limits on size ---

namespace {

// What the setters take for "the default".
std::size_t valid_maximum(size_t bytes) { return bytes > static_cast<size_t>(EV_SSIZE_MAX) ? 0 : bytes; }

int set_maximum(bufferevent *bev, std::size_t BuffereventExtra::*which, size_t bytes) {
  const BuffereventUse use(of(bev));
  BuffereventExtra *extra = of(bev).make_extra();
  if (!extra) return -1;
  extra->*which = valid_maximum(bytes);
  return 0;
}

}  // namespace

extern "C" int bufferevent_set_max_single_read(bufferevent *bev, size_t bytes) {
  return set_maximum(bev, &BuffereventExtra::max_single_read, bytes);
}

extern "C" int bufferevent_set_max_single_write(bufferevent *bev, size_t bytes) {
  return set_maximum(bev, &BuffereventExtra::max_single_write, bytes);
}

extern "C" ev_ssize_t bufferevent_get_max_single_read(bufferevent *bev) {
  const BuffereventUse use(of(bev));
  return static_cast<ev_ssize_t>(of(bev).max_single_read());
}

extern "C" ev_ssize_t bufferevent_get_max_single_write(bufferevent *bev) {
  const BuffereventUse use(of(bev));
  return static_cast<ev_ssize_t>(of(bev).max_single_write());
}
