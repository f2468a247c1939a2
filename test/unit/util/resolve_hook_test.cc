#include "util/resolve_hook.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "util/addrinfo.h"

namespace {

struct Got {
  int calls = 0;
  int error = 1;
  bool has_answer = false;
};

void keep(int error, addrinfo *answer, void *arg) {
  Got &got = *static_cast<Got *>(arg);
  ++got.calls;
  got.error = error;
  got.has_answer = answer != nullptr;
  evi::free_addrinfo(answer);
}

evdns_base *fake_resolver() { return reinterpret_cast<evdns_base *>(0x10); }
evdns_getaddrinfo_request *fake_request() { return reinterpret_cast<evdns_getaddrinfo_request *>(0x20); }

std::vector<std::string> calls;

evdns_getaddrinfo_request *start(evdns_base *resolver, const char *node, const char *service,
                                 const addrinfo *, evi::ResolveCallback, void *) {
  EXPECT_EQ(resolver, fake_resolver());
  calls.push_back(std::string("start ") + node + " " + service);
  return fake_request();
}
void cancel(evdns_getaddrinfo_request *request) {
  EXPECT_EQ(request, fake_request());
  calls.push_back("cancel");
}
constexpr evi::ResolveHook hook{start, cancel};

TEST(ResolveHook, without_a_resolver_the_lookup_blocks_and_answers_immediately) {
  Got got;
  EXPECT_EQ(evi::start_resolving(nullptr, "127.0.0.1", "80", nullptr, keep, &got), nullptr);
  EXPECT_EQ(got.calls, 1);
  EXPECT_EQ(got.error, 0);
  EXPECT_TRUE(got.has_answer);
  EXPECT_EQ(evi::start_resolving(nullptr, nullptr, nullptr, nullptr, keep, &got), nullptr);
  EXPECT_EQ(got.calls, 2);
  EXPECT_EQ(got.error, EVUTIL_EAI_NONAME);
  EXPECT_FALSE(got.has_answer);
}

TEST(ResolveHook, a_resolver_without_a_hook_fails) {
  evi::set_resolve_hook(nullptr);
  Got got;
  EXPECT_EQ(evi::start_resolving(fake_resolver(), "host", "80", nullptr, keep, &got), nullptr);
  EXPECT_EQ(got.calls, 1);
  EXPECT_EQ(got.error, EVUTIL_EAI_FAIL);
  evi::cancel_resolving(fake_request());
}

TEST(ResolveHook, requests_and_cancellations_reach_the_hook) {
  evi::set_resolve_hook(&hook);
  calls.clear();
  Got got;
  EXPECT_EQ(evi::start_resolving(fake_resolver(), "host", "80", nullptr, keep, &got), fake_request());
  evi::cancel_resolving(fake_request());
  evi::cancel_resolving(nullptr);
  EXPECT_EQ(calls, (std::vector<std::string>{"start host 80", "cancel"}));
  EXPECT_EQ(got.calls, 0);
  evi::set_resolve_hook(nullptr);
}

}  // namespace
