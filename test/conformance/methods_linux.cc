// The methods of Linux, and those of other systems on models of their kernels.
#include "conformance/methods.h"

namespace evi {

extern const Backend epoll_backend;
extern const Backend poll_backend;
extern const Backend select_backend;
extern const Backend kqueue_backend;
extern const Backend evport_backend;
extern const Backend devpoll_backend;

}  // namespace evi

namespace conformance {

const std::vector<Method> &methods() {
  constexpr int kEdges = EV_FEATURE_ET, kFast = EV_FEATURE_O1, kFiles = EV_FEATURE_FDS,
                kClosed = EV_FEATURE_EARLY_CLOSE;
  static const std::vector<Method> all = {
      {"epoll", 0, &evi::epoll_backend, kEdges | kFast | kClosed, false},
      {"epoll", EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST, &evi::epoll_backend, kEdges | kFast | kClosed, false},
      {"epoll", EVENT_BASE_FLAG_PRECISE_TIMER, &evi::epoll_backend, kEdges | kFast | kClosed, true},
      {"poll", 0, &evi::poll_backend, kFiles | kClosed, false},
      {"poll", EVENT_BASE_FLAG_PRECISE_TIMER, &evi::poll_backend, kFiles | kClosed, true},
      {"select", 0, &evi::select_backend, kFiles, true},
      {"kqueue", 0, &evi::kqueue_backend, kEdges | kFast | kFiles | kClosed, true},
      {"evport", 0, &evi::evport_backend, kFast | kFiles | kClosed, true},
      {"devpoll", 0, &evi::devpoll_backend, kFast | kFiles | kClosed, false},
  };
  return all;
}

const evi::Backend *const *all_backends() {
  static const evi::Backend *const all[] = {&evi::evport_backend,
                                            &evi::kqueue_backend,
                                            &evi::epoll_backend,
                                            &evi::devpoll_backend,
                                            &evi::poll_backend,
                                            &evi::select_backend,
                                            nullptr};
  return all;
}

const char *const kWhereTheyRun =
    "+cl: with changelist. +pt: with precise timers. kqueue, evport and devpoll run on models of their "
    "kernels.";

}  // namespace conformance
