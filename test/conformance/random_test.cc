// Random use, compared with a model of readiness.
#include <memory>
#include <random>
#include <vector>

#include "conformance/methods.h"

using conformance::Conformance;
using test::Event;
using test::Pair;

namespace {

// must-not 15: random use agrees with a model of readiness.
TEST_P(Conformance, random_descriptors_agree_with_a_model) {
  std::mt19937 random(5);
  struct Entry {
    Pair pair;
    bool readable = false;
    std::unique_ptr<Event> reader, writer;
  };
  std::vector<Entry> entries(8);
  const auto open = [&](Entry &entry) {
    entry.reader.reset();
    entry.writer.reset();
    entry.pair = test::socket_pair();
    entry.readable = false;
    const short lasting = random() % 2 ? EV_PERSIST : 0;
    entry.reader = std::make_unique<Event>(*base, entry.pair.a, static_cast<short>(EV_READ | lasting));
    entry.writer = std::make_unique<Event>(*base, entry.pair.a,
                                           static_cast<short>(EV_WRITE | (random() % 2 ? EV_PERSIST : 0)));
  };
  for (Entry &entry : entries) open(entry);
  for (int step = 0; step < 2000; ++step) {
    Entry &entry = entries[random() % entries.size()];
    switch (random() % 8) {
      case 0:
        entry.reader->add();
        break;
      case 1:
        entry.reader->del();
        break;
      case 2:
        entry.writer->add();
        break;
      case 3:
        entry.writer->del();
        break;
      case 4:
        test::put(entry.pair.b);
        entry.readable = true;
        break;
      case 5:
        test::drain(entry.pair.a);
        entry.readable = false;
        break;
      case 6:
        open(entry);
        break;
      default:
        bool any = false, pending = false;
        struct Expected {
          bool read, write;
        };
        std::vector<Expected> expected;
        for (Entry &e : entries) {
          e.reader->reset();
          e.writer->reset();
          expected.push_back({e.readable && e.reader->pending(), e.writer->pending() != 0});
          any = any || expected.back().read || expected.back().write;
          pending = pending || e.reader->pending() || e.writer->pending();
        }
        ASSERT_EQ(base->loop(any ? EVLOOP_ONCE : EVLOOP_NONBLOCK), pending ? 0 : 1);
        for (std::size_t i = 0; i < entries.size(); ++i) {
          ASSERT_EQ(entries[i].reader->calls, expected[i].read) << "step " << step;
          ASSERT_EQ(entries[i].writer->calls, expected[i].write) << "step " << step;
        }
    }
    ASSERT_TRUE(base->check_invariants());
  }
}

}  // namespace
