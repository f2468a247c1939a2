// Temporary files for tests.
#ifndef EVENTIDE_TEST_SUPPORT_FILES_H
#define EVENTIDE_TEST_SUPPORT_FILES_H

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
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
    close(fd_);
    unlink(name_.c_str());
  }

  int open(int flags = O_RDONLY) const {
    const int fd = ::open(name_.c_str(), flags | O_CLOEXEC);
    EXPECT_GE(fd, 0);
    return fd;
  }
  void write_at(long long offset, const std::string &bytes) {
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

// A stream whose text can be read back.
class Stream {
 public:
  Stream() { EXPECT_NE(file_, nullptr); }
  Stream(const Stream &) = delete;
  Stream &operator=(const Stream &) = delete;
  ~Stream() { std::fclose(file_); }

  std::FILE *file() const { return file_; }
  std::string text() const {
    std::string read(static_cast<std::size_t>(std::ftell(file_)), '\0');
    std::rewind(file_);
    EXPECT_EQ(std::fread(read.data(), 1, read.size(), file_), read.size());
    std::fseek(file_, 0, SEEK_END);
    return read;
  }

 private:
  std::FILE *file_ = std::tmpfile();
};

}  // namespace test

#endif
