// The names of this system's methods.
#ifndef EVENTIDE_TEST_SUPPORT_METHODS_H
#define EVENTIDE_TEST_SUPPORT_METHODS_H

#include <vector>

#include "core/backend.h"

namespace test {

inline std::vector<const char *> method_names() {
  std::vector<const char *> names;
  for (const char **at = evi::backend_names(); *at; ++at) names.push_back(*at);
  return names;
}

}  // namespace test

#endif
