#include "api/leaving_exception.h"

namespace {

struct Left {};

struct Counted {
  ~Counted() { ++destroyed; }
  static int destroyed;
};
int Counted::destroyed = 0;

void run_inside(void (*run)()) {
  const Counted on_the_way;
  run();
}

}  // namespace

void leave_by_exception() {
  const Counted in_the_callback;
  throw Left{};
}

int left_by_exception(void (*run)()) {
  try {
    run_inside(run);
  } catch (const Left &) {
    return Counted::destroyed == 2;
  }
  return 0;
}
