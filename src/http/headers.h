// The list of names and values (struct evkeyvalq) in which headers and query parameters are kept.
//
// An entry that the library makes is one block of memory: the public struct, its size, then name and value.
// Applications may put entries and values of their own into a list, each a block from the allocator; they are
// recognised by their addresses and freed block by block.
#ifndef EVI_HTTP_HEADERS_H
#define EVI_HTTP_HEADERS_H

#include <cstddef>
#include <string_view>

#include "event2/keyvalq_struct.h"

namespace evi {

void headers_init(evkeyvalq &list) noexcept;
inline evkeyval *headers_first(const evkeyvalq &list) noexcept { return list.tqh_first; }
inline evkeyval *headers_next(const evkeyval &entry) noexcept { return entry.next.tqe_next; }

// Appends a copy of both. Requires: neither contains a NUL; nothing else is checked. False: out of memory.
[[nodiscard]] bool headers_append(evkeyvalq &list, std::string_view name, std::string_view value) noexcept;
// The same with a value of `room` bytes, which the caller fills in. Returns its address; null: out of memory.
[[nodiscard]] char *headers_append_room(evkeyvalq &list, std::string_view name, std::size_t room) noexcept;
// Whether both can be sent: a field has a name (RFC 9110 5.1), and a CR or LF would end the line, so that a
// value could forge fields.
bool header_is_safe(std::string_view name, std::string_view value) noexcept;

// The first entry of that name, in any case; null if there is none.
evkeyval *headers_find_entry(const evkeyvalq &list, std::string_view name) noexcept;
const char *headers_find(const evkeyvalq &list, std::string_view name) noexcept;

// Unlinks the entry and frees it.
void headers_erase(evkeyvalq &list, evkeyval &entry) noexcept;
// Erases the first entry of that name; false if there is none.
bool headers_remove(evkeyvalq &list, std::string_view name) noexcept;
void headers_clear(evkeyvalq &list) noexcept;

}  // namespace evi

#endif
