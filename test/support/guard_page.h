// Input followed by an inaccessible page: reading one byte too far faults, even without a sanitizer.
#ifndef EVENTIDE_TEST_SUPPORT_GUARD_PAGE_H
#define EVENTIDE_TEST_SUPPORT_GUARD_PAGE_H

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace test {

// A copy of some bytes, the last of which lies just before a page that cannot be touched. In front of the
// first there are at least as many as make up its page, which can be.
class GuardedBytes {
 public:
  explicit GuardedBytes(std::string_view bytes) : GuardedBytes(bytes, 0) {}
  GuardedBytes(const GuardedBytes &) = delete;
  GuardedBytes &operator=(const GuardedBytes &) = delete;
  ~GuardedBytes() { munmap(mapping_, mapped_); }

  char *data() { return start_; }
  const char *data() const { return start_; }
  std::size_t size() const { return size_; }
  std::string_view view() const { return {start_, size_}; }

 protected:
  // `extra` zero bytes follow the copy, before the page that ends all.
  GuardedBytes(std::string_view bytes, std::size_t extra) : size_(bytes.size()) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t used = (size_ + extra + page - 1) / page * page;
    mapped_ = used + page;
    mapping_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *const base = static_cast<char *>(mapping_);
    if (mapping_ == MAP_FAILED || mprotect(base + used, page, PROT_NONE) != 0) {
      std::perror("guard page");
      std::abort();
    }
    start_ = base + used - size_ - extra;
    if (size_) std::memcpy(start_, bytes.data(), size_);
  }

 private:
  std::size_t size_;
  std::size_t mapped_ = 0;
  void *mapping_ = nullptr;
  char *start_ = nullptr;
};

// The same for a C string: its NUL is the last byte there is.
class GuardedString : public GuardedBytes {
 public:
  explicit GuardedString(std::string_view text) : GuardedBytes(text, 1) {}
  const char *c_str() const { return data(); }
};

// One such area for many inputs, each of which is put at its end: for loops that a mapping per input would
// slow.
class GuardedArea {
 public:
  explicit GuardedArea(std::size_t capacity) : bytes_(std::string(capacity, '\0')) {}

  // Good until the next one is put. Not longer than the capacity.
  std::string_view put(std::string_view input) {
    if (input.size() > bytes_.size()) std::abort();
    char *const start = bytes_.data() + bytes_.size() - input.size();
    if (!input.empty()) std::memcpy(start, input.data(), input.size());
    return {start, input.size()};
  }

 private:
  GuardedBytes bytes_;
};

}  // namespace test

#endif
