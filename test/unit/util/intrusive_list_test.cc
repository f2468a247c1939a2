#include "util/intrusive_list.h"

#include <gtest/gtest.h>
#include <sys/queue.h>

#include <algorithm>
#include <random>
#include <vector>

namespace {

struct Item {
  int value = 0;
  evi::ListHook<Item> hook;
};
struct ItemHook {
  static auto &of(Item &item) noexcept { return item.hook; }
};
using Tail = evi::TailList<Item, ItemHook>;
using Head = evi::HeadList<Item, ItemHook>;

std::vector<Item *> items_of(const Tail &list) {
  std::vector<Item *> all;
  for (Item *each = list.front(); each; each = Tail::next(*each)) all.push_back(each);
  return all;
}

TEST(TailList, keeps_the_order_of_push_back) {
  Item a, b, c;
  Tail list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.front(), nullptr);
  for (Item *each : {&a, &b, &c}) {
    list.push_back(*each);
    EXPECT_TRUE(list.check_invariants());
  }
  EXPECT_EQ(items_of(list), (std::vector<Item *>{&a, &b, &c}));
}

TEST(TailList, inserts_at_the_front_in_the_middle_and_at_the_back) {
  Item a, b, c, d;
  Tail list;
  list.push_front(b);
  list.push_front(a);
  list.insert_after(&b, d);
  list.insert_after(&b, c);
  EXPECT_TRUE(list.check_invariants());
  EXPECT_EQ(items_of(list), (std::vector<Item *>{&a, &b, &c, &d}));
}

TEST(TailList, removes_any_item_and_clears_its_hook) {
  for (int position = 0; position < 3; ++position) {
    Item a, b, c;
    Item *const gone = position == 0 ? &a : position == 1 ? &b : &c;
    Tail list;
    for (Item *each : {&a, &b, &c}) list.push_back(*each);
    list.remove(*gone);
    EXPECT_TRUE(list.check_invariants());
    EXPECT_EQ(items_of(list).size(), 2u);
    EXPECT_EQ(gone->hook.next, nullptr);
    EXPECT_EQ(gone->hook.prev, nullptr);
    list.push_back(*gone);
    EXPECT_EQ(items_of(list).back(), gone);
    EXPECT_TRUE(list.check_invariants());
  }
}

TEST(TailList, pops_until_it_is_empty) {
  Item a, b;
  Tail list;
  list.push_back(a);
  list.push_back(b);
  EXPECT_EQ(list.pop_front(), &a);
  EXPECT_EQ(list.pop_front(), &b);
  EXPECT_EQ(list.pop_front(), nullptr);
  EXPECT_TRUE(list.check_invariants());
  list.push_back(b);
  EXPECT_EQ(list.front(), &b);
}

TEST(TailList, splices_another_list_or_an_empty_one) {
  Item a, b, c;
  Tail from;
  Tail to;
  to.take(from);
  EXPECT_TRUE(to.empty());
  from.push_back(a);
  from.push_back(b);
  to.take(from);
  EXPECT_TRUE(from.empty());
  EXPECT_TRUE(from.check_invariants());
  EXPECT_TRUE(to.check_invariants());
  to.push_back(c);
  from.push_back(from.empty() ? *to.pop_front() : a);
  EXPECT_EQ(items_of(to), (std::vector<Item *>{&b, &c}));
  EXPECT_EQ(items_of(from), (std::vector<Item *>{&a}));
}

TEST(TailList, agrees_with_a_vector_over_many_random_steps) {
  std::mt19937 random{12345};
  std::vector<Item> items(40);
  std::vector<Item *> model;
  Tail list;
  for (int step = 0; step < 5000; ++step) {
    Item &item = items[random() % items.size()];
    const auto at = std::find(model.begin(), model.end(), &item);
    if (at != model.end()) {
      list.remove(item);
      model.erase(at);
    } else if (random() % 3 == 0) {
      list.push_front(item);
      model.insert(model.begin(), &item);
    } else if (random() % 3 == 0 && !model.empty()) {
      const std::size_t where = random() % model.size();
      list.insert_after(model[where], item);
      model.insert(model.begin() + static_cast<long>(where) + 1, &item);
    } else {
      list.push_back(item);
      model.push_back(&item);
    }
    ASSERT_TRUE(list.check_invariants()) << step;
    ASSERT_EQ(items_of(list), model) << step;
  }
}

// The layout compiled into applications: the hook and the head of <sys/queue.h>.
struct Listed {
  int value;
  TAILQ_ENTRY(Listed) in_tail;
  LIST_ENTRY(Listed) in_head;
};
struct ListedTail {
  static auto &of(Listed &item) noexcept { return item.in_tail; }
};
struct ListedHead {
  static auto &of(Listed &item) noexcept { return item.in_head; }
};

TEST(TailList, links_the_hooks_as_tailq_does) {
  Listed a{1, {}, {}}, b{2, {}, {}};
  evi::TailList<Listed, ListedTail> list;
  list.push_back(a);
  list.push_back(b);
  EXPECT_EQ(a.in_tail.tqe_next, &b);
  EXPECT_EQ(b.in_tail.tqe_prev, &a.in_tail.tqe_next);
  EXPECT_EQ(b.in_tail.tqe_next, nullptr);
  EXPECT_TRUE(list.check_invariants());
}

TEST(HeadList, pushes_and_removes_as_list_does) {
  Listed a{1, {}, {}}, b{2, {}, {}}, c{3, {}, {}};
  using List = evi::HeadList<Listed, ListedHead>;
  Listed *head = nullptr;
  for (Listed *each : {&a, &b, &c}) List::push_front(head, *each);
  EXPECT_EQ(head, &c);
  EXPECT_EQ(List::next(c), &b);
  EXPECT_EQ(b.in_head.le_prev, &c.in_head.le_next);
  List::remove(b);
  EXPECT_EQ(List::next(c), &a);
  EXPECT_EQ(a.in_head.le_prev, &c.in_head.le_next);
  List::remove(c);
  EXPECT_EQ(head, &a);
  List::remove(a);
  EXPECT_EQ(head, nullptr);
}

TEST(HeadList, can_be_used_again_after_removal) {
  Item a;
  Item *head = nullptr;
  for (int i = 0; i < 3; ++i) {
    Head::push_front(head, a);
    EXPECT_EQ(head, &a);
    Head::remove(a);
    EXPECT_EQ(head, nullptr);
    EXPECT_EQ(a.hook.prev, nullptr);
  }
}

#ifndef NDEBUG

// Assertions report to stderr.
struct ListDeathTest : testing::Test {
  Item a, b;
  Tail list;
};

TEST_F(ListDeathTest, item_that_is_linked_is_not_inserted) {
  list.push_back(a);
  EXPECT_DEATH(list.push_back(a), "may_be_unlinked");
  EXPECT_DEATH(list.push_front(a), "may_be_unlinked");
  Item *head = nullptr;
  EXPECT_DEATH(Head::push_front(head, a), "may_be_unlinked");
}

TEST_F(ListDeathTest, item_that_is_not_linked_is_not_removed) {
  EXPECT_DEATH(list.remove(a), "is_linked");
  EXPECT_DEATH(Head::remove(a), "is_linked");
  list.push_back(a);
  EXPECT_DEATH(list.insert_after(&b, b), "is_linked");
}

TEST_F(ListDeathTest, last_item_of_another_list_is_not_removed) {
  Tail other;
  other.push_back(a);
  EXPECT_DEATH(list.remove(a), "last_ == ");
}

TEST_F(ListDeathTest, list_with_items_takes_no_others) {
  Tail other;
  list.push_back(a);
  other.push_back(b);
  EXPECT_DEATH(list.take(other), "empty\\(\\)");
  EXPECT_DEATH(list.take(list), "other != this");
}

#endif

}  // namespace
