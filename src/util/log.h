// Log messages of the library: formatted into a bounded buffer and passed to the user's callback or written
// to stderr.
#ifndef EVI_UTIL_LOG_H
#define EVI_UTIL_LOG_H

#include <cstdarg>
#include <cstdint>

#include "util/platform.h"

namespace evi {

using LogCallback = void (*)(int severity, const char *message);
using FatalCallback = void (*)(int err);

// The longest message that is delivered, with its NUL; longer ones are cut.
inline constexpr std::size_t kMaxLogMessage = 1024;

void set_log_callback(LogCallback cb) noexcept;
void set_fatal_callback(FatalCallback cb) noexcept;
void set_debug_log_mask(std::uint32_t which) noexcept;
bool debug_log_enabled() noexcept;

// warn appends ": " and the text of the current errno; the others do not.
void log_warn(const char *fmt, ...) noexcept EVI_PRINTF(1, 2);
void log_warnx(const char *fmt, ...) noexcept EVI_PRINTF(1, 2);
void log_msg(const char *fmt, ...) noexcept EVI_PRINTF(1, 2);
void log_debug_always(const char *fmt, ...) noexcept EVI_PRINTF(1, 2);

// For a socket error that was saved earlier.
void log_warn_socket(int socket_error, const char *fmt, ...) noexcept EVI_PRINTF(2, 3);

// For misuse after which the process cannot continue (debug mode, lock debugging, assertions): logs at
// EVENT_LOG_ERR, invokes the fatal callback, and aborts if there is none or it returns. Never used for input
// or for lack of memory.
[[noreturn]] void fatal(int err, const char *fmt, ...) noexcept EVI_PRINTF(2, 3);

// Arguments are evaluated only while debug logging is on.
#define EVI_DEBUG(...) \
  (EVI_UNLIKELY(::evi::debug_log_enabled()) ? ::evi::log_debug_always(__VA_ARGS__) : static_cast<void>(0))

}  // namespace evi

#endif
