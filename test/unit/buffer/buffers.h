// Building blocks for tests of buffers: contents as strings, buffers of given extents, logging callbacks.
#ifndef EVENTIDE_TEST_UNIT_BUFFER_BUFFERS_H
#define EVENTIDE_TEST_UNIT_BUFFER_BUFFERS_H

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "buffer/evbuffer.h"
#include "util/socket.h"

namespace test {

// The error of a call on fd -1.
#ifdef _WIN32
inline constexpr int kNoSocketThere = WSAENOTSOCK;
#else
inline constexpr int kNoSocketThere = EBADF;
#endif

// The capacity of the first chain of a buffer: 976 bytes with 64-bit pointers.
inline constexpr std::size_t kFirstRoom = 1024 - sizeof(evi::Chain);

// Leaves a chain whose bytes are in a file alone as it is: it is a view of it that reads them.
inline std::string text(const evi::Chain &chain) {
  if (!chain.unread) return std::string(reinterpret_cast<const char *>(chain.head), chain.length());
  evi::Chain *view = evi::chain_new_file_view(chain, chain.length());
  EXPECT_TRUE(view && evi::chain_read_in(*view));
  const std::string bytes(reinterpret_cast<const char *>(view->head), view->length());
  evi::chain_release(view);
  return bytes;
}

inline std::vector<std::string> extents(const evbuffer &buffer) {
  std::vector<std::string> all;
  for (const evi::Chain *c = buffer.first_chain(); c; c = c->next) all.push_back(text(*c));
  return all;
}

inline std::string text(const evbuffer &buffer) {
  std::string all;
  for (const evi::Chain *c = buffer.first_chain(); c; c = c->next) all += text(*c);
  return all;
}

inline bool add(evbuffer &buffer, std::string_view bytes) { return buffer.add(bytes.data(), bytes.size()); }

// Appends each piece as a memory chain of its own.
inline void add_extents(evbuffer &buffer, const std::vector<std::string_view> &pieces) {
  for (const std::string_view piece : pieces) {
    evbuffer one;
    ASSERT_TRUE(add(one, piece));
    ASSERT_TRUE(buffer.append_all(one));
  }
}

// Bytes that differ from their neighbours and from those a chunk further on.
inline std::string pattern(std::size_t size, unsigned seed = 0) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('!' + (i * 7 + i / 89 + seed) % 90);
  return bytes;
}

// Checks at its end that the buffer is sound.
struct Buffer : evbuffer {
  Buffer() = default;
  explicit Buffer(std::string_view bytes) { EXPECT_TRUE(test::add(*this, bytes)); }
  // An extent for each.
  Buffer(std::initializer_list<std::string_view> pieces) { add_extents(*this, pieces); }
  ~Buffer() { EXPECT_TRUE(check_invariants()); }
};

// The changes reported to a callback, as "orig+added-deleted" and a space each.
struct ChangeLog {
  std::string text;

  static void append(evbuffer *, const evbuffer_cb_info *info, void *log) {
    static_cast<ChangeLog *>(log)->text += std::to_string(info->orig_size) + "+" +
                                           std::to_string(info->n_added) + "-" +
                                           std::to_string(info->n_deleted) + " ";
  }
  void watch(evbuffer &buffer) { ASSERT_NE(buffer.add_callback(append, this), nullptr); }
  std::string take() {
    std::string taken;
    taken.swap(text);
    return taken;
  }
};

// Records the arguments and the number of calls of a cleanup function.
struct Cleanup {
  int calls = 0;
  const void *data = nullptr;
  std::size_t size = 0;

  static void run(const void *data, std::size_t size, void *self) {
    Cleanup &cleanup = *static_cast<Cleanup *>(self);
    ++cleanup.calls;
    cleanup.data = data;
    cleanup.size = size;
  }
};

}  // namespace test

#endif
