// The completion port of a base: how operations begin, and how they end.
#include "core/completion_port.h"

#include "util/alloc.h"
#include "util/log.h"

namespace evi {
namespace {

// What is taken from the port at a time when a base is freed.
constexpr ULONG kBatch = 64;
// A cancelled operation comes back at once. These bound the wait for a driver that does not keep to that: for
// one, with locks held, and for all of a base that is being freed.
constexpr ULONGLONG kLongestCancelMs = 100;
constexpr ULONGLONG kLongestDrainMs = 10'000;
constexpr DWORD kDrainRoundMs = 10;
// Before the first wait that takes a tick of the system's clock.
constexpr int kYields = 100;

template <typename F>
F extension(std::atomic<F> &known, Socket socket, GUID which) noexcept {
  F found = known.load(std::memory_order_relaxed);
  if (found) return found;
  DWORD size = 0;
  const int status = WSAIoctl(winsock(socket), SIO_GET_EXTENSION_FUNCTION_POINTER, &which, sizeof(which),
                              &found, sizeof(found), &size, nullptr, nullptr);
  if (status != 0) return nullptr;
  known.store(found, std::memory_order_relaxed);
  return found;
}

constexpr GUID kConnectEx = WSAID_CONNECTEX;
constexpr GUID kAcceptEx = WSAID_ACCEPTEX;
constexpr GUID kAcceptExAddresses = WSAID_GETACCEPTEXSOCKADDRS;

}  // namespace

// Completions of the method that a base which is being freed finds at its port. They are put back at the end:
// put back at once, they would be found again at once, and the base would never wait.
class ForeignReports {
 public:
  explicit ForeignReports(HANDLE port) noexcept : port_(port) {}
  ForeignReports(const ForeignReports &) = delete;
  ForeignReports &operator=(const ForeignReports &) = delete;
  ~ForeignReports() {
    for (ULONG i = 0; i < count_; ++i) put_back(entries_[i]);
    mm_free(entries_);
  }

  // Out of memory, it is put back at once.
  void keep(const OVERLAPPED_ENTRY &entry) noexcept {
    if (count_ == capacity_ && !grow()) return put_back(entry);
    entries_[count_++] = entry;
  }

 private:
  bool grow() noexcept {
    const ULONG capacity = capacity_ ? 2 * capacity_ : kBatch;
    void *more = mm_realloc(entries_, capacity * sizeof(OVERLAPPED_ENTRY));
    if (!more) return false;
    entries_ = static_cast<OVERLAPPED_ENTRY *>(more);
    capacity_ = capacity;
    return true;
  }

  // The system may be short of memory for a moment; the method would wait long for what is lost.
  void put_back(const OVERLAPPED_ENTRY &entry) const noexcept {
    const ULONGLONG began = GetTickCount64();
    while (!PostQueuedCompletionStatus(port_, entry.dwNumberOfBytesTransferred, entry.lpCompletionKey,
                                       entry.lpOverlapped)) {
      const DWORD error = GetLastError();
      if (GetTickCount64() - began >= kLongestCancelMs) {
        return log_warnx("PostQueuedCompletionStatus: a completion is lost (error %lu)", error);
      }
      Sleep(1);
    }
  }

  const HANDLE port_;
  OVERLAPPED_ENTRY *entries_ = nullptr;
  ULONG count_ = 0;
  ULONG capacity_ = 0;
};

// --- one operation ---

// One that failed may have moved something before.
int Operation::finish(std::size_t &bytes) noexcept {
  under_way = false;
  bytes = overlapped.InternalHigh;
  if (error) return error;
  DWORD moved = 0;
  DWORD flags = 0;
  const bool good = WSAGetOverlappedResult(winsock(socket), &overlapped, &moved, FALSE, &flags);
  return good ? 0 : WSAGetLastError();
}

void Operation::cancel() noexcept {
  if (under_way) CancelIoEx(handle_of(socket), &overlapped);
}

bool Operation::cancel_and_wait(std::size_t &bytes) noexcept {
  bytes = 0;
  if (error) return true;
  cancel();
  const ULONGLONG began = GetTickCount64();
  for (int i = 0; !HasOverlappedIoCompleted(&overlapped); ++i) {
    if (GetTickCount64() - began >= kLongestCancelMs) return false;
    Sleep(i < kYields ? 0 : 1);
  }
  std::atomic_thread_fence(std::memory_order_acquire);
  bytes = overlapped.InternalHigh;
  return true;
}

// --- life ---

CompletionPort::~CompletionPort() {
  for (Operation *op = under_way_.front(); op; op = under_way_.next(*op)) op->cancel();
  const ULONGLONG began = GetTickCount64();
  {
    ForeignReports foreign(port_);
    while (!under_way_.empty() && GetTickCount64() - began < kLongestDrainMs) {
      if (!drain_some(foreign)) break;
    }
  }
  if (under_way_.empty()) return;
  // Their memory is never touched again by us, but may be by the kernel: it stays.
  log_warnx("event_base_free: overlapped operations that do not end");
  while (Operation *op = under_way_.pop_front()) op->stranded = true;
}

// False if the port is broken.
bool CompletionPort::drain_some(ForeignReports &foreign) noexcept {
  OVERLAPPED_ENTRY entries[kBatch];
  ULONG count = 0;
  if (!GetQueuedCompletionStatusEx(port_, entries, kBatch, &count, kDrainRoundMs, FALSE)) {
    return GetLastError() == WAIT_TIMEOUT;
  }
  for (ULONG i = 0; i < count; ++i) {
    if (entries[i].lpCompletionKey == kOperationKey) {
      const LockGuard held(base_.lock());
      report(entries[i]);
    } else {
      foreign.keep(entries[i]);
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
  return extension(connect_ex_, any, kConnectEx);
}

LPFN_ACCEPTEX CompletionPort::accept_ex(Socket any) noexcept { return extension(accept_ex_, any, kAcceptEx); }

LPFN_GETACCEPTEXSOCKADDRS CompletionPort::accept_addresses(Socket any) noexcept {
  return extension(accept_addresses_, any, kAcceptExAddresses);
}

// --- what a base asks for ---

bool open_completion_port(event_base &base, void *method_port, CompletionPort *&out) noexcept {
  auto *const port = static_cast<HANDLE>(method_port);
  if (port) out = make<CompletionPort>(base, port);
  return !port || out;
}

void close_completion_port(CompletionPort *port) noexcept { destroy(port); }

}  // namespace evi
