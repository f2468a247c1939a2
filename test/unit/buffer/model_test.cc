// Random sequences of all operations on three buffers, against strings: a million of them.
#include "model.h"

#include <random>

namespace {

#if defined(__SANITIZE_THREAD__)
constexpr int kSteps = 20'000;
#else
constexpr int kSteps = 1'000'000;
#endif

TEST(Model, buffers_behave_like_strings) {
  test::ModelFiles files;
  for (const unsigned seed : {1u, 2u, 3u, 4u}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    int left = kSteps / 4;
    test::BufferModel(files, [&] { return static_cast<unsigned>(random()); }).run([&] { return left-- > 0; });
    if (HasFailure()) break;
  }
}

}  // namespace
