/* URIs, escaping, query strings and lists of headers.
 *
 * The same program runs on libevent, with EVENTIDE_TEST_ORACLE set: what 2.2 added is then left out. */
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "api/check.h"

static int ours(void) { return getenv("EVENTIDE_TEST_ORACLE") == NULL; }

/* --- parsing and joining --- */

struct parts {
  const char *text;
  unsigned flags;
  const char *scheme, *userinfo, *host;
  int port;
  const char *path, *query, *fragment;
  const char *joined; /* NULL: as text */
};

#define LENIENT EVHTTP_URI_NONCONFORMANT
static const struct parts good[] = {
    {"http://a/", 0, "http", NULL, "a", -1, "/", NULL, NULL, NULL},
    {"http://", 0, "http", NULL, "", -1, "", NULL, NULL, NULL},
    {"http:///x", 0, "http", NULL, "", -1, "/x", NULL, NULL, NULL},
    {"http:", 0, "http", NULL, NULL, -1, "", NULL, NULL, NULL},
    {"//a/b", 0, NULL, NULL, "a", -1, "/b", NULL, NULL, NULL},
    {"/a/b", 0, NULL, NULL, NULL, -1, "/a/b", NULL, NULL, NULL},
    {"a/b:c", 0, NULL, NULL, NULL, -1, "a/b:c", NULL, NULL, NULL},
    {"a:b", 0, "a", NULL, NULL, -1, "b", NULL, NULL, NULL},
    {"", 0, NULL, NULL, NULL, -1, "", NULL, NULL, NULL},
    {"*", 0, NULL, NULL, NULL, -1, "*", NULL, NULL, NULL},
    {"?q#f", 0, NULL, NULL, NULL, -1, "", "q", "f", NULL},
    {"?#", 0, NULL, NULL, NULL, -1, "", "", "", NULL},
    {"http://a?q#f", 0, "http", NULL, "a", -1, "", "q", "f", NULL},
    {"http://u:p@h:80/p?q#f", 0, "http", "u:p", "h", 80, "/p", "q", "f", NULL},
    {"http://h:/", 0, "http", NULL, "h", -1, "/", NULL, NULL, "http://h/"},
    {"http://h:0/", 0, "http", NULL, "h", 0, "/", NULL, NULL, NULL},
    {"http://h:65535/", 0, "http", NULL, "h", 65535, "/", NULL, NULL, NULL},
    {"http://[::1]:80/", 0, "http", NULL, "[::1]", 80, "/", NULL, NULL, NULL},
    {"http://[::ffff:1.2.3.4]:/", 0, "http", NULL, "[::ffff:1.2.3.4]", -1, "/", NULL, NULL,
     "http://[::ffff:1.2.3.4]/"},
    {"http://[v1.a:b]/", 0, "http", NULL, "[v1.a:b]", -1, "/", NULL, NULL, NULL},
    {"http://@h/", 0, "http", "", "h", -1, "/", NULL, NULL, NULL},
    {"//:80", 0, NULL, NULL, "", 80, "", NULL, NULL, NULL},
    {"http://a%41b/%00", 0, "http", NULL, "a%41b", -1, "/%00", NULL, NULL, NULL},
    {"////x", 0, NULL, NULL, "", -1, "//x", NULL, NULL, NULL},
    {"h-t+t.p://a/", 0, "h-t+t.p", NULL, "a", -1, "/", NULL, NULL, NULL},
    {"mailto:foo@bar.com", 0, "mailto", NULL, NULL, -1, "foo@bar.com", NULL, NULL, NULL},
    {"/p;p=1,2!$&'()*+=@?a?b/c:d@e", 0, NULL, NULL, NULL, -1, "/p;p=1,2!$&'()*+=@", "a?b/c:d@e", NULL, NULL},
    {"http://h,i;j!$&'()*+=/", 0, "http", NULL, "h,i;j!$&'()*+=", -1, "/", NULL, NULL, NULL},
    {"http://a/b c?d e#f g", LENIENT, "http", NULL, "a", -1, "/b c", "d e", "f g", NULL},
    {"/b%?c%2#d%zz#e", LENIENT, NULL, NULL, NULL, -1, "/b%", "c%2", "d%zz#e", NULL},
    {"/a\"{}\\^`|\x80", LENIENT, NULL, NULL, NULL, -1, "/a\"{}\\^`|\x80", NULL, NULL, NULL},
    {"http://unix:/tmp/s:/p", 0, "http", NULL, "unix", -1, "/tmp/s:/p", NULL, NULL, "http://unix/tmp/s:/p"},
};

static const char *const bad[] = {
    "http://h:65536/",
    "http://h:8a/",
    "http://h:-1",
    "http://h:80:90/",
    "http://[::1/",
    "http://::1/",
    "http://[vg.a]/",
    "http://[zz]/",
    "http://[]/",
    "http://[::1]x/",
    "http://a b/",
    "http://<h>/",
    "http://a@b@c/",
    "http://u[:p@h",
    "http://a%4/",
    "1http://a/",
    "ht_tp://a/",
    "1:b",
    ":b",
};
/* Bad unless EVHTTP_URI_NONCONFORMANT is set. */
static const char *const sloppy[] = {
    "http://a/b c", "http://a/%2",    "http://a/%zz",    "http://a/b%",   "http://a/b|c", "/a\"b", "/a{b}",
    "/a\\b",        "http://a/b?c d", "http://a/?c#d#e", "http://a/#c d", "/\x80",        "/b[c]",
};

static void check_parts(const struct parts *row) {
  char out[100];
  const char *joined = row->joined ? row->joined : row->text;
  struct evhttp_uri *uri = evhttp_uri_parse_with_flags(row->text, row->flags);
  CHECK(uri != NULL);
  CHECK_STR_EQ(evhttp_uri_get_scheme(uri), row->scheme);
  CHECK_STR_EQ(evhttp_uri_get_userinfo(uri), row->userinfo);
  CHECK_STR_EQ(evhttp_uri_get_host(uri), row->host);
  CHECK_INT_EQ(evhttp_uri_get_port(uri), row->port);
  CHECK_STR_EQ(evhttp_uri_get_path(uri), row->path);
  CHECK_STR_EQ(evhttp_uri_get_query(uri), row->query);
  CHECK_STR_EQ(evhttp_uri_get_fragment(uri), row->fragment);
  CHECK_PTR_EQ(evhttp_uri_join(uri, out, sizeof(out)), out);
  CHECK_STR_EQ(out, joined);
  CHECK_PTR_EQ(evhttp_uri_join(uri, out, strlen(joined) + 1), out);
  CHECK_PTR_EQ(evhttp_uri_join(uri, out, strlen(joined)), NULL);
  evhttp_uri_free(uri);
}

TEST(valid_uris_are_parsed_and_joined) {
  size_t i;
  for (i = 0; i < sizeof(good) / sizeof(good[0]); ++i) {
    check_parts(&good[i]);
    if (CHECK_FAILED()) printf("  %s\n", good[i].text);
  }
}

TEST(invalid_uris_are_rejected) {
  size_t i;
  for (i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
    CHECK_PTR_EQ(evhttp_uri_parse(bad[i]), NULL);
    CHECK_PTR_EQ(evhttp_uri_parse_with_flags(bad[i], LENIENT), NULL);
  }
  for (i = 0; i < sizeof(sloppy) / sizeof(sloppy[0]); ++i) {
    struct evhttp_uri *uri = evhttp_uri_parse_with_flags(sloppy[i], LENIENT);
    CHECK(uri != NULL);
    evhttp_uri_free(uri);
    CHECK_PTR_EQ(evhttp_uri_parse(sloppy[i]), NULL);
  }
}

/* --- setting --- */

static void check_joined(struct evhttp_uri *uri, const char *expected) {
  char out[100];
  CHECK_STR_EQ(evhttp_uri_join(uri, out, sizeof(out)), expected);
}

TEST(uri_parts_are_set_validated_and_cleared) {
  struct evhttp_uri *uri = evhttp_uri_new();
  CHECK(uri != NULL);
  CHECK_STR_EQ(evhttp_uri_get_path(uri), NULL);
  CHECK_INT_EQ(evhttp_uri_get_port(uri), -1);
  check_joined(uri, "");
  CHECK_INT_EQ(evhttp_uri_set_scheme(uri, "1a"), -1);
  CHECK_INT_EQ(evhttp_uri_set_scheme(uri, ""), -1);
  CHECK_INT_EQ(evhttp_uri_set_scheme(uri, "ht+t"), 0);
  CHECK_INT_EQ(evhttp_uri_set_userinfo(uri, "a@b"), -1);
  CHECK_INT_EQ(evhttp_uri_set_userinfo(uri, "a:b"), 0);
  check_joined(uri, "ht+t:");
  CHECK_INT_EQ(evhttp_uri_set_host(uri, "[::1"), -1);
  CHECK_INT_EQ(evhttp_uri_set_host(uri, "::1"), -1);
  CHECK_INT_EQ(evhttp_uri_set_host(uri, "h:1"), -1);
  CHECK_INT_EQ(evhttp_uri_set_host(uri, "a/b"), -1);
  CHECK_INT_EQ(evhttp_uri_set_host(uri, "[::1]"), 0);
  CHECK_INT_EQ(evhttp_uri_set_port(uri, -2), -1);
  CHECK_INT_EQ(evhttp_uri_set_port(uri, 65536), 0);
  CHECK_INT_EQ(evhttp_uri_get_port(uri), 65536);
  CHECK_INT_EQ(evhttp_uri_set_port(uri, 8080), 0);
  check_joined(uri, "ht+t://a:b@[::1]:8080");
  CHECK_INT_EQ(evhttp_uri_set_path(uri, "x?y"), -1);
  CHECK_INT_EQ(evhttp_uri_set_path(uri, "x y"), -1);
  CHECK_INT_EQ(evhttp_uri_set_path(uri, "x"), 0);
  check_joined(uri, NULL);
  CHECK_INT_EQ(evhttp_uri_set_path(uri, "//x"), 0);
  CHECK_INT_EQ(evhttp_uri_set_query(uri, "a#"), -1);
  CHECK_INT_EQ(evhttp_uri_set_query(uri, "a?/b"), 0);
  CHECK_INT_EQ(evhttp_uri_set_fragment(uri, "a#"), -1);
  CHECK_INT_EQ(evhttp_uri_set_fragment(uri, "f/?"), 0);
  check_joined(uri, "ht+t://a:b@[::1]:8080//x?a?/b#f/?");
  CHECK_INT_EQ(evhttp_uri_set_host(uri, NULL), 0);
  CHECK_INT_EQ(evhttp_uri_set_query(uri, NULL), 0);
  CHECK_INT_EQ(evhttp_uri_set_scheme(uri, NULL), 0);
  CHECK_INT_EQ(evhttp_uri_set_path(uri, "a:b"), 0);
  check_joined(uri, "a:b#f/?");
  evhttp_uri_set_flags(uri, EVHTTP_URI_NONCONFORMANT);
  CHECK_INT_EQ(evhttp_uri_set_path(uri, "a b|"), 0);
  CHECK_INT_EQ(evhttp_uri_set_path(uri, "a?b"), -1);
  CHECK_INT_EQ(evhttp_uri_set_query(uri, "a b#"), -1);
  CHECK_INT_EQ(evhttp_uri_set_fragment(uri, "x y#"), 0);
  CHECK_INT_EQ(evhttp_uri_set_host(uri, "a b"), -1);
  check_joined(uri, "a b|#x y#");
  evhttp_uri_free(uri);
}

/* --- 2.2 --- */

TEST(brackets_can_be_stripped) {
  struct evhttp_uri *uri = evhttp_uri_parse_with_flags("http://[::1]:80/", EVHTTP_URI_HOST_STRIP_BRACKETS);
  CHECK(uri != NULL);
  CHECK_STR_EQ(evhttp_uri_get_host(uri), "::1");
  check_joined(uri, "http://[::1]:80/");
  CHECK_INT_EQ(evhttp_uri_set_host(uri, "[::2]"), 0);
  CHECK_STR_EQ(evhttp_uri_get_host(uri), "::2");
  CHECK_INT_EQ(evhttp_uri_set_host(uri, "name"), 0);
  check_joined(uri, "http://name:80/");
  evhttp_uri_free(uri);
}

TEST(unix_sockets_are_authorities) {
  struct evhttp_uri *uri =
      evhttp_uri_parse_with_flags("http://unix:/tmp/a.sock:/p?q", EVHTTP_URI_UNIX_SOCKET);
  CHECK(uri != NULL);
  CHECK_STR_EQ(evhttp_uri_get_unixsocket(uri), "/tmp/a.sock");
  CHECK_STR_EQ(evhttp_uri_get_host(uri), "");
  CHECK_STR_EQ(evhttp_uri_get_path(uri), "/p");
  check_joined(uri, "http://unix:/tmp/a.sock:/p?q");
  CHECK_INT_EQ(evhttp_uri_set_unixsocket(uri, "/run/b"), 0);
  check_joined(uri, "http://unix:/run/b:/p?q");
  evhttp_uri_free(uri);
  uri = evhttp_uri_parse_with_flags("http://me@unix:/s:", EVHTTP_URI_UNIX_SOCKET);
  CHECK(uri != NULL);
  CHECK_STR_EQ(evhttp_uri_get_userinfo(uri), "me");
  check_joined(uri, "http://me@unix:/s:");
  evhttp_uri_free(uri);
  /* A URI that could not be joined. */
  CHECK(evhttp_uri_parse_with_flags("http://unix:/s:p", EVHTTP_URI_UNIX_SOCKET) == NULL);
  uri = evhttp_uri_parse_with_flags("http://unix/p:q", EVHTTP_URI_UNIX_SOCKET);
  CHECK(uri != NULL);
  CHECK_STR_EQ(evhttp_uri_get_unixsocket(uri), NULL);
  CHECK_STR_EQ(evhttp_uri_get_host(uri), "unix");
  evhttp_uri_free(uri);
}

/* --- escaping --- */

#define CHECK_MADE(call, expected) \
  do {                             \
    char *made = (call);           \
    CHECK_STR_EQ(made, expected);  \
    free(made);                    \
  } while (0)

TEST(uriencode_escapes_reserved_bytes) {
  CHECK_MADE(evhttp_encode_uri("a b+/?&%-._~\x80"), "a%20b%2B%2F%3F%26%25-._~%80");
  CHECK_MADE(evhttp_uriencode("a b", -1, 1), "a+b");
  CHECK_MADE(evhttp_uriencode("a b", -5, 0), "a%20b");
  CHECK_MADE(evhttp_uriencode("a\0b", 3, 0), "a%00b");
  CHECK_MADE(evhttp_uriencode("abc", 0, 0), "");
  CHECK_MADE(evhttp_htmlescape("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#039;&amp;");
  CHECK_MADE(evhttp_htmlescape(""), "");
  CHECK_PTR_EQ(evhttp_htmlescape(NULL), NULL);
}

TEST(uridecode_unescapes) {
  size_t size = 99;
  CHECK_MADE(evhttp_decode_uri("a+b%20c?d+e"), "a+b c?d e");
  CHECK_MADE(evhttp_decode_uri("%3F+"), "?+");
  CHECK_MADE(evhttp_decode_uri("%"), "%");
  CHECK_MADE(evhttp_decode_uri("%4"), "%4");
  CHECK_MADE(evhttp_decode_uri("%zz%41"), "%zzA");
  CHECK_MADE(evhttp_uridecode("%2b+", 0, NULL), "++");
  CHECK_MADE(evhttp_uridecode("%2b+", 1, NULL), "+ ");
  CHECK_MADE(evhttp_uridecode("%2b+?+", -1, NULL), "+ ? ");
  CHECK_MADE(evhttp_uridecode("%00x", 0, &size), "");
  CHECK_INT_EQ(size, 2);
}

/* --- queries --- */

/* The list as "[name]=[value]...", and empties it. */
static void check_list(struct evkeyvalq *list, const char *expected) {
  char text[200] = "";
  struct evkeyval *entry;
  TAILQ_FOREACH(entry, list, next) {
    const size_t used = strlen(text);
    snprintf(text + used, sizeof(text) - used, "[%s]=[%s]", entry->key, entry->value);
  }
  evhttp_clear_headers(list);
  CHECK(TAILQ_EMPTY(list));
  CHECK_STR_EQ(text, expected);
}

static const struct {
  const char *query;
  const char *list; /* NULL: an error */
  const char *lenient, *last;
} queries[] = {
    {"", "", "", ""},
    {"a=b", "[a]=[b]", "[a]=[b]", "[a]=[b]"},
    {"a=b&", "[a]=[b]", "[a]=[b]", "[a]=[b]"},
    {"a=", "[a]=[]", "[a]=[]", "[a]=[]"},
    {"a=b=c", "[a]=[b=c]", "[a]=[b=c]", "[a]=[b=c]"},
    {"a", NULL, "[a]=[]", NULL},
    {"=b", NULL, "", NULL},
    {"a=b&&c=d", NULL, "[a]=[b][c]=[d]", NULL},
    {"a&b=c", NULL, "[a]=[][b]=[c]", NULL},
    {"a=%20+x", "[a]=[  x]", "[a]=[  x]", "[a]=[  x]"},
    {"a%20b+c=d+e", "[a%20b+c]=[d e]", "[a%20b+c]=[d e]", "[a%20b+c]=[d e]"},
    {"A=1&b=2&a=3", "[A]=[1][b]=[2][a]=[3]", "[A]=[1][b]=[2][a]=[3]", "[b]=[2][a]=[3]"},
    {"a=%zz", "[a]=[%zz]", "[a]=[%zz]", "[a]=[%zz]"},
    {"a=%00b", "[a]=[]", "[a]=[]", "[a]=[]"},
    {"a=b;c=d", "[a]=[b;c=d]", "[a]=[b;c=d]", "[a]=[b;c=d]"},
};

static void check_query(int result, struct evkeyvalq *list, const char *expected) {
  CHECK_INT_EQ(result, expected ? 0 : -1);
  check_list(list, expected ? expected : "");
}

TEST(queries_are_split) {
  size_t i;
  for (i = 0; i < sizeof(queries) / sizeof(queries[0]); ++i) {
    struct evkeyvalq list;
    const char *const query = queries[i].query;
    check_query(evhttp_parse_query_str(query, &list), &list, queries[i].list);
    if (ours()) {
      check_query(evhttp_parse_query_str_flags(query, &list, 0), &list, queries[i].list);
      check_query(evhttp_parse_query_str_flags(query, &list, EVHTTP_URI_QUERY_NONCONFORMANT), &list,
                  queries[i].lenient);
      check_query(evhttp_parse_query_str_flags(query, &list, EVHTTP_URI_QUERY_LAST_VAL), &list,
                  queries[i].last);
    }
    if (CHECK_FAILED()) printf("  %s\n", query);
  }
}

TEST(queries_within_uris_are_split) {
  struct evkeyvalq list;
  check_query(evhttp_parse_query("http://h/p?a=b#f", &list), &list, "[a]=[b]");
  check_query(evhttp_parse_query("?a=b", &list), &list, "[a]=[b]");
  check_query(evhttp_parse_query("/p", &list), &list, "");
  check_query(evhttp_parse_query("a=b", &list), &list, "");
  check_query(evhttp_parse_query("/p?a", &list), &list, NULL);
  check_query(evhttp_parse_query("/p ?a=b", &list), &list, NULL);
}

/* --- headers --- */

TEST(headers_are_added_found_and_removed) {
  struct evkeyvalq list;
  TAILQ_INIT(&list);
  CHECK_INT_EQ(evhttp_add_header(&list, "A", "b"), 0);
  CHECK_INT_EQ(evhttp_add_header(&list, "C", ""), 0);
  CHECK_INT_EQ(evhttp_add_header(&list, "a", " second "), 0);
  CHECK_STR_EQ(evhttp_find_header(&list, "a"), "b");
  CHECK_STR_EQ(evhttp_find_header(&list, "c"), "");
  CHECK_STR_EQ(evhttp_find_header(&list, "none"), NULL);
  CHECK_INT_EQ(evhttp_remove_header(&list, "a"), 0);
  CHECK_STR_EQ(evhttp_find_header(&list, "A"), " second ");
  CHECK_INT_EQ(evhttp_remove_header(&list, "none"), -1);
  check_list(&list, "[C]=[][a]=[ second ]");
  evhttp_clear_headers(&list);
}

/* CVE-2026-63385: a value that folds, or forges a field. */
TEST(headers_cannot_be_forged) {
  static const char *const values[] = {"x\r", "x\n", "x\r\nSet-Cookie: y", "x\r\n y", "x\n\ty"};
  struct evkeyvalq list;
  size_t i;
  TAILQ_INIT(&list);
  for (i = 0; i < sizeof(values) / sizeof(values[0]); ++i) {
    CHECK_INT_EQ(evhttp_add_header(&list, "A", values[i]), -1);
    CHECK_INT_EQ(evhttp_add_header(&list, values[i], "x"), -1);
  }
  check_list(&list, "");
}

/* RFC 9110 5.1: a field has a name. libevent 2.1 adds one without. */
TEST(headers_without_a_name_are_rejected) {
  struct evkeyvalq list;
  TAILQ_INIT(&list);
  CHECK_INT_EQ(evhttp_add_header(&list, "", "value"), -1);
  CHECK_INT_EQ(evhttp_add_header(&list, "", ""), -1);
  CHECK_INT_EQ(evhttp_parse_query_str("=value", &list), -1);
  CHECK_INT_EQ(evhttp_parse_query_str_flags("=value&a=b", &list, EVHTTP_URI_QUERY_NONCONFORMANT), 0);
  check_list(&list, "[a]=[b]");
  evhttp_clear_headers(&list);
}

/* Where libevent survives. */
TEST(null_arguments_are_rejected) {
  struct evhttp_uri *uri = evhttp_uri_parse("http://host/path");
  struct evhttp *http = evhttp_new(NULL), *vhost = evhttp_new(NULL);
  struct evkeyvalq list;
  char text[100];
  TAILQ_INIT(&list);
  CHECK_STR_EQ(evhttp_uri_join(NULL, text, sizeof(text)), NULL);
  CHECK_STR_EQ(evhttp_uri_join(uri, NULL, sizeof(text)), NULL);
  CHECK_STR_EQ(evhttp_uri_join(uri, text, 0), NULL);
  CHECK_STR_EQ(evhttp_uri_join(NULL, NULL, 0), NULL);
  CHECK_PTR_EQ(evhttp_uri_parse(NULL), NULL);
  CHECK_PTR_EQ(evhttp_uri_parse_with_flags(NULL, 0), NULL);
  CHECK_STR_EQ(evhttp_htmlescape(NULL), NULL);
  CHECK_INT_EQ(evhttp_parse_query(NULL, &list), -1);
  CHECK_INT_EQ(evhttp_parse_query_str(NULL, &list), 0);
  CHECK_STR_EQ(evhttp_find_header(&list, NULL), NULL);
  CHECK_INT_EQ(evhttp_remove_header(&list, NULL), -1);
  CHECK_INT_EQ(evhttp_set_cb(http, NULL, NULL, NULL), -3);
  CHECK_INT_EQ(evhttp_del_cb(http, NULL), -1);
  CHECK_INT_EQ(evhttp_add_virtual_host(http, NULL, vhost), -1);
  CHECK_INT_EQ(evhttp_add_server_alias(http, NULL), -1);
  CHECK_INT_EQ(evhttp_remove_server_alias(http, NULL), -1);
  if (ours()) {
    CHECK_INT_EQ(evhttp_add_header(&list, NULL, "value"), -1);
    CHECK_INT_EQ(evhttp_add_header(&list, "name", NULL), -1);
    CHECK_INT_EQ(evhttp_add_header(&list, "name", "value"), 0);
    CHECK_STR_EQ(evhttp_find_header(&list, NULL), NULL);
    CHECK_INT_EQ(evhttp_remove_header(&list, NULL), -1);
    evhttp_clear_headers(&list);
    evhttp_free(NULL);
    evhttp_uri_free(NULL);
    evhttp_request_free(NULL);
    evhttp_connection_free(NULL);
  }
  evhttp_free(vhost);
  evhttp_free(http);
  evhttp_uri_free(uri);
}

int main(int argc, char **argv) {
  if (!ours()) {
    RUN_TESTS(valid_uris_are_parsed_and_joined, invalid_uris_are_rejected,
              uri_parts_are_set_validated_and_cleared, uriencode_escapes_reserved_bytes, uridecode_unescapes,
              queries_are_split, queries_within_uris_are_split, headers_are_added_found_and_removed,
              headers_cannot_be_forged, null_arguments_are_rejected);
  }
  RUN_TESTS(valid_uris_are_parsed_and_joined, invalid_uris_are_rejected,
            uri_parts_are_set_validated_and_cleared, brackets_can_be_stripped, unix_sockets_are_authorities,
            uriencode_escapes_reserved_bytes, uridecode_unescapes, queries_are_split,
            queries_within_uris_are_split, headers_are_added_found_and_removed, headers_cannot_be_forged,
            headers_without_a_name_are_rejected, null_arguments_are_rejected);
}
