// The table of descriptors: growth, rejection of numbers out of range, and the interest of the events on an
// fd.
#include "core/fd_table.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <deque>
#include <random>

#include "support/events.h"
#include "support/fault_alloc.h"

using evi::FdSlot;
using evi::FdTable;

namespace {

event event_for(int fd, short what) {
  event ev = {};
  ev.ev_fd = fd;
  ev.ev_events = what;
  evi::flags(ev) = EVLIST_INIT;
  return ev;
}

void enter(FdSlot &slot, event &ev) {
  ASSERT_TRUE(FdTable::insert(slot, ev));
  evi::flags(ev) |= EVLIST_INSERTED;
}
void leave(FdSlot &slot, event &ev) {
  FdTable::remove(slot, ev);
  evi::flags(ev) = EVLIST_INIT;
}

// Behaviour 11: no memory is allocated for numbers that cannot be descriptors.
TEST(FdTable, rejects_fds_that_are_not_open) {
  FdTable table;
  for (const int fd : {INT_MAX, INT_MAX / 2, 100'000, 4000}) {
    errno = 0;
    EXPECT_FALSE(table.reserve(fd)) << fd;
    EXPECT_EQ(errno, EBADF) << fd;
    EXPECT_FALSE(table.contains(fd));
  }
  EXPECT_EQ(table.size(), 0);
  EXPECT_FALSE(table.contains(-1));
}

TEST(FdTable, growth_keeps_existing_events) {
  FdTable table;
  const test::Fd low{socket(AF_INET, SOCK_STREAM, 0)};
  const test::Fd high{fcntl(low, F_DUPFD_CLOEXEC, 200 * evi::kDescriptorStep)};
  ASSERT_GE(high, 200 * evi::kDescriptorStep);
  ASSERT_TRUE(table.reserve(low));
  event a = event_for(low, EV_READ), b = event_for(low, EV_WRITE), c = event_for(high, EV_READ);
  enter(table[low], a);
  enter(table[low], b);
  const int before = table.size();
  ASSERT_TRUE(table.reserve(high));
  EXPECT_GT(table.size(), before);
  enter(table[high], c);
  EXPECT_TRUE(table.check_invariants());
  // The first event of a list is taken out through the address of the list's head, which has moved.
  leave(table[low], b);
  EXPECT_EQ(table[low].first, &a);
  leave(table[low], a);
  EXPECT_EQ(table[low].first, nullptr);
  leave(table[high], c);
  EXPECT_TRUE(table.check_invariants());
}

TEST(FdTable, nothing_changes_when_out_of_memory) {
  test::FaultAlloc memory;
  {
    const test::Fd low{socket(AF_INET, SOCK_STREAM, 0)};
    const test::Fd high{fcntl(low, F_DUPFD_CLOEXEC, 200 * evi::kDescriptorStep)};
    FdTable table;
    ASSERT_TRUE(table.reserve(low));
    event ev = event_for(low, EV_READ);
    enter(table[low], ev);
    const int before = table.size();
    memory.fail_at(1);
    EXPECT_FALSE(table.reserve(high));
    EXPECT_EQ(table.size(), before);
    EXPECT_TRUE(table.check_invariants());
    leave(table[low], ev);
  }
  EXPECT_EQ(memory.live(), 0u);
}

constexpr struct {
  const char *name;
  std::initializer_list<short> events;
  int wanted;
} kCases[] = {
    {"nothing", {}, 0},
    {"one reader", {EV_READ}, EV_READ | evi::kOneShot},
    {"one lasting reader", {EV_READ | EV_PERSIST}, EV_READ},
    {"reader and writer once", {EV_READ, EV_WRITE}, EV_READ | EV_WRITE | evi::kOneShot},
    {"one of them lasting", {EV_READ | EV_PERSIST, EV_WRITE}, EV_READ | EV_WRITE},
    {"edge", {EV_READ | EV_ET | EV_PERSIST}, EV_READ | EV_ET},
    {"edge once", {EV_READ | EV_ET}, EV_READ | EV_ET | evi::kOneShot},
    {"edge and level are level", {EV_READ | EV_ET | EV_PERSIST, EV_READ | EV_PERSIST}, EV_READ},
    {"two edges", {EV_READ | EV_ET | EV_PERSIST, EV_WRITE | EV_ET | EV_PERSIST}, EV_READ | EV_WRITE | EV_ET},
    {"closing", {EV_CLOSED | EV_PERSIST}, EV_CLOSED},
    {"everything", {EV_READ | EV_WRITE | EV_CLOSED | EV_PERSIST}, EV_READ | EV_WRITE | EV_CLOSED},
};

TEST(FdSlot, wanted_is_the_union_of_its_events) {
  for (const auto &row : kCases) {
    SCOPED_TRACE(row.name);
    FdSlot slot{};
    std::deque<event> events;
    for (const short what : row.events) {
      events.push_back(event_for(3, what));
      ASSERT_TRUE(FdTable::insert(slot, events.back()));
    }
    EXPECT_EQ(slot.wanted(), row.wanted);
    for (event &ev : events) FdTable::remove(slot, ev);
    EXPECT_EQ(slot.wanted(), 0);
    EXPECT_EQ(slot.first, nullptr);
  }
}

// must-not 12: taking one of several away must not change how the rest is watched.
TEST(FdSlot, removal_keeps_the_interest_of_other_events) {
  FdSlot slot{};
  event edge_read = event_for(3, EV_READ | EV_ET | EV_PERSIST);
  event edge_write = event_for(3, EV_WRITE | EV_ET | EV_PERSIST);
  event level = event_for(3, EV_READ);
  ASSERT_TRUE(FdTable::insert(slot, edge_read));
  ASSERT_TRUE(FdTable::insert(slot, edge_write));
  ASSERT_TRUE(FdTable::insert(slot, level));
  EXPECT_EQ(slot.wanted(), EV_READ | EV_WRITE);
  FdTable::remove(slot, level);
  EXPECT_EQ(slot.wanted(), EV_READ | EV_WRITE | EV_ET);
  FdTable::remove(slot, edge_read);
  EXPECT_EQ(slot.wanted(), EV_WRITE | EV_ET);
}

TEST(FdSlot, the_number_of_events_per_fd_is_limited) {
  FdSlot slot{};
  std::deque<event> events;
  for (int i = 0; i < FdTable::kMaxEventsPerFd; ++i) {
    events.push_back(event_for(3, EV_READ | EV_PERSIST));
    ASSERT_TRUE(FdTable::insert(slot, events.back()));
  }
  event one_more = event_for(3, EV_READ);
  EXPECT_FALSE(FdTable::insert(slot, one_more));
  FdTable::remove(slot, events.front());
  EXPECT_TRUE(FdTable::insert(slot, one_more));
  EXPECT_EQ(slot.wanted(), EV_READ);
}

}  // namespace
