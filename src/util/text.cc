// Comparing and copying ASCII text.
#include "util/text.h"

#include <cstring>

namespace evi {
namespace {

int order(char a, char b) noexcept {
  return static_cast<unsigned char>(to_lower(a)) - static_cast<unsigned char>(to_lower(b));
}

}  // namespace

int compare_ignoring_case(const char *a, const char *b) noexcept {
  for (;; ++a, ++b) {
    if (const int difference = order(*a, *b)) return difference;
    if (*a == '\0') return 0;
  }
}

int compare_ignoring_case(const char *a, const char *b, std::size_t max) noexcept {
  for (; max > 0; --max, ++a, ++b) {
    if (const int difference = order(*a, *b)) return difference;
    if (*a == '\0') return 0;
  }
  return 0;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

bool copy_text(char *out, std::size_t room, std::string_view text) noexcept {
  if (text.size() >= room) return false;
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  out[text.size()] = '\0';
  return true;
}

}  // namespace evi
