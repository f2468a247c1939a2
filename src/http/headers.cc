// Lists of names and values.
#include "http/headers.h"

#include <cstdint>
#include <cstring>

#include "util/alloc.h"
#include "util/assert.h"
#include "util/text.h"

namespace evi {
namespace {

// An entry of headers_append(). Because of the size, its text does not begin where an allocator could place
// the block after a bare evkeyval; the address of `key` thus identifies such an entry.
struct Entry : evkeyval {
  std::size_t text_size;
  char *text() noexcept { return reinterpret_cast<char *>(this + 1); }
};

void free_entry(evkeyval &entry) noexcept {
  Entry &ours = static_cast<Entry &>(entry);
  const bool whole = entry.key == ours.text();
  if (!whole) mm_free(entry.key);
  const auto value = reinterpret_cast<std::uintptr_t>(entry.value);
  const auto text = reinterpret_cast<std::uintptr_t>(ours.text());
  if (!whole || value < text || value >= text + ours.text_size) mm_free(entry.value);
  mm_free(&entry);
}

void link_last(evkeyvalq &list, evkeyval &entry) noexcept {
  EVI_ASSERT(list.tqh_last);
  EVI_ASSERT(!*list.tqh_last);
  entry.next.tqe_next = nullptr;
  entry.next.tqe_prev = list.tqh_last;
  *list.tqh_last = &entry;
  list.tqh_last = &entry.next.tqe_next;
}

}  // namespace

void headers_init(evkeyvalq &list) noexcept {
  list.tqh_first = nullptr;
  list.tqh_last = &list.tqh_first;
}

char *headers_append_room(evkeyvalq &list, std::string_view name, std::size_t room) noexcept {
  if (name.size() > SIZE_MAX / 2 - sizeof(Entry) || room > SIZE_MAX / 2 - 2) return nullptr;
  const std::size_t text_size = name.size() + room + 2;
  auto *entry = static_cast<Entry *>(mm_malloc(sizeof(Entry) + text_size));
  if (!entry) return nullptr;
  entry->text_size = text_size;
  entry->key = entry->text();
  entry->value = entry->key + name.size() + 1;
  if (!name.empty()) std::memcpy(entry->key, name.data(), name.size());
  entry->key[name.size()] = '\0';
  entry->value[room] = '\0';
  link_last(list, *entry);
  return entry->value;
}

bool headers_append(evkeyvalq &list, std::string_view name, std::string_view value) noexcept {
  char *room = headers_append_room(list, name, value.size());
  EVI_ASSERT(value.empty() || !std::memchr(value.data(), '\0', value.size()));
  if (room && !value.empty()) std::memcpy(room, value.data(), value.size());
  return room != nullptr;
}

bool header_is_safe(std::string_view name, std::string_view value) noexcept {
  const auto ends_line = [](std::string_view text) {
    return !text.empty() &&
           (std::memchr(text.data(), '\r', text.size()) || std::memchr(text.data(), '\n', text.size()));
  };
  return !name.empty() && !ends_line(name) && !ends_line(value);
}

evkeyval *headers_find_entry(const evkeyvalq &list, std::string_view name) noexcept {
  for (evkeyval *entry = list.tqh_first; entry; entry = headers_next(*entry)) {
    if (equal_ignoring_case(entry->key, name)) return entry;
  }
  return nullptr;
}

const char *headers_find(const evkeyvalq &list, std::string_view name) noexcept {
  const evkeyval *entry = headers_find_entry(list, name);
  return entry ? entry->value : nullptr;
}

void headers_erase(evkeyvalq &list, evkeyval &entry) noexcept {
  EVI_ASSERT(*entry.next.tqe_prev == &entry);
  evkeyval *after = entry.next.tqe_next;
  (after ? after->next.tqe_prev : list.tqh_last) = entry.next.tqe_prev;
  *entry.next.tqe_prev = after;
  free_entry(entry);
}

bool headers_remove(evkeyvalq &list, std::string_view name) noexcept {
  evkeyval *entry = headers_find_entry(list, name);
  if (entry) headers_erase(list, *entry);
  return entry != nullptr;
}

void headers_clear(evkeyvalq &list) noexcept {
  evkeyval *entry = list.tqh_first;
  headers_init(list);
  while (entry) {
    evkeyval *after = headers_next(*entry);
    free_entry(*entry);
    entry = after;
  }
}

}  // namespace evi
