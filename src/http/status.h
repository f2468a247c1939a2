// Reason phrases of status codes.
#ifndef EVI_HTTP_STATUS_H
#define EVI_HTTP_STATUS_H

namespace evi {

// The reason phrase; that of the class for codes without one. Never null.
const char *reason_phrase(int code) noexcept;

// RFC 9110 6.4.1: whether replies with that code have a body.
constexpr bool status_has_body(int code) noexcept {
  return !(code >= 100 && code < 200) && code != 204 && code != 304;
}

}  // namespace evi

#endif
