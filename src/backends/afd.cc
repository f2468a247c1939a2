// Requests to \Device\Afd: opening it, polling a socket, taking a poll back.
#include "backends/afd.h"

// The order matters: winsock2.h, which the header includes, comes before these.
#include <mswsock.h>
#include <winternl.h>

#include <cerrno>
#include <cstdint>

namespace evi::afd {
namespace {

constexpr DWORD kIoctlPoll = 0x00012024;
constexpr auto kCancelled = static_cast<NTSTATUS>(0xC0000120);
constexpr auto kNoResources = static_cast<NTSTATUS>(0xC000009A);
constexpr auto kNoMemory = static_cast<NTSTATUS>(0xC0000017);

#ifndef SIO_BSP_HANDLE_POLL
#define SIO_BSP_HANDLE_POLL 0x4800001D
#endif

using CreateFileFn = decltype(&NtCreateFile);

// Looked up and not linked, so that a system without it costs a method and not the library. No other function
// opens a device by its name in the kernel; the rest goes by documented calls.
CreateFileFn create_file() noexcept {
  const HMODULE ntdll = GetModuleHandleA("ntdll.dll");
  if (!ntdll) return nullptr;
  return reinterpret_cast<CreateFileFn>(reinterpret_cast<void *>(GetProcAddress(ntdll, "NtCreateFile")));
}

NTSTATUS status_of(const Request &request) noexcept {
  return static_cast<NTSTATUS>(request.overlapped.Internal);
}

HANDLE open_device() noexcept {
  // What follows the device's name is ours to choose.
  static constexpr wchar_t kName[] = L"\\Device\\Afd\\Eventide";
  const CreateFileFn create = create_file();
  if (!create) {
    errno = ENOSYS;
    return nullptr;
  }
  UNICODE_STRING name{};
  name.Length = static_cast<USHORT>(sizeof(kName) - sizeof(wchar_t));
  name.MaximumLength = static_cast<USHORT>(sizeof(kName));
  name.Buffer = const_cast<wchar_t *>(kName);
  OBJECT_ATTRIBUTES attributes{};
  attributes.Length = sizeof(attributes);
  attributes.ObjectName = &name;
  IO_STATUS_BLOCK status{};
  HANDLE device = nullptr;
  const NTSTATUS result = create(&device, SYNCHRONIZE, &attributes, &status, nullptr, 0,
                                 FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_OPEN, 0, nullptr, 0);
  if (result == 0) return device;
  errno = result == kNoResources || result == kNoMemory ? ENOMEM : ENOSYS;
  return nullptr;
}

SOCKET ask_provider(SOCKET socket, DWORD code) noexcept {
  SOCKET base = INVALID_SOCKET;
  DWORD length = 0;
  const int failed = WSAIoctl(socket, code, nullptr, 0, &base, sizeof(base), &length, nullptr, nullptr);
  return failed ? INVALID_SOCKET : base;
}

}  // namespace

bool Request::was_cancelled() const noexcept { return status_of(*this) == kCancelled; }
bool Request::lacked_memory() const noexcept {
  return status_of(*this) == kNoResources || status_of(*this) == kNoMemory;
}
bool Request::failed() const noexcept { return status_of(*this) < 0; }

HANDLE open(HANDLE port, ULONG_PTR key) noexcept {
  const HANDLE device = open_device();
  if (!device) return nullptr;
  // Its handle is never waited for itself.
  if (CreateIoCompletionPort(device, port, key, 0) &&
      SetFileCompletionNotificationModes(device, FILE_SKIP_SET_EVENT_ON_HANDLE)) {
    return device;
  }
  CloseHandle(device);
  errno = ENOMEM;
  return nullptr;
}

Start poll(HANDLE device, Request &request, SOCKET socket, ULONG events) noexcept {
  request = {};
  PollInfo &info = request.info;
  info.timeout.QuadPart = INT64_MAX;
  info.count = 1;
  info.socket = socket;
  info.events = events;
  if (DeviceIoControl(device, kIoctlPoll, &info, sizeof(info), &info, sizeof(info), nullptr,
                      &request.overlapped)) {
    return Start::ok;
  }
  switch (GetLastError()) {
    case ERROR_IO_PENDING:
      return Start::ok;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_NO_SYSTEM_RESOURCES:
    case ERROR_NOT_ENOUGH_QUOTA:
    case ERROR_WORKING_SET_QUOTA:
      return Start::later;
    default:
      return Start::never;
  }
}

void cancel(HANDLE device, Request &request) noexcept {
  static_cast<void>(CancelIoEx(device, &request.overlapped));
}

SOCKET base_socket(SOCKET socket) noexcept {
  const SOCKET base = ask_provider(socket, SIO_BASE_HANDLE);
  if (base != INVALID_SOCKET) return base;
  // Providers that hide their base from this question answer the one that select() asks.
  const SOCKET below = ask_provider(socket, SIO_BSP_HANDLE_POLL);
  if (below == INVALID_SOCKET || below == socket) return INVALID_SOCKET;
  return ask_provider(below, SIO_BASE_HANDLE);
}

}  // namespace evi::afd
