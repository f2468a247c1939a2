// A strict JSON parser, to check what the library writes.
#ifndef EVENTIDE_TEST_SUPPORT_JSON_H
#define EVENTIDE_TEST_SUPPORT_JSON_H

#include <cctype>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace test {

struct Json {
  std::string text;  // of a string, unescaped; of a number, true, false and null, as it stands
  std::vector<Json> items;
  std::map<std::string, Json> members;

  // Null if the text is anything but one value; an object that has a key twice is not one.
  static std::optional<Json> parse(std::string_view text);

  // The member, or an empty value if there is none.
  const Json &operator[](const std::string &key) const {
    static const Json none;
    const auto found = members.find(key);
    return found == members.end() ? none : found->second;
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> all;
    for (const Json &item : items) all.push_back(item.text);
    return all;
  }
};

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  bool value(Json &out) {
    space();
    const char c = peek();
    const bool good = c == '{'   ? object(out)
                      : c == '[' ? list(out)
                      : c == '"' ? string(out.text)
                                 : word(out.text);
    space();
    return good;
  }
  bool at_end() const { return at_ == text_.size(); }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void space() {
    while (!at_end() && std::string_view(" \t\r\n").find(peek()) != std::string_view::npos) ++at_;
  }

  bool object(Json &out) {
    take('{');
    space();
    if (take('}')) return true;
    do {
      std::string key;
      Json member;
      space();
      if (!string(key)) return false;
      space();
      if (!take(':') || !value(member) || !out.members.emplace(key, std::move(member)).second) return false;
    } while (take(','));
    return take('}');
  }

  bool list(Json &out) {
    take('[');
    space();
    if (take(']')) return true;
    do {
      if (!value(out.items.emplace_back())) return false;
    } while (take(','));
    return take(']');
  }

  bool string(std::string &out) {
    if (!take('"')) return false;
    while (!at_end() && peek() != '"') {
      const char c = text_[at_++];
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        out += c;
      } else if (!escape(out)) {
        return false;
      }
    }
    return take('"');
  }

  bool escape(std::string &out) {
    static constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    const char c = peek();
    ++at_;
    if (c == 'u') {
      unsigned code = 0;
      for (int i = 0; i < 4; ++i, ++at_) {
        if (!std::isxdigit(static_cast<unsigned char>(peek()))) return false;
        code = code * 16 + static_cast<unsigned>(std::stoi(std::string(1, peek()), nullptr, 16));
      }
      out += static_cast<char>(code);  // no more than ASCII is asked for
      return code < 0x80;
    }
    const std::size_t which = kLetters.find(c);
    if (c == '\0' || which == std::string_view::npos) return false;
    out += kMeanings[which];
    return true;
  }

  bool digits(std::string &out) {
    const std::size_t before = out.size();
    while (std::isdigit(static_cast<unsigned char>(peek()))) out += text_[at_++];
    return out.size() > before;
  }

  bool word(std::string &out) {
    for (const std::string_view literal : {"true", "false", "null"}) {
      if (text_.substr(at_, literal.size()) != literal) continue;
      at_ += literal.size();
      out = literal;
      return true;
    }
    if (take('-')) out = "-";
    const std::size_t first = out.size();
    if (!digits(out) || (out[first] == '0' && out.size() > first + 1)) return false;
    if (take('.')) {
      out += '.';
      if (!digits(out)) return false;
    }
    if (take('e') || take('E')) {
      out += 'e';
      if (!take('+') && take('-')) out += '-';
      if (!digits(out)) return false;
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

inline std::optional<Json> Json::parse(std::string_view text) {
  JsonReader reader(text);
  Json result;
  if (!reader.value(result) || !reader.at_end()) return std::nullopt;
  return result;
}

}  // namespace test

#endif
