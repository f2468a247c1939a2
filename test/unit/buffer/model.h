// A model of evbuffer: any sequence of all operations on three buffers does what it does to three strings.
//
// The caller supplies the sequence: a random number generator in model_test.cc, the input of a fuzzer in
// fuzz/evbuffer_fuzz.cc.
#ifndef EVENTIDE_TEST_UNIT_BUFFER_MODEL_H
#define EVENTIDE_TEST_UNIT_BUFFER_MODEL_H

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>

#include "buffer/file_segment.h"
#include "support/events.h"
#include "support/files.h"
#include "unit/buffer/buffers.h"

namespace test {

// The files and sockets used by the operations of a model; may serve many models, one after the other.
struct ModelFiles {
  ModelFiles() {
    // One that is read into memory, one that is mapped.
    for (int i = 0; i < 2; ++i) {
      contents[i] = pattern(i == 0 ? 10000 : 100000, static_cast<unsigned>(i));
      files[i].write_at(0, contents[i]);
    }
    // Each extent of a file takes a page of the pipe.
#ifdef _WIN32
    const int room = 1 << 20;
    EXPECT_EQ(setsockopt(channel.b, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
#else
    EXPECT_GE(fcntl(channel.b, F_SETPIPE_SZ, 1 << 20), 1 << 20);
#endif
  }
  Pair channel = make_pipe();
  File files[2];
  std::string contents[2];
};

class BufferModel {
 public:
  // `next` selects the operations and their arguments; any numbers will do.
  BufferModel(ModelFiles &files, std::function<unsigned()> next) : files_(files), next_(std::move(next)) {
    for (Side &side : sides_) {
      EXPECT_NE(side.buffer.add_callback(count_change, &side), nullptr);
    }
    sides_[0].buffer.set_flags(EVBUFFER_FLAG_DRAINS_TO_FD);
  }

  // Until the first difference, or until more() is false.
  void run(const std::function<bool()> &more) {
    for (int i = 0; more() && !testing::Test::HasFailure(); ++i) {
      step(i);
      for (int k = 0; k < kSides; ++k) check(i, k);
    }
    for (Side &side : sides_) ASSERT_TRUE(side.buffer.drain(SIZE_MAX));
    EXPECT_EQ(references_, 0);
    for (evbuffer_file_segment *segment : segments_) {
      if (segment) segment->release();
    }
  }

 private:
  static constexpr int kSides = 3;
  static constexpr std::size_t kMaxLength = 40000;
  struct Side {
    Buffer buffer;
    std::string want;
    // By the callbacks' account.
    std::size_t reported_size = 0;
    // Holds bytes shared from another buffer, so that it cannot be shared itself.
    bool shares = false;
  };

  static void count_change(evbuffer *, const evbuffer_cb_info *info, void *arg) {
    Side &side = *static_cast<Side *>(arg);
    EXPECT_EQ(info->orig_size, side.reported_size);
    side.reported_size = side.reported_size + info->n_added - info->n_deleted;
  }
  static void end_reference(const void *data, std::size_t, void *model) {
    --static_cast<BufferModel *>(model)->references_;
    std::free(const_cast<void *>(data));
  }

  std::size_t pick(std::size_t bound) { return next_() % bound; }
  // Mostly small, now and then several chains long.
  std::size_t pick_size() { return pick(10) == 0 ? pick(6000) : pick(10) < 3 ? pick(1100) : pick(40); }
  std::string pick_bytes() {
    std::string bytes = pattern(pick_size(), static_cast<unsigned>(next_()));
    for (std::size_t i = 0; i < bytes.size(); i += 1 + pick(60)) bytes[i] = "\r\n\0x"[pick(4)];
    return bytes;
  }

  void step(int i) {
    Side &a = sides_[pick(kSides)];
    Side &b = sides_[pick(kSides)];
    SCOPED_TRACE(testing::Message() << "step " << i);
    const bool full = a.want.size() > kMaxLength;
    switch (full ? 5 + pick(3) : pick(23)) {
      case 0:
      case 1:
        add(a);
        break;
      case 2:
        prepend(a);
        break;
      case 3:
        reserve_and_commit(a);
        break;
      case 4:
        print(a);
        break;
      case 5:
        drain(a);
        break;
      case 6:
        remove(a);
        break;
      case 7:
        read_line(a);
        break;
      case 8:
        copyout(a);
        break;
      case 9:
        pullup(a);
        break;
      case 10:
        peek(a);
        break;
      case 11:
        search(a);
        break;
      case 12:
        search_eol(a);
        break;
      case 13:
        append_all(a, b);
        break;
      case 14:
        prepend_all(a, b);
        break;
      case 15:
      case 16:
        append_some(a, b);
        break;
      case 17:
        share(a, b);
        break;
      case 18:
        reference(a);
        break;
      case 19:
        through_pipe(a, b);
        break;
      case 20:
        maintain(a);
        break;
      case 21:
      case 22:
        file(a);
        break;
    }
  }

  void add(Side &s) {
    const std::string bytes = pick_bytes();
    if (pick(4) == 0) {
      evbuffer_iovec vec[2] = {
          {const_cast<char *>(bytes.data()), bytes.size() / 3},
          {const_cast<char *>(bytes.data()) + bytes.size() / 3, bytes.size() - bytes.size() / 3}};
      ASSERT_EQ(s.buffer.add_iovec(vec, 2), bytes.size());
    } else {
      ASSERT_TRUE(test::add(s.buffer, bytes));
    }
    s.want += bytes;
  }

  void prepend(Side &s) {
    const std::string bytes = pick_bytes();
    ASSERT_TRUE(s.buffer.prepend(bytes.data(), bytes.size()));
    s.want.insert(0, bytes);
  }

  void reserve_and_commit(Side &s) {
    evbuffer_iovec vec[2];
    const std::size_t size = 1 + pick_size();
    const int room_for = 1 + static_cast<int>(pick(2));
    const int count = s.buffer.reserve(size, vec, room_for);
    ASSERT_GE(count, 1);
    ASSERT_LE(count, room_for);
    const std::string bytes = pattern(pick(size + 1), static_cast<unsigned>(next_()));
    std::size_t done = 0;
    for (int i = 0; i < count; ++i) {
      vec[i].iov_len = std::min(vec[i].iov_len, bytes.size() - done);
      std::memcpy(vec[i].iov_base, bytes.data() + done, vec[i].iov_len);
      done += vec[i].iov_len;
    }
    ASSERT_EQ(done, bytes.size());
    if (pick(5) == 0) return;
    ASSERT_TRUE(s.buffer.commit(vec, count));
    s.want += bytes;
  }

  void print(Side &s) {
    const std::string bytes = pattern(pick_size());
    const int number = static_cast<int>(next_());
    const std::string text = bytes + " " + std::to_string(number) + "\n";
    ASSERT_EQ(s.buffer.add_printf("%s %d\n", bytes.c_str(), number), static_cast<int>(text.size()));
    s.want += text;
  }

  void drain(Side &s) {
    const std::size_t size = pick(4) == 0 ? s.want.size() : pick_size();
    ASSERT_TRUE(s.buffer.drain(size));
    s.want.erase(0, size);
  }

  void remove(Side &s) {
    const std::size_t size = pick_size();
    std::string out(size, '\0');
    const ev_ssize_t got = s.buffer.remove(out.data(), size);
    ASSERT_EQ(got, static_cast<ev_ssize_t>(std::min(size, s.want.size())));
    ASSERT_EQ(out.substr(0, static_cast<std::size_t>(got)), s.want.substr(0, size));
    s.want.erase(0, size);
  }

  void copyout(Side &s) {
    const std::size_t from = pick(s.want.size() + 1), size = pick_size();
    evbuffer_ptr ptr{};
    ASSERT_TRUE(s.buffer.set_position(ptr, from, EVBUFFER_PTR_SET));
    std::string out(size, '\0');
    const ev_ssize_t got = s.buffer.copyout(&ptr, out.data(), size);
    ASSERT_GE(got, 0);
    ASSERT_EQ(out.substr(0, static_cast<std::size_t>(got)), s.want.substr(from, size));
  }

  void pullup(Side &s) {
    const ev_ssize_t size = pick(8) == 0 ? -1 : static_cast<ev_ssize_t>(pick_size());
    const std::size_t wanted = size < 0 ? s.want.size() : static_cast<std::size_t>(size);
    const unsigned char *bytes = s.buffer.pullup(size);
    ASSERT_EQ(bytes != nullptr, wanted > 0 && wanted <= s.want.size());
    if (!bytes) return;
    ASSERT_EQ(std::memcmp(bytes, s.want.data(), wanted), 0);
  }

  void peek(Side &s) {
    evbuffer_iovec vec[64];
    const std::size_t from = pick(s.want.size() + 1);
    evbuffer_ptr ptr{};
    ASSERT_TRUE(s.buffer.set_position(ptr, from, EVBUFFER_PTR_SET));
    const int count = s.buffer.peek(-1, &ptr, vec, 64);
    ASSERT_LE(count, 64);
    std::string seen;
    for (int i = 0; i < count; ++i) seen.append(static_cast<char *>(vec[i].iov_base), vec[i].iov_len);
    ASSERT_EQ(seen, s.want.substr(from, seen.size()));
    if (count == 64) return;
    ASSERT_EQ(from + seen.size(), s.want.size());
  }

  void search(Side &s) {
    const std::size_t from = pick(s.want.size() + 1);
    std::string what = pick(2) ? "\r\n" : s.want.substr(pick(s.want.size() + 1), pick(50));
    if (pick(4) == 0) what += '~' + 1;
    evbuffer_ptr ptr{};
    ASSERT_TRUE(s.buffer.set_position(ptr, from, EVBUFFER_PTR_SET));
    const std::size_t want = s.want.find(what, from);
    ASSERT_EQ(s.buffer.search(what.data(), what.size(), &ptr, nullptr).pos,
              want == std::string::npos ? -1 : static_cast<ev_ssize_t>(want));
  }

  // Where the first line from `from` ends, and the size of its end.
  static std::size_t line_end(const std::string &text, std::size_t from, evbuffer_eol_style style,
                              std::size_t &size) {
    std::size_t at = std::string::npos;
    size = 1;
    switch (style) {
      case EVBUFFER_EOL_LF:
        return text.find('\n', from);
      case EVBUFFER_EOL_NUL:
        return text.find('\0', from);
      case EVBUFFER_EOL_CRLF_STRICT:
        size = 2;
        return text.find("\r\n", from);
      case EVBUFFER_EOL_CRLF:
        at = text.find('\n', from);
        if (at == std::string::npos || at == from || text[at - 1] != '\r') return at;
        size = 2;
        return at - 1;
      case EVBUFFER_EOL_ANY:
        at = text.find_first_of("\r\n", from);
        if (at == std::string::npos) return at;
        size = std::min(text.find_first_not_of("\r\n", at), text.size()) - at;
        return at;
    }
    return at;
  }

  void search_eol(Side &s) {
    const auto style = static_cast<evbuffer_eol_style>(pick(5));
    const std::size_t from = pick(s.want.size() + 1);
    std::size_t size = 0, got_size = 0;
    const std::size_t want = line_end(s.want, from, style, size);
    evbuffer_ptr ptr{};
    ASSERT_TRUE(s.buffer.set_position(ptr, from, EVBUFFER_PTR_SET));
    const ev_ssize_t got = s.buffer.search_eol(&ptr, &got_size, style).pos;
    ASSERT_EQ(got, want == std::string::npos ? -1 : static_cast<ev_ssize_t>(want));
    ASSERT_EQ(got_size, want == std::string::npos ? 0 : size);
  }

  void read_line(Side &s) {
    const auto style = static_cast<evbuffer_eol_style>(pick(5));
    std::size_t size = 0, length = 0;
    const std::size_t end = line_end(s.want, 0, style, size);
    char *line = s.buffer.read_line(&length, style);
    ASSERT_EQ(line != nullptr, end != std::string::npos);
    if (!line) return;
    ASSERT_EQ(std::string(line, length), s.want.substr(0, end));
    s.want.erase(0, end + size);
    evi::mm_free(line);
  }

  void append_all(Side &to, Side &from) {
    ASSERT_TRUE(to.buffer.append_all(from.buffer));
    if (&to == &from) return;
    to.want += from.want;
    to.shares = to.shares || from.shares;
    from.want.clear();
  }

  void prepend_all(Side &to, Side &from) {
    ASSERT_TRUE(to.buffer.prepend_all(from.buffer));
    if (&to == &from) return;
    to.want.insert(0, from.want);
    to.shares = to.shares || from.shares;
    from.want.clear();
  }

  void append_some(Side &to, Side &from) {
    const std::size_t size = pick_size();
    const std::size_t want = &to == &from ? 0 : std::min(size, from.want.size());
    ASSERT_EQ(to.buffer.append_some(from.buffer, size), static_cast<ev_ssize_t>(want));
    to.want += from.want.substr(0, want);
    to.shares = to.shares || from.shares;
    from.want.erase(0, want);
  }

  void share(Side &to, Side &from) {
    const bool done = to.buffer.append_shared(from.buffer);
    if (&to == &from) {
      ASSERT_FALSE(done);
      return;
    }
    if (!from.shares || from.want.empty()) {
      ASSERT_TRUE(done);
    }
    if (!done) return;
    to.want += from.want;
    to.shares = to.shares || !from.want.empty();
  }

  void reference(Side &s) {
    const std::string bytes = pick_bytes();
    if (bytes.empty()) return;
    const std::size_t offset = pick(bytes.size());
    void *copy = std::malloc(bytes.size());
    std::memcpy(copy, bytes.data(), bytes.size());
    ++references_;
    ASSERT_TRUE(s.buffer.add_reference(copy, offset, bytes.size() - offset, end_reference, this));
    s.want += bytes.substr(offset);
  }

  void file(Side &s) {
    const std::size_t i = pick(2);
    if (!segments_[i]) {
      segments_[i] = evbuffer_file_segment::create(files_.files[i].open(), 0, -1, EVBUF_FS_CLOSE_ON_FREE);
      ASSERT_NE(segments_[i], nullptr);
    }
    const std::size_t from = pick(files_.contents[i].size()),
                      size = std::min(pick_size(), files_.contents[i].size() - from);
    ASSERT_TRUE(
        s.buffer.add_segment(*segments_[i], static_cast<ev_off_t>(from), static_cast<ev_off_t>(size)));
    s.want += files_.contents[i].substr(from, size);
    // Now and then the next one is a new segment, whose bytes were not read yet.
    if (pick(3) > 0) return;
    segments_[i]->release();
    segments_[i] = nullptr;
  }

  // Written by one buffer, read by another or by itself, in the ways of the public call and of a loop's
  // chunk.
  void through_pipe(Side &from, Side &to) {
    const std::size_t limit = 1 + pick(8000);
    const ev_ssize_t put = from.buffer.write_some(files_.channel.b, limit);
    ASSERT_EQ(put, static_cast<ev_ssize_t>(std::min(limit, from.want.size())));
    if (put == 0) return;
    const std::size_t size = static_cast<std::size_t>(put);
    const std::string bytes = from.want.substr(0, size);
    from.want.erase(0, size);
    std::size_t done = 0;
    while (done < size) {
      const ev_ssize_t got = pick(2) ? to.buffer.read_some(files_.channel.a, 1 + pick(8000))
                                     : to.buffer.read_into(files_.channel.a, 1 + pick(8000), chunk_, 5000);
      ASSERT_GT(got, 0);
      done += static_cast<std::size_t>(got);
    }
    to.want += bytes;
  }

  void maintain(Side &s) {
    switch (pick(3)) {
      case 0:
        s.buffer.release_spare();
        break;
      case 1:
        ASSERT_TRUE(s.buffer.expand(pick_size()));
        break;
      case 2:
        if (evi::Chain *chain = s.buffer.take_idle_chunk()) evi::chain_release(chain);
        break;
    }
  }

  void check(int i, int k) {
    Side &s = sides_[k];
    ASSERT_TRUE(s.buffer.check_invariants()) << "step " << i << " buffer " << k;
    ASSERT_EQ(s.buffer.length(), s.want.size()) << "step " << i << " buffer " << k;
    ASSERT_EQ(s.reported_size, s.want.size()) << "step " << i << " buffer " << k;
    if (s.want.empty()) s.shares = false;
    if (i % 16 != 0) return;
    ASSERT_TRUE(text(s.buffer) == s.want) << "step " << i << " buffer " << k;
  }

  ModelFiles &files_;
  std::function<unsigned()> next_;
  evi::ReadChunk chunk_;
  evbuffer_file_segment *segments_[2] = {};
  int references_ = 0;
  Side sides_[kSides];
};

}  // namespace test

#endif
