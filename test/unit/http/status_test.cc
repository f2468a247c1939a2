// The whole table of reason phrases, and what codes without a phrase of their own get.
#include "http/status.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace {

// In libevent's words where it has the code.
const std::map<int, std::string> kPhrases = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Time-out"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Request Entity Too Large"},
    {414, "Request-URI Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Requested range not satisfiable"},
    {417, "Expectation Failed"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Time-out"},
    {505, "HTTP Version not supported"},
};

std::string phrase_of_class(int code) {
  switch (code / 100) {
    case 1:
      return "Informational";
    case 2:
      return "Success";
    case 3:
      return "Redirection";
    case 4:
      return "Client Error";
    case 5:
      return "Server Error";
    default:
      return "Unknown Status Class";
  }
}

TEST(Status, every_code_has_its_phrase_or_that_of_its_class) {
  for (int code = 0; code <= 1000; ++code) {
    const auto own = kPhrases.find(code);
    EXPECT_EQ(evi::reason_phrase(code), own == kPhrases.end() ? phrase_of_class(code) : own->second) << code;
  }
  EXPECT_STREQ(evi::reason_phrase(-1), "Unknown Status Class");
}

TEST(Status, codes_whose_replies_have_no_body) {
  for (int code = 100; code < 600; ++code) {
    EXPECT_EQ(evi::status_has_body(code), code >= 200 && code != 204 && code != 304) << code;
  }
}

}  // namespace
