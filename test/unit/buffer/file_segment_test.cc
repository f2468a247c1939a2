#include "buffer/file_segment.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <thread>

#include "buffers.h"
#include "support/events.h"
#include "support/fault_alloc.h"
#include "support/files.h"

namespace {

using test::Buffer;
using test::extents;
using test::File;
using test::is_open;
using test::pattern;
using test::text;
using Pieces = std::vector<std::string>;

// Below, files are read into memory; beyond, they are mapped.
constexpr std::size_t kLarge = 200000;

struct Release {
  void operator()(evbuffer_file_segment *segment) const { segment->release(); }
};
using Segment = std::unique_ptr<evbuffer_file_segment, Release>;

Segment make_segment(int fd, ev_off_t offset = 0, ev_off_t length = -1,
                     unsigned flags = EVBUF_FS_CLOSE_ON_FREE) {
  return Segment{evbuffer_file_segment::create(fd, offset, length, flags)};
}

struct Draining : Buffer {
  Draining() { set_flags(EVBUFFER_FLAG_DRAINS_TO_FD); }
};

bool first_is_unread(const evbuffer &buffer) { return buffer.first_chain() && buffer.first_chain()->unread; }

std::string receive(int fd) {
  std::string all;
  char part[65536];
  for (ssize_t got; (got = read(fd, part, sizeof part)) > 0;) all.append(part, static_cast<std::size_t>(got));
  return all;
}

// --- adding ---

TEST(AddFile, appends_exactly_the_requested_range) {
  for (const std::size_t size : {std::size_t{20000}, kLarge}) {
    const std::string contents = pattern(size);
    const File file(contents);
    const ev_off_t end = static_cast<ev_off_t>(size);
    const struct {
      ev_off_t offset, length;
    } cases[] = {{0, -1},      {0, 1},       {0, end},   {1, 5000},     {4095, 2},
                 {4096, 4096}, {5000, 9000}, {8191, -1}, {end - 1, 1},  {end, -1},
                 {end, 0},     {0, 0},       {100, -1},  {0, end - 17}, {4097, end - 4097}};
    for (const auto &c : cases) {
      SCOPED_TRACE(testing::Message() << size << " from " << c.offset << " length " << c.length);
      const std::string want =
          contents.substr(static_cast<std::size_t>(c.offset),
                          c.length < 0 ? std::string::npos : static_cast<std::size_t>(c.length));
      Buffer plain("before ");
      Draining draining;
      for (evbuffer *buffer : {static_cast<evbuffer *>(&plain), static_cast<evbuffer *>(&draining)}) {
        const int fd = file.open();
        ASSERT_TRUE(buffer->add_file(fd, c.offset, c.length));
        EXPECT_EQ(is_open(fd), !want.empty());
        EXPECT_EQ(lseek(fd, 0, SEEK_CUR), want.empty() ? -1 : 0);
      }
      EXPECT_FALSE(first_is_unread(plain));
      EXPECT_EQ(first_is_unread(draining), evi::kCanSendFiles && !want.empty());
      EXPECT_TRUE(text(plain) == "before " + want);
      EXPECT_TRUE(text(draining) == want);
    }
  }
}

TEST(AddFile, rejects_ranges_beyond_the_file_and_leaves_the_fd_open) {
  const File file("0123456789");
  const struct {
    ev_off_t offset, length;
    int error;
  } cases[] = {{0, 11, EINVAL},       {5, 6, EINVAL},         {11, -1, EINVAL},
               {11, 0, EINVAL},       {-1, 5, EINVAL},        {-1, -1, EINVAL},
               {0, -2, EINVAL},       {INT64_MAX, 1, EINVAL}, {INT64_MAX, INT64_MAX, EINVAL},
               {1, INT64_MAX, EINVAL}};
  for (const auto &c : cases) {
    SCOPED_TRACE(testing::Message() << c.offset << " length " << c.length);
    Buffer plain("kept");
    Draining draining;
    for (evbuffer *buffer : {static_cast<evbuffer *>(&plain), static_cast<evbuffer *>(&draining)}) {
      const test::Fd fd(file.open());
      errno = 0;
      EXPECT_FALSE(buffer->add_file(fd, c.offset, c.length));
      EXPECT_EQ(errno, c.error);
      EXPECT_TRUE(is_open(fd));
    }
    EXPECT_EQ(text(plain), "kept");
    EXPECT_TRUE(draining.empty());
  }
}

TEST(AddFile, rejects_fds_that_cannot_be_read_at_an_offset) {
  const test::Pair pipe = test::make_pipe();
  const test::Pair sockets = test::socket_pair();
  const test::Fd directory(::open("/", O_RDONLY | O_CLOEXEC));
  Buffer plain;
  Draining draining;
  for (const int fd : {static_cast<int>(pipe.a), static_cast<int>(sockets.a), static_cast<int>(directory)}) {
    for (evbuffer *buffer : {static_cast<evbuffer *>(&plain), static_cast<evbuffer *>(&draining)}) {
      // Some file systems report a size for directories.
      EXPECT_FALSE(buffer->add_file(fd, 0, 1)) << fd;
      EXPECT_FALSE(buffer->add_file(fd, 0, -1)) << fd;
      EXPECT_TRUE(is_open(fd));
    }
  }
  errno = 0;
  EXPECT_FALSE(plain.add_file(-1, 0, 5));
  EXPECT_EQ(errno, EBADF);
}

TEST(AddFile, reads_files_that_report_no_size) {
  for (const bool drains : {false, true}) {
    Buffer buffer;
    if (drains) buffer.set_flags(EVBUFFER_FLAG_DRAINS_TO_FD);
    ASSERT_TRUE(buffer.add_file(::open("/dev/zero", O_RDONLY | O_CLOEXEC), 5, 100));
    EXPECT_FALSE(first_is_unread(buffer));
    EXPECT_EQ(text(buffer), std::string(100, '\0'));
    const int proc = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    EXPECT_FALSE(buffer.add_file(proc, 0, -1));
    EXPECT_FALSE(buffer.add_file(proc, 0, 1 << 20));
    EXPECT_EQ(errno, EIO);
    ASSERT_TRUE(buffer.add_file(proc, 0, 5));
    EXPECT_EQ(text(buffer).substr(100), "Name:");
  }
}

TEST(AddFile, fails_on_a_frozen_end_and_leaves_the_fd_open) {
  const File file("abc");
  Buffer buffer;
  buffer.freeze(evi::BufferEnd::back);
  const test::Fd fd(file.open());
  EXPECT_FALSE(buffer.add_file(fd, 0, -1));
  EXPECT_TRUE(is_open(fd));
  const Segment segment = make_segment(file.open());
  EXPECT_FALSE(buffer.add_segment(*segment, 0, -1));
}

TEST(AddFile, obeys_the_length_limit) {
  Buffer buffer;
  static char byte;
  ASSERT_TRUE(buffer.add_reference(&byte, 0, evi::kMaxBufferLength - 2, nullptr, nullptr));
  const File file("abc");
  const test::Fd fd(file.open());
  EXPECT_FALSE(buffer.add_file(fd, 0, 3));
  EXPECT_TRUE(is_open(fd));
  EXPECT_TRUE(buffer.add_file(file.open(), 0, 2));
}

// --- the descriptor ---

TEST(AddFile, closes_the_fd_when_the_last_byte_is_removed) {
  const File file("abcdef");
  for (const bool drains : {false, true}) {
    Buffer buffer, other;
    if (drains) buffer.set_flags(EVBUFFER_FLAG_DRAINS_TO_FD);
    const int fd = file.open();
    ASSERT_TRUE(buffer.add_file(fd, 0, -1));
    ASSERT_TRUE(test::add(buffer, "tail"));
    ASSERT_EQ(other.append_some(buffer, 2), 2);
    ASSERT_TRUE(buffer.drain(3));
    ASSERT_TRUE(other.drain(2));
    EXPECT_TRUE(is_open(fd));
    ASSERT_TRUE(buffer.drain(1));
    EXPECT_FALSE(is_open(fd));
    EXPECT_EQ(text(buffer), "tail");
  }
}

TEST(AddFile, closes_the_fd_with_the_buffer) {
  const File file("abcdef");
  const int fd = file.open();
  {
    Draining buffer;
    ASSERT_TRUE(buffer.add_file(fd, 0, -1));
  }
  EXPECT_FALSE(is_open(fd));
}

TEST(AddFile, the_caller_may_close_the_fd_itself) {
  for (const std::size_t size : {std::size_t{100}, kLarge}) {
    const File file(pattern(size)), innocent("x");
    Buffer buffer;
    const int fd = file.open();
    ASSERT_TRUE(buffer.add_file(fd, 0, -1));
    ASSERT_EQ(close(fd), 0);
    const test::Fd reused(innocent.open());
    ASSERT_EQ(static_cast<int>(reused), fd);
    EXPECT_TRUE(text(buffer) == pattern(size));
    ASSERT_TRUE(buffer.drain(size));
    EXPECT_TRUE(is_open(reused));
  }
}

TEST(AddFile, accepts_two_ranges_of_one_fd) {
  const File file("abcdef");
  Buffer buffer;
  const int fd = file.open();
  ASSERT_TRUE(buffer.add_file(fd, 0, 2));
  ASSERT_TRUE(buffer.add_file(fd, 4, 2));
  EXPECT_EQ(text(buffer), "abef");
  ASSERT_TRUE(buffer.drain(3));
  ASSERT_TRUE(test::add(buffer, "+"));
  EXPECT_EQ(text(buffer), "f+");
}

// --- segments ---

struct End {
  int calls = 0;
  int flags = 0;
  int fd = -1;
  bool was_open = false;
  const evbuffer_file_segment *segment = nullptr;

  static void note(const evbuffer_file_segment *segment, int flags, void *self) {
    End &end = *static_cast<End *>(self);
    ++end.calls;
    end.flags = flags;
    end.segment = segment;
    end.was_open = is_open(end.fd);
  }
};

TEST(FileSegment, closes_the_fd_with_its_last_reference_and_then_invokes_the_cleanup) {
  const File file(pattern(1000));
  for (const unsigned flags : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 15u}) {
    SCOPED_TRACE(flags);
    End end;
    end.fd = file.open();
    Buffer plain;
    Draining draining;
    {
      const Segment segment = make_segment(end.fd, 100, 500, flags);
      ASSERT_NE(segment, nullptr);
      segment->set_cleanup(End::note, nullptr);
      segment->set_cleanup(End::note, &end);
      end.segment = segment.get();
      ASSERT_TRUE(plain.add_segment(*segment, 0, 10));
      ASSERT_TRUE(draining.add_segment(*segment, 490, -1));
      ASSERT_TRUE(draining.add_segment(*segment, 0, -1));
    }
    EXPECT_EQ(first_is_unread(draining), evi::kCanSendFiles && !(flags & EVBUF_FS_DISABLE_SENDFILE));
    EXPECT_EQ(text(plain), pattern(1000).substr(100, 10));
    EXPECT_TRUE(text(draining) == pattern(1000).substr(590, 10) + pattern(1000).substr(100, 500));
    ASSERT_TRUE(draining.drain(10));
    ASSERT_TRUE(plain.drain(10));
    ASSERT_TRUE(draining.drain(499));
    EXPECT_EQ(end.calls, 0);
    const evbuffer_file_segment *address = end.segment;
    ASSERT_TRUE(draining.drain(1));
    EXPECT_EQ(end.calls, 1);
    EXPECT_EQ(end.segment, address);
    EXPECT_EQ(end.flags, static_cast<int>(flags));
    const bool closes = flags & EVBUF_FS_CLOSE_ON_FREE;
    EXPECT_EQ(end.was_open, !closes);
    EXPECT_EQ(is_open(end.fd), !closes);
    if (!closes) close(end.fd);
  }
}

TEST(FileSegment, parts_must_lie_within_the_segment) {
  const File file("0123456789");
  const Segment segment = make_segment(file.open(), 2, 6);
  const struct {
    ev_off_t offset, length;
    const char *want;
  } cases[] = {{0, -1, "234567"},
               {0, 6, "234567"},
               {1, 2, "34"},
               {5, -1, "7"},
               {6, -1, ""},
               {6, 0, ""},
               {0, 0, ""},
               {2, -7, "4567"},
               {0, 7, nullptr},
               {6, 1, nullptr},
               {7, -1, nullptr},
               {7, 0, nullptr},
               {-1, 2, nullptr},
               {1, 6, nullptr},
               {INT64_MAX, 1, nullptr},
               {1, INT64_MAX, nullptr}};
  for (const auto &c : cases) {
    SCOPED_TRACE(testing::Message() << c.offset << " length " << c.length);
    Buffer buffer;
    EXPECT_EQ(buffer.add_segment(*segment, c.offset, c.length), c.want != nullptr);
    EXPECT_EQ(text(buffer), c.want ? c.want : "");
  }
}

TEST(FileSegment, data_read_into_memory_survives_truncation_of_the_file) {
  const struct {
    std::size_t size;
    unsigned flags;
  } cases[] = {{65536, EVBUF_FS_DISABLE_SENDFILE},
               {kLarge, EVBUF_FS_DISABLE_SENDFILE | EVBUF_FS_DISABLE_MMAP}};
  for (const auto &c : cases) {
    File file(pattern(c.size));
    const Segment segment = make_segment(file.open(), 0, -1, EVBUF_FS_CLOSE_ON_FREE | c.flags);
    file.cut(0);
    Buffer buffer;
    ASSERT_TRUE(buffer.add_segment(*segment, 0, -1));
    EXPECT_TRUE(text(buffer) == pattern(c.size));
  }
}

TEST(FileSegment, offsets_beyond_4_gib_are_supported) {
  constexpr ev_off_t kFar = (ev_off_t{5} << 30) + 12345;
  File file;
  file.write_at(kFar, "far away");
  for (const bool drains : {false, true}) {
    Buffer buffer;
    if (drains) buffer.set_flags(EVBUFFER_FLAG_DRAINS_TO_FD);
    ASSERT_TRUE(buffer.add_file(file.open(), kFar + 4, -1));
    ASSERT_TRUE(buffer.add_file(file.open(), kFar, 3));
    if (sizeof(std::size_t) == 4) {
      // More than a buffer may hold.
      errno = 0;
      EXPECT_EQ(make_segment(file.open(), 5), nullptr);
      EXPECT_EQ(errno, EINVAL);
      EXPECT_EQ(text(buffer), "awayfar");
      continue;
    }
    // More than 4 GiB in one segment, of which but a little is touched.
    const Segment segment = make_segment(file.open(), 5);
    ASSERT_NE(segment, nullptr);
    ASSERT_TRUE(buffer.add_segment(*segment, kFar - 5, -1));
    const test::Pair pair = test::socket_pair();
    EXPECT_EQ(buffer.write_some(pair.a, SIZE_MAX), 15);
    EXPECT_EQ(receive(pair.b), "awayfarfar away");

    ASSERT_TRUE(buffer.add_segment(*segment, 0, -1));
    EXPECT_EQ(buffer.length(), static_cast<std::size_t>(kFar + 3));
    ASSERT_TRUE(buffer.drain(static_cast<std::size_t>(kFar - 5)));
    EXPECT_EQ(first_is_unread(buffer), evi::kCanSendFiles && drains);
    char out[9] = "";
    EXPECT_EQ(buffer.remove(out, sizeof out), 8);
    EXPECT_STREQ(out, "far away");
  }
}

// --- sending ---

TEST(SendFile, is_sent_in_order_by_one_call) {
  const File file(pattern(5000));
  Draining buffer;
  ASSERT_TRUE(test::add(buffer, "head "));
  ASSERT_TRUE(buffer.add_file(file.open(), 10, 3000));
  ASSERT_TRUE(test::add(buffer, " middle "));
  ASSERT_TRUE(buffer.add_file(file.open(), 4000, -1));
  ASSERT_TRUE(test::add(buffer, " tail"));
  test::ChangeLog log;
  log.watch(buffer);
  const std::string want = text(buffer);
  const test::Pair pair = test::socket_pair();
  EXPECT_EQ(buffer.write_some(pair.a, SIZE_MAX), 4018);
  EXPECT_TRUE(receive(pair.b) == want);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(log.text, "4018+0-4018 ");
}

TEST(SendFile, obeys_the_write_limit) {
  const File file(pattern(3000));
  for (const std::size_t limit : {1u, 2u, 3u, 4u, 7u, 100u, 2999u, 3000u, 3005u, 3010u}) {
    SCOPED_TRACE(limit);
    Draining buffer;
    ASSERT_TRUE(test::add(buffer, "abc"));
    ASSERT_TRUE(buffer.add_file(file.open(), 0, -1));
    ASSERT_TRUE(test::add(buffer, "defg"));
    const std::string want = text(buffer);
    const test::Pair pair = test::socket_pair();
    EXPECT_EQ(buffer.write_some(pair.a, limit), static_cast<ev_ssize_t>(std::min<std::size_t>(limit, 3007)));
    EXPECT_TRUE(receive(pair.b) == want.substr(0, limit));
    EXPECT_TRUE(text(buffer) == want.substr(std::min(limit, want.size())));
    if (limit > 3 && limit < 3003) {
      EXPECT_EQ(first_is_unread(buffer), evi::kCanSendFiles);
    }
  }
}

TEST(SendFile, resumes_after_a_full_socket) {
  const std::string contents = pattern(3000000);
  const File file(contents);
  Draining buffer;
  ASSERT_TRUE(test::add(buffer, "head "));
  ASSERT_TRUE(buffer.add_file(file.open(), 0, -1));
  const test::Pair pair = test::socket_pair();
  std::string got;
  int refusals = 0;
  while (!buffer.empty()) {
    const std::size_t before = buffer.length();
    const ev_ssize_t put = buffer.write_some(pair.a, SIZE_MAX);
    if (put < 0) {
      ASSERT_EQ(evi::last_socket_error(), evi::kWouldBlock);
      ASSERT_EQ(buffer.length(), before);
      ++refusals;
      got += receive(pair.b);
      continue;
    }
    ASSERT_EQ(buffer.length(), before - static_cast<std::size_t>(put));
    ASSERT_TRUE(buffer.empty() || first_is_unread(buffer) == evi::kCanSendFiles);
  }
  got += receive(pair.b);
  EXPECT_GT(refusals, 0);
  EXPECT_TRUE(got == "head " + contents);
}

TEST(SendFile, many_small_extents_may_precede_the_file) {
  const File file("the file");
  Draining buffer;
  std::string want;
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(buffer.add_reference("ab", 0, 2, nullptr, nullptr));
    want += "ab";
  }
  ASSERT_TRUE(buffer.add_file(file.open(), 0, -1));
  const test::Pair pair = test::socket_pair();
  EXPECT_EQ(buffer.write_some(pair.a, SIZE_MAX), 608);
  EXPECT_EQ(receive(pair.b), want + "the file");
}

// Linux sends nothing to a file that is open for appending.
TEST(SendFile, falls_back_to_memory_where_the_kernel_cannot_send_files) {
  for (const std::size_t size : {std::size_t{3000}, kLarge}) {
    const File file(pattern(size));
    File log;
    const test::Fd target(log.open(O_RDWR | O_APPEND));
    Draining buffer;
    ASSERT_TRUE(test::add(buffer, "head "));
    ASSERT_TRUE(buffer.add_file(file.open(), 0, -1));
    ASSERT_EQ(buffer.write_some(target, SIZE_MAX), static_cast<ev_ssize_t>(size + 5));
    ASSERT_EQ(lseek(target, 0, SEEK_SET), 0);
    EXPECT_TRUE(receive(target) == "head " + pattern(size));
  }
}

TEST(SendFile, a_file_can_be_written_to_a_pipe) {
  const File file(pattern(3000));
  Draining buffer;
  ASSERT_TRUE(test::add(buffer, "head "));
  ASSERT_TRUE(buffer.add_file(file.open(), 0, -1));
  const test::Pair pipe = test::make_pipe();
  EXPECT_EQ(buffer.write_some(pipe.b, SIZE_MAX), 3005);
  EXPECT_TRUE(receive(pipe.a) == "head " + pattern(3000));
}

TEST(SendFile, errors_lose_no_data) {
  const File file(pattern(3000));
  Draining buffer;
  ASSERT_TRUE(buffer.add_file(file.open(), 0, -1));
  EXPECT_EQ(buffer.write_some(-1, SIZE_MAX), -1);
  EXPECT_EQ(evi::last_socket_error(), test::kNoSocketThere);
  buffer.freeze(evi::BufferEnd::front);
  EXPECT_EQ(buffer.write_some(-1, SIZE_MAX), -1);
  EXPECT_EQ(evi::last_socket_error(), evi::kNotPermitted);
  EXPECT_TRUE(text(buffer) == pattern(3000));
}

TEST(SendFile, a_truncated_file_is_an_error_after_its_remaining_bytes) {
  File file(pattern(10000));
  Draining buffer;
  ASSERT_TRUE(buffer.add_file(file.open(), 0, -1));
  ASSERT_TRUE(test::add(buffer, "tail"));
  file.cut(4000);
  const test::Pair pair = test::socket_pair();
  EXPECT_EQ(buffer.write_some(pair.a, SIZE_MAX), 4000);
  for (int i = 0; i < 2; ++i) {
    errno = 0;
    EXPECT_EQ(buffer.write_some(pair.a, SIZE_MAX), -1);
    EXPECT_EQ(errno, EIO);
    EXPECT_EQ(buffer.length(), 6004u);
  }
  EXPECT_TRUE(receive(pair.b) == pattern(10000).substr(0, 4000));
}

TEST(SendFile, a_truncated_mapped_file_is_an_error) {
  File file(pattern(kLarge));
  Buffer buffer;
  ASSERT_TRUE(buffer.add_file(file.open(), 0, -1));
  file.cut(0);
  const test::Pair pair = test::socket_pair();
  EXPECT_EQ(buffer.write_some(pair.a, SIZE_MAX), -1);
  EXPECT_EQ(errno, EFAULT);
  EXPECT_EQ(buffer.length(), kLarge);
}

// --- looking ---

// Each looks at bytes 5 to 9 of "head 0123456789\nrest", of which "01...t" is in a file.
struct Look {
  const char *name;
  std::function<bool(evbuffer &)> sees;
  // The remaining bytes if it saw them.
  const char *rest;
};

std::vector<Look> looks() {
  const char *all = "head 0123456789\nrest";
  return {
      {"remove",
       [](evbuffer &b) {
         char out[11] = "";
         return b.remove(out, 10) == 10 && std::string(out) == "head 01234";
       },
       "56789\nrest"},
      {"copyout",
       [](evbuffer &b) {
         char out[11] = "";
         return b.copyout(nullptr, out, 10) == 10 && std::string(out) == "head 01234";
       },
       all},
      {"copyout from",
       [](evbuffer &b) {
         char out[6] = "";
         evbuffer_ptr at{};
         return b.set_position(at, 5, EVBUFFER_PTR_SET) && b.copyout(&at, out, 5) == 5 &&
                std::string(out) == "01234";
       },
       all},
      {"pullup",
       [](evbuffer &b) {
         const unsigned char *bytes = b.pullup(10);
         return bytes && std::memcmp(bytes, "head 01234", 10) == 0;
       },
       all},
      {"pullup of all",
       [=](evbuffer &b) {
         const unsigned char *bytes = b.pullup(-1);
         return bytes && std::memcmp(bytes, all, 20) == 0;
       },
       all},
      {"peek",
       [](evbuffer &b) {
         evbuffer_iovec vec[2];
         return b.peek(10, nullptr, vec, 2) == 2 && vec[1].iov_len >= 5 &&
                std::memcmp(vec[1].iov_base, "01234", 5) == 0;
       },
       all},
      {"search", [](evbuffer &b) { return b.search("d 01", 4, nullptr, nullptr).pos == 3; }, all},
      {"search in the file", [](evbuffer &b) { return b.search("9\nr", 3, nullptr, nullptr).pos == 14; },
       all},
      {"search_eol",
       [](evbuffer &b) {
         std::size_t size = 0;
         return b.search_eol(nullptr, &size, EVBUFFER_EOL_ANY).pos == 15 && size == 1;
       },
       all},
      {"read_line",
       [](evbuffer &b) {
         std::size_t size = 0;
         char *line = b.read_line(&size, EVBUFFER_EOL_CRLF);
         const bool good = line && std::string(line, size) == "head 0123456789";
         evi::mm_free(line);
         return good;
       },
       "rest"},
  };
}

TEST(Looking, reads_a_file_queued_for_sending) {
  const File file("x0123456789\nrest");
  for (const Look &look : looks()) {
    SCOPED_TRACE(look.name);
    Draining buffer;
    ASSERT_TRUE(test::add(buffer, "head "));
    ASSERT_TRUE(buffer.add_file(file.open(), 1, -1));
    EXPECT_TRUE(look.sees(buffer));
    EXPECT_EQ(text(buffer), look.rest);
  }
}

TEST(Looking, failure_loses_no_data) {
  for (const Look &look : looks()) {
    SCOPED_TRACE(look.name);
    File file("x0123456789\nrest");
    Draining buffer;
    ASSERT_TRUE(test::add(buffer, "head "));
    ASSERT_TRUE(buffer.add_file(file.open(), 1, -1));
    test::ChangeLog log;
    log.watch(buffer);
    file.cut(3);
    errno = 0;
    EXPECT_FALSE(look.sees(buffer));
    EXPECT_EQ(errno, EIO);
    EXPECT_EQ(buffer.length(), 20u);
    EXPECT_EQ(log.text, "");
    ASSERT_TRUE(buffer.check_invariants());
    file.write_at(3, "23456789\nrest");
    EXPECT_TRUE(look.sees(buffer));
    EXPECT_EQ(text(buffer), look.rest);
  }
}

TEST(Looking, fails_instead_of_returning_a_short_count) {
  File file("0123456789");
  Draining buffer;
  ASSERT_TRUE(buffer.add_file(file.open(), 0, -1));
  file.cut(3);
  char out[10];
  evbuffer_iovec vec[1];
  EXPECT_EQ(buffer.remove(out, 2), -1);
  EXPECT_EQ(buffer.copyout(nullptr, out, 10), -1);
  EXPECT_EQ(buffer.peek(-1, nullptr, vec, 1), -1);
  EXPECT_EQ(buffer.pullup(1), nullptr);
  EXPECT_EQ(buffer.search("0", 1, nullptr, nullptr).pos, -1);
  // Operations that need no bytes succeed.
  EXPECT_EQ(buffer.peek(-1, nullptr, nullptr, 0), 1);
  EXPECT_EQ(buffer.first_length(), 10u);
  EXPECT_TRUE(buffer.drain(10));
}

TEST(Looking, reads_only_the_files_within_range) {
  const File file("0123456789");
  Draining buffer;
  ASSERT_TRUE(test::add(buffer, "head "));
  ASSERT_TRUE(buffer.add_file(file.open(), 0, -1));
  ASSERT_TRUE(buffer.add_file(file.open(), 0, -1));
  char out[6];
  evbuffer_iovec vec[1];
  EXPECT_EQ(buffer.copyout(nullptr, out, 5), 5);
  EXPECT_NE(buffer.pullup(5), nullptr);
  EXPECT_EQ(buffer.peek(-1, nullptr, vec, 1), 1);
  EXPECT_TRUE(buffer.first_chain()->next->unread);
  EXPECT_EQ(buffer.copyout(nullptr, out, 6), 6);
  EXPECT_FALSE(buffer.first_chain()->next->unread);
  EXPECT_TRUE(buffer.first_chain()->next->next->unread);
}

// --- at other ends of the buffer ---

TEST(FileChain, is_not_extended_by_added_bytes) {
  const File file("file");
  for (const bool drains : {false, true}) {
    Buffer buffer;
    if (drains) buffer.set_flags(EVBUFFER_FLAG_DRAINS_TO_FD);
    ASSERT_TRUE(buffer.add_file(file.open(), 0, -1));
    ASSERT_TRUE(buffer.drain(1));
    ASSERT_TRUE(buffer.prepend("<", 1));
    ASSERT_TRUE(test::add(buffer, ">"));
    EXPECT_EQ(buffer.add_printf("%d", 7), 1);
    EXPECT_EQ(extents(buffer), Pieces({"<", "ile", ">7"}));
  }
  char contents[5] = "";
  ASSERT_EQ(pread(test::Fd(file.open()), contents, 4, 0), 4);
  EXPECT_STREQ(contents, "file");
}

TEST(FileChain, moves_without_being_read) {
  const File file("0123456789");
  Draining from;
  Buffer to("a"), third("z"), part;
  ASSERT_TRUE(from.add_file(file.open(), 0, -1));
  ASSERT_TRUE(test::add(from, "+"));
  ASSERT_TRUE(from.drain(1));
  ASSERT_EQ(part.append_some(from, 3), 3);
  EXPECT_EQ(first_is_unread(part), evi::kCanSendFiles);
  EXPECT_EQ(first_is_unread(from), evi::kCanSendFiles);
  EXPECT_EQ(text(part), "123");
  EXPECT_EQ(text(from), "456789+");
  ASSERT_TRUE(to.append_all(from));
  EXPECT_EQ(text(to), "a456789+");
  ASSERT_TRUE(third.prepend_all(to));
  EXPECT_EQ(text(third), "a456789+z");
  EXPECT_EQ(third.first_chain()->next->unread, evi::kCanSendFiles);
  char out[5] = "";
  EXPECT_EQ(third.remove(out, 4), 4);
  EXPECT_STREQ(out, "a456");
  EXPECT_EQ(part.remove(out, 4), 3);
  EXPECT_EQ(text(third), "789+z");
}

TEST(FileChain, can_be_shared_repeatedly) {
  const File file("0123456789");
  for (const bool drains : {false, true}) {
    Buffer first, second, third;
    if (drains) first.set_flags(EVBUFFER_FLAG_DRAINS_TO_FD);
    const int fd = file.open();
    ASSERT_TRUE(first.add_file(fd, 0, -1));
    ASSERT_TRUE(first.drain(2));
    ASSERT_TRUE(second.append_shared(first));
    ASSERT_TRUE(first.drain(3));
    ASSERT_TRUE(second.drain(1));
    ASSERT_TRUE(third.append_shared(second));
    EXPECT_EQ(text(first), "56789");
    EXPECT_EQ(text(second), "3456789");
    ASSERT_TRUE(first.drain(SIZE_MAX));
    ASSERT_TRUE(second.drain(SIZE_MAX));
    EXPECT_TRUE(is_open(fd));
    EXPECT_EQ(text(third), "3456789");
    ASSERT_TRUE(third.drain(SIZE_MAX));
    EXPECT_FALSE(is_open(fd));
  }
}

TEST(FileChain, a_callback_may_drain_the_bytes_just_added) {
  const File file("0123456789");
  Buffer buffer;
  ASSERT_NE(buffer.add_callback(
                [](evbuffer *b, const evbuffer_cb_info *info, void *) {
                  if (info->n_added > 0) {
                    EXPECT_TRUE(b->drain(SIZE_MAX));
                  }
                },
                nullptr),
            nullptr);
  const int fd = file.open();
  ASSERT_TRUE(buffer.add_file(fd, 0, -1));
  EXPECT_FALSE(is_open(fd));
  EXPECT_TRUE(buffer.empty());
}

// --- lack of memory ---

TEST(FileSegment, reports_out_of_memory_and_loses_no_data) {
  const File file(pattern(3000));
  for (const std::uint32_t flags : {0, EVBUFFER_FLAG_DRAINS_TO_FD}) {
    int fd = -1;
    const long allocations = test::sweep([&] {
      fd = file.open();
      Buffer buffer, other;
      buffer.set_flags(flags);
      if (!test::add(buffer, "head")) return close(fd) != 0;
      if (!buffer.add_file(fd, 0, -1)) {
        EXPECT_TRUE(is_open(fd));
        EXPECT_EQ(text(buffer), "head");
        return close(fd) != 0;
      }
      const bool good =
          other.append_shared(buffer) && buffer.append_some(other, 50) == 50 && buffer.pullup(2000);
      EXPECT_EQ(buffer.length() + other.length(), good ? 6008u : buffer.length() + other.length());
      return good;
    });
    EXPECT_GE(allocations, 6);
    EXPECT_FALSE(is_open(fd));
  }
}

TEST(FileSegment, reading_on_access_reports_out_of_memory) {
  const File file(pattern(3000));
  EXPECT_GE(test::sweep([&] {
              Draining buffer;
              const int fd = file.open();
              if (!buffer.add_file(fd, 0, -1)) return close(fd) != 0;
              char out[3000];
              const ev_ssize_t got = buffer.remove(out, sizeof out);
              EXPECT_EQ(buffer.length(), got < 0 ? 3000u : 0u);
              return got == 3000;
            }),
            3);
}

// --- threads ---

TEST(FileSegment, may_be_shared_by_buffers_in_several_threads) {
  if (!evi::kThreadSupport) GTEST_SKIP() << "without locks it serves one";
  test::Threads threads_on;
  constexpr int kThreads = 4;
  for (const std::size_t size : {std::size_t{30000}, kLarge}) {
    const File file(pattern(size));
    End end;
    end.fd = file.open();
    Segment segment = make_segment(end.fd);
    segment->set_cleanup(End::note, &end);
    Draining buffers[kThreads];
    for (Draining &buffer : buffers) ASSERT_TRUE(buffer.add_segment(*segment, 0, -1));
    segment.reset();
    std::atomic<int> good{0};
    std::vector<std::thread> threads;
    for (Draining &buffer : buffers) {
      threads.emplace_back([&buffer, &good, size] {
        for (int i = 0; i < 10; ++i) {
          Buffer copy, part;
          if (!copy.append_shared(buffer) || part.append_some(copy, 100) != 100) return;
          const unsigned char *bytes = part.pullup(-1);
          if (!bytes || std::memcmp(bytes, pattern(size).data(), 100) != 0) return;
        }
        std::string all(size, '\0');
        if (buffer.remove(all.data(), size) == static_cast<ev_ssize_t>(size) && all == pattern(size)) ++good;
      });
    }
    for (std::thread &thread : threads) thread.join();
    EXPECT_EQ(good, kThreads);
    EXPECT_EQ(end.calls, 1);
    EXPECT_FALSE(is_open(end.fd));
  }
}

}  // namespace
