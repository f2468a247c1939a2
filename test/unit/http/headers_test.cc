// Tests of lists of headers: entries of the library and of the application in one list, failed allocations.
#include "http/headers.h"

#include <gtest/gtest.h>

#include <string>

#include "event2/http.h"
#include "support/fault_alloc.h"

namespace {

using evi::headers_append;
using evi::headers_clear;
using evi::headers_find;
using evi::headers_find_entry;
using evi::headers_first;
using evi::headers_init;
using evi::headers_next;
using evi::headers_remove;
using evi::mm_free;
using evi::mm_malloc;
using evi::mm_strdup;

TEST(Headers, entry_is_one_block) {
  const test::FaultAlloc memory;
  evkeyvalq list;
  headers_init(list);
  ASSERT_TRUE(headers_append(list, "Name", "value"));
  EXPECT_EQ(memory.requests(), 1);
  EXPECT_STREQ(headers_find(list, "nAME"), "value");
  headers_clear(list);
  EXPECT_EQ(memory.live(), 0u);
}

// Applications may create entries and replace names and values themselves.
TEST(Headers, entries_of_the_application_are_freed_part_by_part) {
  const test::FaultAlloc memory;
  evkeyvalq list;
  headers_init(list);
  auto *entry = static_cast<evkeyval *>(mm_malloc(sizeof(evkeyval)));
  entry->key = mm_strdup("theirs");
  entry->value = mm_strdup("1");
  entry->next.tqe_next = nullptr;
  entry->next.tqe_prev = list.tqh_last;
  *list.tqh_last = entry;
  list.tqh_last = &entry->next.tqe_next;
  ASSERT_TRUE(headers_append(list, "ours", "2"));
  evkeyval *ours = headers_find_entry(list, "ours");
  ours->value = mm_strdup("a longer value than there was");
  ASSERT_TRUE(headers_append(list, "both", "3"));
  evkeyval *both = headers_find_entry(list, "both");
  both->key = mm_strdup("renamed");
  both->value = mm_strdup("4");
  headers_clear(list);
  EXPECT_EQ(memory.live(), 0u);
}

TEST(Headers, removal_keeps_the_order_of_the_others) {
  evkeyvalq list;
  headers_init(list);
  for (const char *name : {"a", "b", "a", "c"}) ASSERT_TRUE(headers_append(list, name, name));
  EXPECT_TRUE(headers_remove(list, "A"));
  EXPECT_TRUE(headers_remove(list, "c"));
  EXPECT_FALSE(headers_remove(list, "c"));
  ASSERT_TRUE(headers_append(list, "d", "d"));
  const char *const left[] = {"b", "a", "d"};
  std::size_t i = 0;
  for (evkeyval *entry = headers_first(list); entry; entry = headers_next(*entry)) {
    ASSERT_LT(i, 3u);
    EXPECT_STREQ(entry->key, left[i++]);
  }
  EXPECT_EQ(i, 3u);
  headers_clear(list);
}

TEST(Headers, failed_query_parsing_leaves_an_empty_list) {
  test::sweep([] {
    evkeyvalq list;
    const int parsed = evhttp_parse_query_str_flags("a=1&b=2&a=3", &list, EVHTTP_URI_QUERY_LAST_VAL);
    EXPECT_TRUE(parsed == 0 || !headers_first(list));
    headers_clear(list);
    return parsed == 0;
  });
  test::sweep([] {
    evkeyvalq list;
    const int parsed = evhttp_parse_query("/path?a=1&b=2", &list);
    headers_clear(list);
    return parsed == 0;
  });
}

TEST(Headers, escapes_report_failed_allocations) {
  test::sweep([] {
    char *const made[] = {evhttp_encode_uri("a b"), evhttp_decode_uri("%20"), evhttp_htmlescape("<"),
                          evhttp_uriencode("x", -1, 1), evhttp_uridecode("+", 1, nullptr)};
    bool good = true;
    for (char *text : made) {
      good = good && text;
      mm_free(text);
    }
    return good;
  });
}

}  // namespace
