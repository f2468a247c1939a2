// struct evconnlistener: accepts connections from a listening socket and hands them to a callback.
//
// A listener has a lock only with LEV_OPT_THREADSAFE; the lock order is listener, then base. The user's
// callbacks run with it open and may free the listener: the code that invokes one holds a reference.
//
// The base holds one descriptor in reserve for all its listeners (reserve.h). When there are none left, the
// reserve makes room for one connection more, and then the listener rests until it can be had back. Recovery
// is probed by opening the reserve, not by an accept() that is expected to fail; the error callback is not
// invoked for the probe.
//
// On a base with a completion port an acceptor (overlapped.h) gets the connections, and makes readable_,
// which has no descriptor then, active when there are some; everything else is the same.
#ifndef EVI_CORE_LISTENER_H
#define EVI_CORE_LISTENER_H

#include "core/event_base.h"
#include "event2/listener.h"
#include "thread/lock.h"
#include "util/socket.h"

// The opaque struct of event2/listener.h.
struct evconnlistener final {
  // Null if out of memory, or if listen() fails; the caller then keeps the descriptor. `method` may be null,
  // as accept_method() has it.
  static evconnlistener *create(event_base &base, evconnlistener_cb cb, void *arg, unsigned flags,
                                int backlog, evi::Socket fd, const evi::AcceptMethod *method) noexcept;
  // Makes and binds the socket too; whatever fails, nothing stays open.
  static evconnlistener *create_bound(event_base &base, evconnlistener_cb cb, void *arg, unsigned flags,
                                      int backlog, const sockaddr *address, int length) noexcept;

  evconnlistener(event_base &base, evconnlistener_cb cb, void *arg, unsigned flags, evi::Socket fd) noexcept;
  evconnlistener(const evconnlistener &) = delete;
  evconnlistener &operator=(const evconnlistener &) = delete;

  // Ends the user's handle. Waits for a callback that runs in another thread, but not in its own.
  void dispose() noexcept;
  int enable() noexcept;
  // Once it returned, no connection is accepted any more; it waits for no callback.
  int disable() noexcept;
  void set_callback(evconnlistener_cb cb, void *arg) noexcept;
  void set_error_callback(evconnlistener_errorcb cb) noexcept;

  event_base &base() const noexcept { return base_; }
  evi::Socket fd() const noexcept { return fd_; }

  ~evconnlistener();

 private:
  static void on_readable(evutil_socket_t fd, short what, void *listener) noexcept;
  static void on_resume(evutil_socket_t fd, short what, void *listener) noexcept;

  void accept_some() noexcept EVI_EXCLUDES(lock_);
  int accept_round() noexcept EVI_REQUIRES(lock_);
  // False when no more is to be accepted in this round.
  bool accept_one() noexcept EVI_REQUIRES(lock_);
  void use_acceptor(const evi::AcceptMethod *method) noexcept;
  void continue_accepting() noexcept EVI_REQUIRES(lock_);
  evi::Socket accept_connection(sockaddr *peer, ev_socklen_t *length) noexcept EVI_REQUIRES(lock_);
  evi::Socket take_accepted(sockaddr *peer, ev_socklen_t *length) noexcept EVI_REQUIRES(lock_);
  void accept_failed(int error) noexcept EVI_REQUIRES(lock_);
  void rest() noexcept EVI_REQUIRES(lock_);
  bool take_reserve() noexcept EVI_REQUIRES(lock_);
  bool give_reserve() noexcept EVI_REQUIRES(lock_);
  int start() noexcept EVI_REQUIRES(lock_);
  void stop() noexcept EVI_REQUIRES(lock_);
  void drop_reference() noexcept EVI_EXCLUDES(lock_);

  event_base &base_;
  const evi::Socket fd_;
  unsigned flags_;
  evi::Lock lock_;
  int references_ EVI_GUARDED_BY(lock_) = 1;
  bool enabled_ EVI_GUARDED_BY(lock_) = false;
  bool backing_off_ EVI_GUARDED_BY(lock_) = false;
  // The base's reserve was taken since this listener gave it last; another one may have given it.
  bool has_reserve_ EVI_GUARDED_BY(lock_) = false;
  bool drained_ EVI_GUARDED_BY(lock_) = false;  // the last round ended because no connection was left
  int expected_ EVI_GUARDED_BY(lock_) = 1;      // how many to accept in the next round at most
  evconnlistener_cb callback_ EVI_GUARDED_BY(lock_);
  evconnlistener_errorcb error_callback_ EVI_GUARDED_BY(lock_) = nullptr;
  void *arg_ EVI_GUARDED_BY(lock_);
  const evi::AcceptMethod *method_ = nullptr;
  evi::Acceptor *acceptor_ = nullptr;  // null: by readiness
  event readable_ = {};
  event resume_ = {};
};

#endif
