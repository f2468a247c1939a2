// Temporary files for tests of buffers.
#ifndef EVENTIDE_TEST_SUPPORT_FILES_H
#define EVENTIDE_TEST_SUPPORT_FILES_H

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace test {

inline bool is_open(int fd) { return fcntl(fd, F_GETFD) != -1; }

// A file without a name. Each descriptor that open() returns is the caller's; the file's own stays open for
// changing it.
class File {
 public:
  explicit File(const std::string &contents = "") {
    std::string name = testing::TempDir() + "eventide-XXXXXX";
    fd_ = mkstemp(name.data());
    EXPECT_GE(fd_, 0);
    name_ = name;
    write_at(0, contents);
  }
  File(const File &) = delete;
  File &operator=(const File &) = delete;
  ~File() {
    unlink(name_.c_str());
    close(fd_);
  }

  int open(int flags = O_RDONLY) const {
    const int fd = ::open(name_.c_str(), flags | O_CLOEXEC);
    EXPECT_GE(fd, 0);
    return fd;
  }
  void write_at(off_t offset, const std::string &bytes) {
    EXPECT_EQ(pwrite(fd_, bytes.data(), bytes.size(), offset), static_cast<ssize_t>(bytes.size()));
  }
  void cut(off_t size) { EXPECT_EQ(ftruncate(fd_, size), 0); }
  off_t size() const {
    struct stat st {};
    EXPECT_EQ(fstat(fd_, &st), 0);
    return st.st_size;
  }

 private:
  int fd_ = -1;
  std::string name_;
};

}  // namespace test

#endif
