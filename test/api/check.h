/* A very small test runner for plain C programs that see the public headers alone.
 *
 *   TEST(adds) { CHECK_INT_EQ(1 + 1, 2); }
 *   int main(int argc, char **argv) { RUN_TESTS(adds, other_test); }
 *
 * A check that fails prints where and what, marks its test as failed, and returns from the function that it
 * stands in; inside of a test's helper functions, which must return void, check CHECK_FAILED() after the
 * call. An argument on the command line runs only the tests whose names contain it. The last line printed is
 * "N passed, N failed"; the exit status is 1 if a test failed or none ran.
 */
#ifndef EVENTIDE_TEST_API_CHECK_H
#define EVENTIDE_TEST_API_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check_entry {
  const char *name;
  void (*run)(void);
};

/* Set once the running test has failed. */
static int check_failed_;
#define CHECK_FAILED() (check_failed_ != 0)

#define TEST(name) static void name(void)

#define CHECK_FAIL_(...)                   \
  do {                                     \
    printf("%s:%d: ", __FILE__, __LINE__); \
    printf(__VA_ARGS__);                   \
    printf("\n");                          \
    check_failed_ = 1;                     \
    return;                                \
  } while (0)

#define CHECK(cond)                                      \
  do {                                                   \
    if (!(cond)) CHECK_FAIL_("%s does not hold", #cond); \
  } while (0)

#define CHECK_INT_EQ(a, b) CHECK_INT_(a, ==, b)
#define CHECK_INT_NE(a, b) CHECK_INT_(a, !=, b)
#define CHECK_INT_LT(a, b) CHECK_INT_(a, <, b)
#define CHECK_INT_LE(a, b) CHECK_INT_(a, <=, b)
#define CHECK_INT_GT(a, b) CHECK_INT_(a, >, b)
#define CHECK_INT_GE(a, b) CHECK_INT_(a, >=, b)

/* For every integer type up to long long; both sides are evaluated once. */
#define CHECK_INT_(a, op, b)                                                                           \
  do {                                                                                                 \
    const long long check_a_ = (long long)(a), check_b_ = (long long)(b);                              \
    if (!(check_a_ op check_b_)) CHECK_FAIL_("%s %s %s: %lld, %lld", #a, #op, #b, check_a_, check_b_); \
  } while (0)

#define CHECK_PTR_EQ(a, b)                                                                 \
  do {                                                                                     \
    const void *check_a_ = (a), *check_b_ = (b);                                           \
    if (check_a_ != check_b_) CHECK_FAIL_("%s == %s: %p, %p", #a, #b, check_a_, check_b_); \
  } while (0)

/* Strings, or NULL, which is equal to NULL alone. */
#define CHECK_STR_EQ(a, b)                                                                             \
  do {                                                                                                 \
    const char *check_a_ = (a), *check_b_ = (b);                                                       \
    const int check_same_ = check_a_ && check_b_ ? !strcmp(check_a_, check_b_) : check_a_ == check_b_; \
    if (!check_same_)                                                                                  \
      CHECK_FAIL_("%s == %s: \"%s\", \"%s\"", #a, #b, check_a_ ? check_a_ : "(null)",                  \
                  check_b_ ? check_b_ : "(null)");                                                     \
  } while (0)

#define CHECK_MEM_EQ(a, b, n)                                                            \
  do {                                                                                   \
    const void *check_a_ = (a), *check_b_ = (b);                                         \
    const size_t check_n_ = (n);                                                         \
    if (check_n_ && memcmp(check_a_, check_b_, check_n_))                                \
      CHECK_FAIL_("%s and %s differ within %lu bytes", #a, #b, (unsigned long)check_n_); \
  } while (0)

/* Whether CHECK_LEAVE_OUT, a list with colons between its names, names the test. */
static int check_left_out_(const char *name) {
  const char *at = getenv("CHECK_LEAVE_OUT");
  const size_t size = strlen(name);
  while (at && *at) {
    if (strncmp(at, name, size) == 0 && (at[size] == ':' || at[size] == '\0')) return 1;
    at = strchr(at, ':');
    if (at) ++at;
  }
  return 0;
}

static int check_run_(const struct check_entry *tests, size_t count, const char *filter) {
  int passed = 0, failed = 0;
  size_t i;
  for (i = 0; i < count; ++i) {
    if (filter && !strstr(tests[i].name, filter)) continue;
    if (check_left_out_(tests[i].name)) continue;
    check_failed_ = 0;
    tests[i].run();
    if (check_failed_) printf("FAILED %s\n", tests[i].name);
    fflush(stdout);
    if (check_failed_) {
      ++failed;
    } else {
      ++passed;
    }
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed || !passed;
}

/* The table is made from the names, each of which is also its test's: up to 64 of them. */
#define RUN_TESTS(...)                                                              \
  do {                                                                              \
    const struct check_entry check_tests_[] = {CHECK_EACH_(__VA_ARGS__)};           \
    return check_run_(check_tests_, sizeof(check_tests_) / sizeof(check_tests_[0]), \
                      argc > 1 ? argv[1] : NULL);                                   \
  } while (0)

#define CHECK_ENTRY_(name) \
  { #name, name }
#define CHECK_EACH_(...) CHECK_CAT_(CHECK_EACH_, CHECK_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define CHECK_CAT_(a, b) CHECK_CAT2_(a, b)
#define CHECK_CAT2_(a, b) a##b
#define CHECK_COUNT_(...)                                                                                  \
  CHECK_PICK_(__VA_ARGS__, 64, 63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, \
              44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22,  \
              21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define CHECK_PICK_(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, \
                    a20, a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31, a32, a33, a34, a35, a36,  \
                    a37, a38, a39, a40, a41, a42, a43, a44, a45, a46, a47, a48, a49, a50, a51, a52, a53,  \
                    a54, a55, a56, a57, a58, a59, a60, a61, a62, a63, a64, n, ...)                        \
  n
#define CHECK_EACH_1(name) CHECK_ENTRY_(name)
#define CHECK_EACH_2(name, ...) CHECK_ENTRY_(name), CHECK_EACH_1(__VA_ARGS__)
#define CHECK_EACH_3(name, ...) CHECK_ENTRY_(name), CHECK_EACH_2(__VA_ARGS__)
#define CHECK_EACH_4(name, ...) CHECK_ENTRY_(name), CHECK_EACH_3(__VA_ARGS__)
#define CHECK_EACH_5(name, ...) CHECK_ENTRY_(name), CHECK_EACH_4(__VA_ARGS__)
#define CHECK_EACH_6(name, ...) CHECK_ENTRY_(name), CHECK_EACH_5(__VA_ARGS__)
#define CHECK_EACH_7(name, ...) CHECK_ENTRY_(name), CHECK_EACH_6(__VA_ARGS__)
#define CHECK_EACH_8(name, ...) CHECK_ENTRY_(name), CHECK_EACH_7(__VA_ARGS__)
#define CHECK_EACH_9(name, ...) CHECK_ENTRY_(name), CHECK_EACH_8(__VA_ARGS__)
#define CHECK_EACH_10(name, ...) CHECK_ENTRY_(name), CHECK_EACH_9(__VA_ARGS__)
#define CHECK_EACH_11(name, ...) CHECK_ENTRY_(name), CHECK_EACH_10(__VA_ARGS__)
#define CHECK_EACH_12(name, ...) CHECK_ENTRY_(name), CHECK_EACH_11(__VA_ARGS__)
#define CHECK_EACH_13(name, ...) CHECK_ENTRY_(name), CHECK_EACH_12(__VA_ARGS__)
#define CHECK_EACH_14(name, ...) CHECK_ENTRY_(name), CHECK_EACH_13(__VA_ARGS__)
#define CHECK_EACH_15(name, ...) CHECK_ENTRY_(name), CHECK_EACH_14(__VA_ARGS__)
#define CHECK_EACH_16(name, ...) CHECK_ENTRY_(name), CHECK_EACH_15(__VA_ARGS__)
#define CHECK_EACH_17(name, ...) CHECK_ENTRY_(name), CHECK_EACH_16(__VA_ARGS__)
#define CHECK_EACH_18(name, ...) CHECK_ENTRY_(name), CHECK_EACH_17(__VA_ARGS__)
#define CHECK_EACH_19(name, ...) CHECK_ENTRY_(name), CHECK_EACH_18(__VA_ARGS__)
#define CHECK_EACH_20(name, ...) CHECK_ENTRY_(name), CHECK_EACH_19(__VA_ARGS__)
#define CHECK_EACH_21(name, ...) CHECK_ENTRY_(name), CHECK_EACH_20(__VA_ARGS__)
#define CHECK_EACH_22(name, ...) CHECK_ENTRY_(name), CHECK_EACH_21(__VA_ARGS__)
#define CHECK_EACH_23(name, ...) CHECK_ENTRY_(name), CHECK_EACH_22(__VA_ARGS__)
#define CHECK_EACH_24(name, ...) CHECK_ENTRY_(name), CHECK_EACH_23(__VA_ARGS__)
#define CHECK_EACH_25(name, ...) CHECK_ENTRY_(name), CHECK_EACH_24(__VA_ARGS__)
#define CHECK_EACH_26(name, ...) CHECK_ENTRY_(name), CHECK_EACH_25(__VA_ARGS__)
#define CHECK_EACH_27(name, ...) CHECK_ENTRY_(name), CHECK_EACH_26(__VA_ARGS__)
#define CHECK_EACH_28(name, ...) CHECK_ENTRY_(name), CHECK_EACH_27(__VA_ARGS__)
#define CHECK_EACH_29(name, ...) CHECK_ENTRY_(name), CHECK_EACH_28(__VA_ARGS__)
#define CHECK_EACH_30(name, ...) CHECK_ENTRY_(name), CHECK_EACH_29(__VA_ARGS__)
#define CHECK_EACH_31(name, ...) CHECK_ENTRY_(name), CHECK_EACH_30(__VA_ARGS__)
#define CHECK_EACH_32(name, ...) CHECK_ENTRY_(name), CHECK_EACH_31(__VA_ARGS__)
#define CHECK_EACH_33(name, ...) CHECK_ENTRY_(name), CHECK_EACH_32(__VA_ARGS__)
#define CHECK_EACH_34(name, ...) CHECK_ENTRY_(name), CHECK_EACH_33(__VA_ARGS__)
#define CHECK_EACH_35(name, ...) CHECK_ENTRY_(name), CHECK_EACH_34(__VA_ARGS__)
#define CHECK_EACH_36(name, ...) CHECK_ENTRY_(name), CHECK_EACH_35(__VA_ARGS__)
#define CHECK_EACH_37(name, ...) CHECK_ENTRY_(name), CHECK_EACH_36(__VA_ARGS__)
#define CHECK_EACH_38(name, ...) CHECK_ENTRY_(name), CHECK_EACH_37(__VA_ARGS__)
#define CHECK_EACH_39(name, ...) CHECK_ENTRY_(name), CHECK_EACH_38(__VA_ARGS__)
#define CHECK_EACH_40(name, ...) CHECK_ENTRY_(name), CHECK_EACH_39(__VA_ARGS__)
#define CHECK_EACH_41(name, ...) CHECK_ENTRY_(name), CHECK_EACH_40(__VA_ARGS__)
#define CHECK_EACH_42(name, ...) CHECK_ENTRY_(name), CHECK_EACH_41(__VA_ARGS__)
#define CHECK_EACH_43(name, ...) CHECK_ENTRY_(name), CHECK_EACH_42(__VA_ARGS__)
#define CHECK_EACH_44(name, ...) CHECK_ENTRY_(name), CHECK_EACH_43(__VA_ARGS__)
#define CHECK_EACH_45(name, ...) CHECK_ENTRY_(name), CHECK_EACH_44(__VA_ARGS__)
#define CHECK_EACH_46(name, ...) CHECK_ENTRY_(name), CHECK_EACH_45(__VA_ARGS__)
#define CHECK_EACH_47(name, ...) CHECK_ENTRY_(name), CHECK_EACH_46(__VA_ARGS__)
#define CHECK_EACH_48(name, ...) CHECK_ENTRY_(name), CHECK_EACH_47(__VA_ARGS__)
#define CHECK_EACH_49(name, ...) CHECK_ENTRY_(name), CHECK_EACH_48(__VA_ARGS__)
#define CHECK_EACH_50(name, ...) CHECK_ENTRY_(name), CHECK_EACH_49(__VA_ARGS__)
#define CHECK_EACH_51(name, ...) CHECK_ENTRY_(name), CHECK_EACH_50(__VA_ARGS__)
#define CHECK_EACH_52(name, ...) CHECK_ENTRY_(name), CHECK_EACH_51(__VA_ARGS__)
#define CHECK_EACH_53(name, ...) CHECK_ENTRY_(name), CHECK_EACH_52(__VA_ARGS__)
#define CHECK_EACH_54(name, ...) CHECK_ENTRY_(name), CHECK_EACH_53(__VA_ARGS__)
#define CHECK_EACH_55(name, ...) CHECK_ENTRY_(name), CHECK_EACH_54(__VA_ARGS__)
#define CHECK_EACH_56(name, ...) CHECK_ENTRY_(name), CHECK_EACH_55(__VA_ARGS__)
#define CHECK_EACH_57(name, ...) CHECK_ENTRY_(name), CHECK_EACH_56(__VA_ARGS__)
#define CHECK_EACH_58(name, ...) CHECK_ENTRY_(name), CHECK_EACH_57(__VA_ARGS__)
#define CHECK_EACH_59(name, ...) CHECK_ENTRY_(name), CHECK_EACH_58(__VA_ARGS__)
#define CHECK_EACH_60(name, ...) CHECK_ENTRY_(name), CHECK_EACH_59(__VA_ARGS__)
#define CHECK_EACH_61(name, ...) CHECK_ENTRY_(name), CHECK_EACH_60(__VA_ARGS__)
#define CHECK_EACH_62(name, ...) CHECK_ENTRY_(name), CHECK_EACH_61(__VA_ARGS__)
#define CHECK_EACH_63(name, ...) CHECK_ENTRY_(name), CHECK_EACH_62(__VA_ARGS__)
#define CHECK_EACH_64(name, ...) CHECK_ENTRY_(name), CHECK_EACH_63(__VA_ARGS__)

#endif
