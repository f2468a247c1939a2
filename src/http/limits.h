// What a peer may make the server hold or do, each with its name.
#ifndef EVI_HTTP_LIMITS_H
#define EVI_HTTP_LIMITS_H

#include <cstddef>
#include <cstdint>

namespace evi {

// Of the request line and all fields together, unless evhttp_set_max_headers_size() says otherwise. A chunked
// body's trailers have the same limit.
inline constexpr std::size_t kDefaultMaxHeadBytes = std::size_t{1} << 20;
// Of fields, as every search for one looks at all; trailers count by themselves.
inline constexpr unsigned kMaxHeaderCount = 1000;
// Empty lines in front of a request line, RFC 9112 2.2.
inline constexpr unsigned kMaxLeadingEmptyLines = 1;
// Of the line in front of a chunk, its extensions included.
inline constexpr std::size_t kMaxChunkLine = 4096;
// Hexadecimal digits of a chunk's size, leading zeros included.
inline constexpr std::size_t kMaxChunkDigits = 16;
// What chunks may cost beyond their data: each is allowed kFreeChunkOverhead and as much again as its data,
// and a body so much more.
inline constexpr std::size_t kFreeChunkOverhead = 16;
inline constexpr std::size_t kMaxChunkOverhead = 16384;
// What is read and discarded of a body that is too large and does not tell its length.
inline constexpr std::uint64_t kMaxLingerBytes = std::uint64_t{1} << 26;
// The longest method that a program's own function is asked about.
inline constexpr std::size_t kMaxExtMethod = 32;
// Unsent replies beyond which no further pipelined request is looked at.
inline constexpr std::size_t kMaxQueuedReplies = 65536;
// Input that waits while a request is worked on, beyond which nothing is read until its reply. What one read
// brings is not cut.
inline constexpr std::size_t kMaxWaitingInput = 16384;

}  // namespace evi

#endif
