// The completion port of a base: the thread that waits at it, and the end of operations.
#include "core/completion_port.h"

#include "util/alloc.h"
#include "util/log.h"

namespace evi {
namespace {

constexpr ULONG_PTR kQuitKey = 4;
// What is taken from the port at a time.
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

bool CompletionPort::serve(int concurrency) noexcept {
  const auto threads = static_cast<DWORD>(concurrency > 0 ? concurrency : 0);
  port_ = CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, threads);
  if (port_) thread_ = CreateThread(nullptr, 0, run, this, 0, nullptr);
  return thread_ != nullptr;
}

CompletionPort::~CompletionPort() {
  stop_thread();
  for (Operation *op = under_way_.front(); op; op = under_way_.next(*op)) op->cancel();
  for (int round = 0; !under_way_.empty() && round < kMaxDrainRounds; ++round) {
    if (!drain_some()) break;
  }
  // Their memory is never touched again by us, but may be by the kernel: it stays.
  if (!under_way_.empty()) log_warnx("event_base_free: overlapped operations that do not end");
  if (port_ && !lent_) CloseHandle(port_);
}

void CompletionPort::stop_thread() noexcept {
  if (!thread_) return;
  if (PostQueuedCompletionStatus(port_, 0, kQuitKey, nullptr)) WaitForSingleObject(thread_, INFINITE);
  CloseHandle(thread_);
}

// What a method that owns the port waits for is put back.
bool CompletionPort::drain_some() noexcept {
  OVERLAPPED_ENTRY entries[kBatch];
  ULONG count = 0;
  if (!GetQueuedCompletionStatusEx(port_, entries, kBatch, &count, kDrainRoundMs, FALSE)) {
    return GetLastError() == WAIT_TIMEOUT;
  }
  for (ULONG i = 0; i < count; ++i) {
    const OVERLAPPED_ENTRY &entry = entries[i];
    if (entry.lpCompletionKey == kOperationKey) {
      report(entry);
    } else {
      PostQueuedCompletionStatus(port_, entry.dwNumberOfBytesTransferred, entry.lpCompletionKey,
                                 entry.lpOverlapped);
    }
  }
  return true;
}

// --- the thread ---

DWORD WINAPI CompletionPort::run(void *self) noexcept {
  static_cast<CompletionPort *>(self)->serve_until_quit();
  return 0;
}

void CompletionPort::serve_until_quit() noexcept {
  OVERLAPPED_ENTRY entries[kBatch];
  ULONG count = 0;
  while (GetQueuedCompletionStatusEx(port_, entries, kBatch, &count, INFINITE, FALSE)) {
    bool quit = false;
    for (ULONG i = 0; i < count; ++i) {
      if (entries[i].lpCompletionKey == kQuitKey) {
        quit = true;
      } else {
        report(entries[i]);
      }
    }
    if (quit) return;
  }
  log_warnx("GetQueuedCompletionStatusEx: error %lu", GetLastError());
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
  {
    const LockGuard held(base_.lock());
    under_way_.remove(op);
  }
  // A loop that this wakes would run into the lock.
  base_.schedule(op.done);
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

bool open_completion_port(event_base &base, int concurrency, CompletionPort *&out) noexcept {
  auto *const lent = static_cast<HANDLE>(base.method_port());
  if (!lent && !base.lock()) {
    log_warnx("event_base_new: EVENT_BASE_FLAG_STARTUP_IOCP with the method %s needs locks", base.method());
    return false;
  }
  Owned<CompletionPort> port{make<CompletionPort>(base, lent)};
  if (!port || (!lent && !port->serve(concurrency))) {
    log_warnx("event_base_new: cannot make a completion port");
    return false;
  }
  out = port.release();
  return true;
}

void close_completion_port(CompletionPort *port) noexcept { destroy(port); }

}  // namespace evi
