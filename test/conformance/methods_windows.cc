// The methods of Windows.
#include "conformance/methods.h"

namespace evi {

extern const Backend win32_backend;
extern const Backend wepoll_backend;

}  // namespace evi

namespace conformance {

const std::vector<Method> &methods() {
  static const std::vector<Method> all = {
      {"win32", 0, &evi::win32_backend, 0, false},
      {"wepoll", 0, &evi::wepoll_backend, EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE, false},
  };
  return all;
}

const evi::Backend *const *all_backends() { return evi::available_backends(); }

const char *const kWhereTheyRun = "Only sockets are watched; a signal is one of the run-time library's.";

}  // namespace conformance
