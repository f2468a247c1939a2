// Random sequences of all operations on three buffers, against strings: a million of them.
#include "model.h"

#include <cstdlib>
#include <random>

namespace {

#if defined(__SANITIZE_THREAD__)
constexpr bool kIsSlow = true;
#else
constexpr bool kIsSlow = false;
#endif

TEST(Model, buffers_behave_like_strings) {
  test::ModelFiles files;
  const int steps = kIsSlow || getenv("EVENTIDE_TEST_EMULATED") ? 20'000 : 1'000'000;
  for (const unsigned seed : {1u, 2u, 3u, 4u}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    int left = steps / 4;
    test::BufferModel(files, [&] { return static_cast<unsigned>(random()); }).run([&] { return left-- > 0; });
    if (HasFailure()) break;
  }
}

}  // namespace
