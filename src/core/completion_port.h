// Overlapped operations of Windows: started by their owners, finished on the loop's thread.
//
// A base that was made with EVENT_BASE_FLAG_STARTUP_IOCP shares the port that its method waits at. The method
// hands over what it finds there, and the callback of the operation is queued in the base: it runs by its
// priority like any other. The base's lock guards the list of operations.
#ifndef EVI_CORE_COMPLETION_PORT_H
#define EVI_CORE_COMPLETION_PORT_H

#include <winsock2.h>
// The order matters: winsock2.h comes before the others.
#include <mswsock.h>
#include <windows.h>

#include <atomic>

#include "core/deferred.h"
#include "core/event_base.h"
#include "core/overlapped.h"
#include "util/intrusive_list.h"

namespace evi {

// Of completions at the port. The method has keys of its own, 1 and 2 (wepoll.cc).
inline constexpr ULONG_PTR kOperationKey = 3;

inline HANDLE handle_of(Socket socket) noexcept { return reinterpret_cast<HANDLE>(socket); }
inline SOCKET winsock(Socket socket) noexcept { return static_cast<SOCKET>(socket); }

// From begin() until its callback runs it belongs to the kernel and to the port: it must stay where it is.
struct Operation {
  OVERLAPPED overlapped = {};  // first: a completion reports its address
  event_callback done = {};
  ListHook<Operation> link;
  Socket socket = kNoSocket;
  int error = 0;           // of the call that was to begin it
  bool under_way = false;  // its callback has not run
  bool stranded = false;   // it did not end before its base did: the memory stays the kernel's

  void init(DeferredFn callback, void *arg) noexcept { deferred_init(done, 0, callback, arg); }
  // For the callback: that it is over. 0, or the socket error; `bytes` it moved in either case.
  int finish(std::size_t &bytes) noexcept;
  // It ends soon, by itself or as cancelled, and its callback runs.
  void cancel() noexcept;
  // The same, and waits until the kernel is done with it. False if that takes too long: then the number
  // of bytes is unknown.
  bool cancel_and_wait(std::size_t &bytes) noexcept;
};

struct OperationLink {
  static auto &of(Operation &op) noexcept { return op.link; }
};

class ForeignReports;

class CompletionPort {
 public:
  // The port stays the method's.
  CompletionPort(event_base &base, HANDLE port) noexcept : base_(base), port_(port) {}
  CompletionPort(const CompletionPort &) = delete;
  CompletionPort &operator=(const CompletionPort &) = delete;
  ~CompletionPort();

  // Completions of the socket come here as long as it is open. False if they go elsewhere already.
  [[nodiscard]] bool associate(Socket socket) noexcept;

  // Has `call(overlapped)` begin the operation, which returns as such functions do: false with the error of
  // the socket, ERROR_IO_PENDING included. 0, or the error if nothing was begun.
  template <typename F>
  [[nodiscard]] int try_begin(Operation &op, Socket socket, std::uint8_t priority, F &&call) noexcept {
    announce(op, socket, priority);
    const int error = call(&op.overlapped) ? 0 : WSAGetLastError();
    if (error == 0 || error == WSA_IO_PENDING) return 0;
    withdraw(op);
    return error;
  }
  // The same; the callback reports the error.
  template <typename F>
  void begin(Operation &op, Socket socket, std::uint8_t priority, F &&call) noexcept {
    const int error = try_begin(op, socket, priority, call);
    if (error) finish_with(op, error);
  }
  // The callback runs soon, with that error or 0.
  void finish_with(Operation &op, Socket socket, std::uint8_t priority, int error) noexcept {
    op.socket = socket;
    op.done.evcb_pri = priority;
    finish_with(op, error);
  }

  // What came out of the port with kOperationKey. The base's lock is held.
  void report(const OVERLAPPED_ENTRY &entry) noexcept;

  // Extensions of winsock, asked for with a socket; null if it has none. From any thread. The first socket
  // answers for all: those of TCP have one provider, unless a program's environment layers others over it.
  LPFN_CONNECTEX connect_ex(Socket any) noexcept;
  LPFN_ACCEPTEX accept_ex(Socket any) noexcept;
  LPFN_GETACCEPTEXSOCKADDRS accept_addresses(Socket any) noexcept;

 private:
  bool drain_some(ForeignReports &foreign) noexcept;
  void announce(Operation &op, Socket socket, std::uint8_t priority) noexcept;
  void withdraw(Operation &op) noexcept;
  void finish_with(Operation &op, int error) noexcept;

  event_base &base_;
  const HANDLE port_;
  TailList<Operation, OperationLink> under_way_;
  std::atomic<LPFN_CONNECTEX> connect_ex_{nullptr};
  std::atomic<LPFN_ACCEPTEX> accept_ex_{nullptr};
  std::atomic<LPFN_GETACCEPTEXSOCKADDRS> accept_addresses_{nullptr};
};

}  // namespace evi

#endif
