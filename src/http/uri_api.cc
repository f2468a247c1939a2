// The façade of event2/http.h for URIs, query strings, escaping and lists of headers.
#include <cstring>

#include "event2/http.h"
#include "http/headers.h"
#include "http/query.h"
#include "http/uri.h"
#include "http/uri_escape.h"

extern "C" {

struct evhttp_uri *evhttp_uri_new(void) {
  return evhttp_uri::create();
}

struct evhttp_uri *evhttp_uri_parse(const char *text) {
  return evhttp_uri_parse_with_flags(text, 0);
}

struct evhttp_uri *evhttp_uri_parse_with_flags(const char *text, unsigned flags) {
  return text ? evhttp_uri::parse(text, flags) : nullptr;
}

void evhttp_uri_set_flags(struct evhttp_uri *uri, unsigned flags) { uri->set_flags(flags); }

void evhttp_uri_free(struct evhttp_uri *uri) {
  if (uri) uri->dispose();
}

char *evhttp_uri_join(struct evhttp_uri *uri, char *out, size_t room) {
  return uri && out && uri->join(out, room) ? out : nullptr;
}

const char *evhttp_uri_get_scheme(const struct evhttp_uri *uri) { return uri->scheme(); }
const char *evhttp_uri_get_userinfo(const struct evhttp_uri *uri) { return uri->userinfo(); }
const char *evhttp_uri_get_host(const struct evhttp_uri *uri) { return uri->host(); }
int evhttp_uri_get_port(const struct evhttp_uri *uri) { return uri->port(); }
const char *evhttp_uri_get_path(const struct evhttp_uri *uri) { return uri->path(); }
const char *evhttp_uri_get_query(const struct evhttp_uri *uri) { return uri->query(); }
const char *evhttp_uri_get_fragment(const struct evhttp_uri *uri) { return uri->fragment(); }
const char *evhttp_uri_get_unixsocket(const struct evhttp_uri *uri) { return uri->unix_socket(); }

int evhttp_uri_set_scheme(struct evhttp_uri *uri, const char *text) { return uri->set_scheme(text) ? 0 : -1; }
int evhttp_uri_set_userinfo(struct evhttp_uri *uri, const char *text) {
  return uri->set_userinfo(text) ? 0 : -1;
}
int evhttp_uri_set_host(struct evhttp_uri *uri, const char *text) { return uri->set_host(text) ? 0 : -1; }
int evhttp_uri_set_port(struct evhttp_uri *uri, int port) { return uri->set_port(port) ? 0 : -1; }
int evhttp_uri_set_path(struct evhttp_uri *uri, const char *text) { return uri->set_path(text) ? 0 : -1; }
int evhttp_uri_set_query(struct evhttp_uri *uri, const char *text) { return uri->set_query(text) ? 0 : -1; }
int evhttp_uri_set_fragment(struct evhttp_uri *uri, const char *text) {
  return uri->set_fragment(text) ? 0 : -1;
}
int evhttp_uri_set_unixsocket(struct evhttp_uri *uri, const char *text) {
  return uri->set_unix_socket(text) ? 0 : -1;
}

char *evhttp_uriencode(const char *text, ev_ssize_t length, int blank_as_plus) {
  const std::size_t size = length < 0 ? std::strlen(text) : static_cast<std::size_t>(length);
  return evi::uri_encode({text, size}, blank_as_plus != 0);
}

char *evhttp_encode_uri(const char *text) { return evi::uri_encode(text, false); }

char *evhttp_uridecode(const char *text, int plus, size_t *size_out) {
  const evi::Plus meaning = plus != 0 ? evi::Plus::blank : evi::Plus::literal;
  std::size_t size;
  char *out = evi::uri_decode(text, meaning, size);
  if (out && size_out) *size_out = size;
  return out;
}

char *evhttp_decode_uri(const char *text) {
  std::size_t size;
  return evi::uri_decode(text, evi::Plus::blank_in_query, size);
}

int evhttp_parse_query_str_flags(const char *query, struct evkeyvalq *parameters, unsigned flags) {
  evi::headers_init(*parameters);
  return !query || evi::query_parse(query, flags, *parameters) ? 0 : -1;
}

int evhttp_parse_query_str(const char *query, struct evkeyvalq *parameters) {
  return evhttp_parse_query_str_flags(query, parameters, 0);
}

int evhttp_parse_query(const char *text, struct evkeyvalq *parameters) {
  evi::headers_init(*parameters);
  const evi::OwnedUri uri{evhttp_uri_parse(text)};
  if (!uri) return -1;
  return !uri->query() || evi::query_parse(uri->query(), 0, *parameters) ? 0 : -1;
}

char *evhttp_htmlescape(const char *text) { return text ? evi::html_escape(text) : nullptr; }

const char *evhttp_find_header(const struct evkeyvalq *headers, const char *name) {
  return name ? evi::headers_find(*headers, name) : nullptr;
}

int evhttp_remove_header(struct evkeyvalq *headers, const char *name) {
  return name && evi::headers_remove(*headers, name) ? 0 : -1;
}

int evhttp_add_header(struct evkeyvalq *headers, const char *name, const char *value) {
  if (!name || !value) return -1;
  return evi::header_is_safe(name, value) && evi::headers_append(*headers, name, value) ? 0 : -1;
}

void evhttp_clear_headers(struct evkeyvalq *headers) { evi::headers_clear(*headers); }

}  // extern "C"
