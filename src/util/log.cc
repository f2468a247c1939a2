// The log and fatal callbacks, and the formatting in front of them.
#include "util/log.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "event2/event.h"
#include "util/assert.h"

namespace evi {
namespace {

std::atomic<LogCallback> log_callback{nullptr};
std::atomic<FatalCallback> fatal_callback{nullptr};
std::atomic<std::uint32_t> debug_mask{EVENT_DBG_NONE};

const char *severity_name(int severity) {
  switch (severity) {
    case EVENT_LOG_DEBUG:
      return "debug";
    case EVENT_LOG_MSG:
      return "msg";
    case EVENT_LOG_WARN:
      return "warn";
    case EVENT_LOG_ERR:
      return "err";
    default:
      return "???";
  }
}

void deliver(int severity, const char *message) {
  if (const LogCallback cb = log_callback.load(std::memory_order_acquire)) {
    cb(severity, message);
    return;
  }
  std::fprintf(stderr, "[%s] %s\n", severity_name(severity), message);
}

void vlog(int severity, const char *suffix, const char *fmt, va_list ap) {
  char buffer[kMaxLogMessage];
  const int written = std::vsnprintf(buffer, sizeof(buffer), fmt, ap);
  if (written < 0) {
    buffer[0] = '\0';
  }
  const std::size_t used = std::strlen(buffer);
  if (suffix && used + 3 < sizeof(buffer)) {
    std::snprintf(buffer + used, sizeof(buffer) - used, ": %s", suffix);
  }
  deliver(severity, buffer);
}

}  // namespace

void set_log_callback(LogCallback cb) noexcept { log_callback.store(cb, std::memory_order_release); }
void set_fatal_callback(FatalCallback cb) noexcept { fatal_callback.store(cb, std::memory_order_release); }
void set_debug_log_mask(std::uint32_t which) noexcept { debug_mask.store(which, std::memory_order_relaxed); }
bool debug_log_enabled() noexcept { return debug_mask.load(std::memory_order_relaxed) != 0; }

void log_warn(const char *fmt, ...) noexcept {
  const char *why = std::strerror(errno);
  va_list ap;
  va_start(ap, fmt);
  vlog(EVENT_LOG_WARN, why, fmt, ap);
  va_end(ap);
}

void log_warn_socket(int socket_error, const char *fmt, ...) noexcept {
  const char *why = evutil_socket_error_to_string(socket_error);
  va_list ap;
  va_start(ap, fmt);
  vlog(EVENT_LOG_WARN, why, fmt, ap);
  va_end(ap);
}

void log_warnx(const char *fmt, ...) noexcept {
  va_list ap;
  va_start(ap, fmt);
  vlog(EVENT_LOG_WARN, nullptr, fmt, ap);
  va_end(ap);
}

void log_msg(const char *fmt, ...) noexcept {
  va_list ap;
  va_start(ap, fmt);
  vlog(EVENT_LOG_MSG, nullptr, fmt, ap);
  va_end(ap);
}

void log_debug_always(const char *fmt, ...) noexcept {
  va_list ap;
  va_start(ap, fmt);
  vlog(EVENT_LOG_DEBUG, nullptr, fmt, ap);
  va_end(ap);
}

void fatal(int err, const char *fmt, ...) noexcept {
  va_list ap;
  va_start(ap, fmt);
  vlog(EVENT_LOG_ERR, nullptr, fmt, ap);
  va_end(ap);
  if (const FatalCallback cb = fatal_callback.load(std::memory_order_acquire)) {
    cb(err);
  }
  std::abort();
}

}  // namespace evi

extern "C" void evi_private_assertion_failed(const char *condition, const char *file, int line) noexcept {
  constexpr int kFatalCode = static_cast<int>(0xdeaddead);
  evi::fatal(kFatalCode, "%s:%d: assertion %s failed", file, line, condition);
}
