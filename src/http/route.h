// Which callback a path has, and which names belong to a virtual host.
#ifndef EVI_HTTP_ROUTE_H
#define EVI_HTTP_ROUTE_H

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "event2/http.h"
#include "util/intrusive_list.h"

namespace evi {

using RequestCallback = void (*)(evhttp_request *, void *);

// A server's callbacks, by whole paths, and the one for all others.
class Routes {
 public:
  struct Target {
    RequestCallback cb = nullptr;
    void *arg = nullptr;
  };

  enum class Result : std::uint8_t { added, exists, no_memory };

  Routes() noexcept = default;
  Routes(const Routes &) = delete;
  Routes &operator=(const Routes &) = delete;
  ~Routes() noexcept;

  Result add(const char *path, RequestCallback cb, void *arg) noexcept;
  bool remove(const char *path) noexcept;
  void set_general(RequestCallback cb, void *arg) noexcept { general_ = {cb, arg}; }
  // The target of a path of a URI, with its %XX decoded; without callback if none is set.
  Target find(std::string_view path) const noexcept;

 private:
  struct Route;
  struct RouteHook {
    static auto &of(Route &route) noexcept;
  };
  Route *entry(std::string_view decoded) const noexcept;

  TailList<Route, RouteHook> routes_;
  Target general_;
};

// A list of names, compared in any case.
class HostNames {
 public:
  HostNames() noexcept = default;
  HostNames(const HostNames &) = delete;
  HostNames &operator=(const HostNames &) = delete;
  ~HostNames() noexcept;

  bool add(const char *name) noexcept;
  bool remove(const char *name) noexcept;
  bool has(std::string_view name) const noexcept { return entry(name) != nullptr; }

 private:
  struct Name;
  struct NameHook {
    static auto &of(Name &name) noexcept;
  };
  Name *entry(std::string_view name) const noexcept;

  TailList<Name, NameHook> names_;
};

// Whether a pattern, in which '*' stands for any text, matches the whole name, in any case. Time: the product
// of the lengths at worst.
bool host_matches(std::string_view pattern, std::string_view name) noexcept;

}  // namespace evi

#endif
