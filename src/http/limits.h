// The bounds of what a peer can make the library store or do.
#ifndef EVI_HTTP_LIMITS_H
#define EVI_HTTP_LIMITS_H

#include <cstddef>
#include <cstdint>

namespace evi {

// Start line and all fields together, unless evhttp_set_max_headers_size() sets another limit. The trailers
// of a chunked body have the same limit.
inline constexpr std::size_t kDefaultMaxHeadBytes = std::size_t{1} << 20;
// Fields of a head, since a search visits all of them; trailers count by themselves.
inline constexpr unsigned kMaxHeaderCount = 1000;
// Empty lines before a start line, RFC 9112 2.2.
inline constexpr unsigned kMaxLeadingEmptyLines = 1;
// Bytes of the line before a chunk, extensions and line end included.
inline constexpr std::size_t kMaxChunkLine = 4096;
// Hexadecimal digits of a chunk's size, leading zeros included.
inline constexpr std::size_t kMaxChunkDigits = 16;
// Overhead of chunks, in bytes. Each may have kFreeChunkOverhead and as many as its data; the sum of what
// exceeds that is bounded for a body.
inline constexpr std::size_t kFreeChunkOverhead = 16;
inline constexpr std::size_t kMaxChunkOverhead = 16384;
// Bytes that are read and discarded of a body that is too large and has no length.
inline constexpr std::uint64_t kMaxLingerBytes = std::uint64_t{1} << 26;
// The longest method that is passed to the application's function for extended methods.
inline constexpr std::size_t kMaxExtMethod = 32;
// Bytes of unsent replies beyond which no further pipelined request is parsed.
inline constexpr std::size_t kMaxQueuedReplies = 65536;
// Bytes of input that are buffered while the application handles a request; at more, reading stops until the
// reply. The last read may exceed it.
inline constexpr std::size_t kMaxWaitingInput = 16384;

}  // namespace evi

#endif
