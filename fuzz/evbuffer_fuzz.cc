// Fuzzes evbuffer: the input chooses operations on three buffers, which must do what they do to three
// strings.
#include <cstddef>
#include <cstdint>

#include "fuzz_input.h"
#include "unit/buffer/model.h"

namespace {

// What an input longer than any that libFuzzer makes by itself could still ask for.
constexpr int kMaxSteps = 100'000;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  static test::ModelFiles files;
  testing::GTEST_FLAG(break_on_failure) = true;
  fuzz::Input input(data, size);
  int left = kMaxSteps;
  test::BufferModel(files, [&] { return input.number(); }).run([&] { return !input.empty() && left-- > 0; });
  return 0;
}
