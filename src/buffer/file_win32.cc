// Files on Windows: fds of the C run-time library, their handles, and views of them in memory.
#include <winsock2.h>
// The order matters: winsock2.h comes before windows.h.
#include <windows.h>

#include <io.h>

#include <algorithm>
#include <cerrno>

#include "buffer/descriptor_io.h"
#include "buffer/file_io.h"
#include "util/assert.h"

namespace evi {
namespace {

constexpr std::size_t kMaxRead = 1 << 30;

HANDLE handle_of(int fd) noexcept {
  return fd < 0 ? INVALID_HANDLE_VALUE : reinterpret_cast<HANDLE>(_get_osfhandle(fd));
}

constexpr DWORD high_half(std::uint64_t value) noexcept { return static_cast<DWORD>(value >> 32); }
constexpr DWORD low_half(std::uint64_t value) noexcept { return static_cast<DWORD>(value & 0xffffffff); }
constexpr std::uint64_t joined(DWORD high, DWORD low) noexcept {
  return static_cast<std::uint64_t>(high) << 32 | low;
}

// Views begin at multiples of the allocation granularity, which is larger than a page.
std::size_t offset_in_view(std::uint64_t offset) noexcept {
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return static_cast<std::size_t>(offset % info.dwAllocationGranularity);
}

// ReadFile moves the file position even with an explicit offset: restores it.
class KeptPosition {
 public:
  explicit KeptPosition(HANDLE file) noexcept : file_(file) {
    known_ = SetFilePointerEx(file_, LARGE_INTEGER{}, &position_, FILE_CURRENT) != 0;
  }
  ~KeptPosition() {
    if (known_) SetFilePointerEx(file_, position_, nullptr, FILE_BEGIN);
  }
  KeptPosition(const KeptPosition &) = delete;
  KeptPosition &operator=(const KeptPosition &) = delete;

 private:
  HANDLE file_;
  LARGE_INTEGER position_{};
  bool known_;
};

// Bytes read, 0 at the end, -1 with errno.
ev_ssize_t read_at(HANDLE file, std::uint64_t offset, void *data, std::size_t size) noexcept {
  OVERLAPPED at{};
  at.Offset = low_half(offset);
  at.OffsetHigh = high_half(offset);
  DWORD got = 0;
  if (ReadFile(file, data, static_cast<DWORD>(std::min(size, kMaxRead)), &got, &at)) {
    return static_cast<ev_ssize_t>(got);
  }
  if (GetLastError() == ERROR_HANDLE_EOF) return 0;
  errno = EIO;
  return -1;
}

}  // namespace

bool file_facts(int fd, FileFacts &out) noexcept {
  BY_HANDLE_FILE_INFORMATION info;
  const HANDLE file = handle_of(fd);
  if (file == INVALID_HANDLE_VALUE) {
    errno = EBADF;
    return false;
  }
  // Pipes and devices have neither id nor size, and are read up to EOF.
  out = FileFacts{};
  if (GetFileType(file) != FILE_TYPE_DISK) return true;
  if (!GetFileInformationByHandle(file, &info)) {
    errno = EBADF;
    return false;
  }
  out.id = {info.dwVolumeSerialNumber, joined(info.nFileIndexHigh, info.nFileIndexLow)};
  out.size = joined(info.nFileSizeHigh, info.nFileSizeLow);
  out.sized = out.size > 0;
  return true;
}

bool file_read(int fd, std::uint64_t offset, void *data, std::size_t size) noexcept {
  const HANDLE file = handle_of(fd);
  const KeptPosition kept(file);
  auto *at = static_cast<unsigned char *>(data);
  while (size > 0) {
    const ev_ssize_t got = read_at(file, offset, at, size);
    if (got == 0) errno = EIO;
    if (got <= 0) return false;
    at += got;
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool file_ends_at(int fd, std::uint64_t offset) noexcept {
  const HANDLE file = handle_of(fd);
  const KeptPosition kept(file);
  char byte;
  return read_at(file, offset, &byte, 1) == 0;
}

void file_close(int fd, const FileId &id) noexcept {
  const int error = errno;
  FileFacts now;
  if (file_facts(fd, now) && now.id == id) _close(fd);
  errno = error;
}

unsigned char *file_map(int fd, std::uint64_t offset, std::size_t size) noexcept {
  EVI_ASSERT(size > 0);
  const std::size_t before = offset_in_view(offset);
  const HANDLE mapping = CreateFileMappingW(handle_of(fd), nullptr, PAGE_READONLY, 0, 0, nullptr);
  if (!mapping) {
    errno = EACCES;
    return nullptr;
  }
  const std::uint64_t from = offset - before;
  void *view = MapViewOfFile(mapping, FILE_MAP_READ, high_half(from), low_half(from), size + before);
  // The view keeps the mapping.
  CloseHandle(mapping);
  if (view) return static_cast<unsigned char *>(view) + before;
  errno = ENOMEM;
  return nullptr;
}

void file_unmap(unsigned char *data, std::uint64_t offset, std::size_t) noexcept {
  UnmapViewOfFile(data - offset_in_view(offset));
}

// TransmitFile sends whole files, and blocks on nonblocking sockets: files are mapped or read instead.
constinit const bool kCanSendFiles = false;

ev_ssize_t file_send(int, int, std::uint64_t, std::size_t) noexcept {
  errno = ENOSYS;
  return -1;
}

bool cannot_send(int error) noexcept { return error == ENOSYS; }

ev_ssize_t write_before_file(int to, const evbuffer_iovec *vec, int count) noexcept {
  return write_extents(to, vec, count);
}

}  // namespace evi
