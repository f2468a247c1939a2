// The completion port of a base: how operations begin, and how they end.
#include "core/completion_port.h"

#include "util/alloc.h"
#include "util/log.h"

namespace evi {
namespace {

// What is taken from the port at a time when a base is freed.
constexpr ULONG kBatch = 64;
// A cancelled operation comes back at once. These bound the wait for a driver that does not keep to that.
constexpr int kMaxDrainRounds = 10'000;
constexpr DWORD kDrainRoundMs = 1;
constexpr int kMaxYields = 10'000;

template <typename F>
F extension(Socket socket, GUID which) noexcept {
  F found = nullptr;
  DWORD size = 0;
  const int status = WSAIoctl(winsock(socket), SIO_GET_EXTENSION_FUNCTION_POINTER, &which, sizeof(which),
                              &found, sizeof(found), &size, nullptr, nullptr);
  return status == 0 ? found : nullptr;
}

constexpr GUID kConnectEx = WSAID_CONNECTEX;
constexpr GUID kAcceptEx = WSAID_ACCEPTEX;
constexpr GUID kAcceptExAddresses = WSAID_GETACCEPTEXSOCKADDRS;

}  // namespace

// --- one operation ---

int Operation::finish(std::size_t &bytes) noexcept {
  under_way = false;
  bytes = 0;
  if (error) return error;
  DWORD moved = 0;
  DWORD flags = 0;
  if (WSAGetOverlappedResult(winsock(socket), &overlapped, &moved, FALSE, &flags)) {
    bytes = moved;
    return 0;
  }
  return WSAGetLastError();
}

void Operation::cancel() noexcept {
  if (under_way) CancelIoEx(handle_of(socket), &overlapped);
}

bool Operation::cancel_and_wait(std::size_t &bytes) noexcept {
  cancel();
  bytes = 0;
  if (error) return true;
  for (int i = 0; i < kMaxYields && !HasOverlappedIoCompleted(&overlapped); ++i) Sleep(i < 100 ? 0 : 1);
  if (!HasOverlappedIoCompleted(&overlapped)) return false;
  DWORD moved = 0;
  DWORD flags = 0;
  if (WSAGetOverlappedResult(winsock(socket), &overlapped, &moved, FALSE, &flags)) bytes = moved;
  return true;
}

// --- life ---

CompletionPort::~CompletionPort() {
  for (Operation *op = under_way_.front(); op; op = under_way_.next(*op)) op->cancel();
  for (int round = 0; !under_way_.empty() && round < kMaxDrainRounds; ++round) {
    if (!drain_some()) break;
  }
  // Their memory is never touched again by us, but may be by the kernel: it stays.
  if (!under_way_.empty()) log_warnx("event_base_free: overlapped operations that do not end");
}

// What the method waits for is put back.
bool CompletionPort::drain_some() noexcept {
  OVERLAPPED_ENTRY entries[kBatch];
  ULONG count = 0;
  if (!GetQueuedCompletionStatusEx(port_, entries, kBatch, &count, kDrainRoundMs, FALSE)) {
    return GetLastError() == WAIT_TIMEOUT;
  }
  for (ULONG i = 0; i < count; ++i) {
    const OVERLAPPED_ENTRY &entry = entries[i];
    if (entry.lpCompletionKey == kOperationKey) {
      const LockGuard held(base_.lock());
      report(entry);
    } else {
      PostQueuedCompletionStatus(port_, entry.dwNumberOfBytesTransferred, entry.lpCompletionKey,
                                 entry.lpOverlapped);
    }
  }
  return true;
}

// --- operations ---

bool CompletionPort::associate(Socket socket) noexcept {
  return CreateIoCompletionPort(handle_of(socket), port_, kOperationKey, 0) != nullptr;
}

void CompletionPort::announce(Operation &op, Socket socket, std::uint8_t priority) noexcept {
  op.overlapped = OVERLAPPED{};
  op.socket = socket;
  op.error = 0;
  op.done.evcb_pri = priority;
  op.under_way = true;
  op.forgotten = false;
  const LockGuard held(base_.lock());
  under_way_.push_back(op);
}

void CompletionPort::withdraw(Operation &op) noexcept {
  op.under_way = false;
  const LockGuard held(base_.lock());
  under_way_.remove(op);
}

void CompletionPort::finish_with(Operation &op, int error) noexcept {
  op.error = error;
  op.under_way = true;
  op.forgotten = false;
  op.overlapped = OVERLAPPED{};
  base_.schedule(op.done);
}

void CompletionPort::report(const OVERLAPPED_ENTRY &entry) noexcept {
  auto &op = *reinterpret_cast<Operation *>(entry.lpOverlapped);
  under_way_.remove(op);
  base_.report_done(op.done);
}

// --- extensions ---

LPFN_CONNECTEX CompletionPort::connect_ex(Socket any) noexcept {
  if (!connect_ex_) connect_ex_ = extension<LPFN_CONNECTEX>(any, kConnectEx);
  return connect_ex_;
}

LPFN_ACCEPTEX CompletionPort::accept_ex(Socket any) noexcept {
  if (!accept_ex_) accept_ex_ = extension<LPFN_ACCEPTEX>(any, kAcceptEx);
  return accept_ex_;
}

LPFN_GETACCEPTEXSOCKADDRS CompletionPort::accept_addresses(Socket any) noexcept {
  if (!accept_addresses_) accept_addresses_ = extension<LPFN_GETACCEPTEXSOCKADDRS>(any, kAcceptExAddresses);
  return accept_addresses_;
}

// --- what a base asks for ---

bool open_completion_port(event_base &base, CompletionPort *&out) noexcept {
  auto *const port = static_cast<HANDLE>(base.method_port());
  if (port) out = make<CompletionPort>(base, port);
  return !port || out;
}

void close_completion_port(CompletionPort *port) noexcept { destroy(port); }

}  // namespace evi
