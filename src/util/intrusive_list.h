// Doubly linked lists over hooks that lie in the listed objects, in the two shapes that public structs fix:
// TailList (first + address of last "next", as TAILQ) and HeadList (first only, as LIST).
//
// A hook type has `next` (Item*) and `prev` (Item**: where the pointer to this item is stored). The lists own
// nothing and allocate nothing. Traits::of(item) names the hook of an item:
//
//   struct ActiveHook { static auto &of(event_callback &c) noexcept { return c.evcb_active_next; } };
#ifndef EVI_UTIL_INTRUSIVE_LIST_H
#define EVI_UTIL_INTRUSIVE_LIST_H

#include "util/assert.h"

namespace evi {

// The hook for our own structs; public structs have their own.
template <typename Item>
struct ListHook {
  Item *next = nullptr;
  Item **prev = nullptr;
};

// The two members of a hook, which public structs name tqe_* or le_*.
template <typename Hook>
auto &hook_next(Hook &h) noexcept {
  if constexpr (requires { h.tqe_next; }) {
    return h.tqe_next;
  } else if constexpr (requires { h.le_next; }) {
    return h.le_next;
  } else {
    return h.next;
  }
}
template <typename Hook>
auto &hook_prev(Hook &h) noexcept {
  if constexpr (requires { h.tqe_prev; }) {
    return h.tqe_prev;
  } else if constexpr (requires { h.le_prev; }) {
    return h.le_prev;
  } else {
    return h.prev;
  }
}

// For assertions. The hooks of public structs are not initialised by all their users, and some are in unions:
// only those of our own structs are known to be unlinked while `prev` is null.
template <typename Hook>
bool may_be_unlinked(Hook &h) noexcept {
  if constexpr (requires { h.prev; }) {
    return h.prev == nullptr;
  } else {
    return true;
  }
}
template <typename Traits, typename Item>
bool is_linked(Item &item) noexcept {
  auto &hook = Traits::of(item);
  Item *const after = hook_next(hook);
  return hook_prev(hook) && *hook_prev(hook) == &item &&
         (!after || hook_prev(Traits::of(*after)) == &hook_next(hook));
}

template <typename Item, typename Traits>
class TailList {
 public:
  TailList() noexcept = default;
  TailList(const TailList &) = delete;
  TailList &operator=(const TailList &) = delete;

  bool empty() const noexcept { return first_ == nullptr; }
  Item *front() const noexcept { return first_; }
  static Item *next(Item &item) noexcept { return hook_next(Traits::of(item)); }

  void push_back(Item &item) noexcept {
    auto &hook = Traits::of(item);
    EVI_ASSERT(may_be_unlinked(hook));
    EVI_ASSERT(*last_ == nullptr);
    hook_next(hook) = nullptr;
    hook_prev(hook) = last_;
    *last_ = &item;
    last_ = &hook_next(hook);
  }
  void push_front(Item &item) noexcept { insert_after(nullptr, item); }

  // Inserts behind `where`, at the front if that is null.
  void insert_after(Item *where, Item &item) noexcept {
    Item **slot = where ? &hook_next(Traits::of(*where)) : &first_;
    auto &hook = Traits::of(item);
    EVI_ASSERT(may_be_unlinked(hook));
    EVI_ASSERT(!where || is_linked<Traits>(*where));
    hook_next(hook) = *slot;
    hook_prev(hook) = slot;
    (*slot ? hook_prev(Traits::of(**slot)) : last_) = &hook_next(hook);
    *slot = &item;
  }

  void remove(Item &item) noexcept {
    auto &hook = Traits::of(item);
    Item *after = hook_next(hook);
    EVI_ASSERT(is_linked<Traits>(item));
    EVI_ASSERT(after || last_ == &hook_next(hook));
    (after ? hook_prev(Traits::of(*after)) : last_) = hook_prev(hook);
    *hook_prev(hook) = after;
    hook_next(hook) = nullptr;
    hook_prev(hook) = nullptr;
  }

  Item *pop_front() noexcept {
    Item *item = first_;
    if (item) remove(*item);
    return item;
  }

  // Takes over all items of another list, which is left empty. Requires: this list is empty.
  void take(TailList &other) noexcept {
    EVI_ASSERT(empty() && &other != this);
    if (other.empty()) return;
    first_ = other.first_;
    last_ = other.last_;
    hook_prev(Traits::of(*first_)) = &first_;
    other.first_ = nullptr;
    other.last_ = &other.first_;
  }

  // For tests: every `prev` points to where the item's address is stored.
  bool check_invariants() const noexcept {
    Item *const *slot = &first_;
    while (*slot) {
      auto &hook = Traits::of(**slot);
      if (hook_prev(hook) != slot) return false;
      slot = &hook_next(hook);
    }
    return last_ == slot;
  }

 private:
  Item *first_ = nullptr;
  Item **last_ = &first_;
};

// A list whose head is any Item*, such as the slot of a table.
template <typename Item, typename Traits>
struct HeadList {
  static void push_front(Item *&head, Item &item) noexcept {
    auto &hook = Traits::of(item);
    EVI_ASSERT(may_be_unlinked(hook));
    EVI_ASSERT(!head || hook_prev(Traits::of(*head)) == &head);
    hook_next(hook) = head;
    hook_prev(hook) = &head;
    if (head) hook_prev(Traits::of(*head)) = &hook_next(hook);
    head = &item;
  }
  static void remove(Item &item) noexcept {
    auto &hook = Traits::of(item);
    EVI_ASSERT(is_linked<Traits>(item));
    if (hook_next(hook)) hook_prev(Traits::of(*hook_next(hook))) = hook_prev(hook);
    *hook_prev(hook) = hook_next(hook);
    hook_next(hook) = nullptr;
    hook_prev(hook) = nullptr;
  }
  static Item *next(Item &item) noexcept { return hook_next(Traits::of(item)); }
};

}  // namespace evi

#endif
