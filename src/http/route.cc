// Looking up paths and host names.
#include "http/route.h"

#include <cstring>
#include <new>

#include "http/uri_escape.h"
#include "util/alloc.h"
#include "util/assert.h"
#include "util/text.h"

namespace evi {

// The text of an entry follows it.
struct Routes::Route {
  ListHook<Route> hook;
  Target target;
  std::size_t size;
  char *text() noexcept { return reinterpret_cast<char *>(this + 1); }
  std::string_view path() noexcept { return {text(), size}; }
};
auto &Routes::RouteHook::of(Route &route) noexcept { return route.hook; }

struct HostNames::Name {
  ListHook<Name> hook;
  std::size_t size;
  char *text() noexcept { return reinterpret_cast<char *>(this + 1); }
  std::string_view name() noexcept { return {text(), size}; }
};
auto &HostNames::NameHook::of(Name &name) noexcept { return name.hook; }

namespace {

template <typename Entry>
Entry *make_entry(std::string_view text) noexcept {
  void *memory = mm_malloc(sizeof(Entry) + text.size());
  if (!memory) return nullptr;
  auto *entry = ::new (memory) Entry{};
  entry->size = text.size();
  if (!text.empty()) std::memcpy(entry->text(), text.data(), text.size());
  return entry;
}

}  // namespace

Routes::~Routes() noexcept {
  while (Route *route = routes_.pop_front()) mm_free(route);
}

Routes::Route *Routes::entry(std::string_view decoded) const noexcept {
  Route *route = routes_.front();
  while (route && route->path() != decoded) route = routes_.next(*route);
  return route;
}

Routes::Result Routes::add(const char *path, RequestCallback cb, void *arg) noexcept {
  if (entry(path)) return Result::exists;
  auto *route = make_entry<Route>(path);
  if (!route) return Result::no_memory;
  route->target = {cb, arg};
  routes_.push_back(*route);
  return Result::added;
}

bool Routes::remove(const char *path) noexcept {
  Route *route = entry(path);
  if (!route) return false;
  routes_.remove(*route);
  mm_free(route);
  return true;
}

Routes::Target Routes::find(std::string_view path) const noexcept {
  const Route *found = nullptr;
  if (path.find('%') == std::string_view::npos) {
    found = entry(path);
  } else if (!routes_.empty()) {
    std::size_t size;
    const OwnedMemory<char> decoded{uri_decode(path, Plus::literal, size)};
    if (decoded) found = entry({decoded.get(), size});
  }
  return found ? found->target : general_;
}

HostNames::~HostNames() noexcept {
  while (Name *name = names_.pop_front()) mm_free(name);
}

HostNames::Name *HostNames::entry(std::string_view wanted) const noexcept {
  Name *name = names_.front();
  while (name && !equal_ignoring_case(name->name(), wanted)) name = names_.next(*name);
  return name;
}

bool HostNames::add(const char *text) noexcept {
  auto *name = make_entry<Name>(text);
  if (name) names_.push_back(*name);
  return name != nullptr;
}

bool HostNames::remove(const char *text) noexcept {
  Name *name = entry(text);
  if (!name) return false;
  names_.remove(*name);
  mm_free(name);
  return true;
}

// Backtracks to the last '*' only; earlier ones stay as matched.
bool host_matches(std::string_view pattern, std::string_view name) noexcept {
  std::size_t p = 0, n = 0, star = std::string_view::npos, taken = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = n;
    } else if (p < pattern.size() && to_lower(pattern[p]) == to_lower(name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  EVI_ASSERT(n == name.size());
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace evi
