// What connections of both roles do with their bufferevent.
#include "http/connection.h"

#include "bufferevent/read_whole.h"
#include "http/connection_pin.h"

void evhttp_connection::set_peer(const sockaddr &address, std::size_t size) noexcept {
  peer_address_ = &address;
  if (address.sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
    const auto &in = reinterpret_cast<const sockaddr_in &>(address);
    evutil_inet_ntop(AF_INET, &in.sin_addr, peer_host_, sizeof(peer_host_));
    peer_port_ = ntohs(in.sin_port);
  } else if (address.sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    const auto &in6 = reinterpret_cast<const sockaddr_in6 &>(address);
    evutil_inet_ntop(AF_INET6, &in6.sin6_addr, peer_host_, sizeof(peer_host_));
    peer_port_ = ntohs(in6.sin6_port);
  }
}

void evhttp_connection::set_callbacks() noexcept {
  EVI_ASSERT(life_ != Life::closed);
  bufferevent_setcb(bev_, role_.on_read, role_.on_written, role_.on_event, this);
  evi_private_read_whole(bev_);
}

bool evhttp_connection::taken_over() const noexcept {
  EVI_ASSERT(life_ != Life::closed);
  return bev_->readcb != role_.on_read || bev_->writecb != role_.on_written ||
         bev_->errorcb != role_.on_event || bev_->cbarg != this;
}

bool evhttp_connection::set_timeouts() noexcept {
  const bool timed = reading_ != Reading::unsolicited || taken_over();
  const timeval *reading = timed ? &settings_.read_timeout : nullptr;
  return bufferevent_set_timeouts(bev_, reading, &settings_.write_timeout) == 0;
}

// Enabling again reports a timeout that could not be added. The application is using the connection, so that
// the error is deferred.
void evhttp_connection::apply_timeouts() noexcept {
  if (is_dead()) return;
  const bool enabled = !taken_over() && !reading_is_disabled();
  if (set_timeouts() && (!enabled || bufferevent_enable(bev_, EV_READ) == 0)) return;
  bufferevent_trigger_event(bev_, BEV_EVENT_ERROR | BEV_EVENT_READING, BEV_TRIG_DEFER_CALLBACKS);
}

bool evhttp_connection::change_reading(Reading wanted) noexcept {
  EVI_ASSERT(!is_dead());
  EVI_ASSERT(!taken_over());
  reading_ = wanted;
  if (!reads()) return bufferevent_disable(bev_, EV_READ) == 0;
  return set_timeouts() && bufferevent_enable(bev_, EV_READ) == 0;
}

void evhttp_connection::free_bufferevent() noexcept {
  EVI_ASSERT(life_ == Life::closed);
  EVI_ASSERT(pins_ > 0);
  bufferevent_free(bev_);
  bev_ = nullptr;
}
