#include "replay/select/regex.h"

#include <fmt/format.h>

#include <algorithm>

#include "userspace/base/errors.h"

namespace gray {

std::unique_ptr<const RE2> compile_regex(const std::string& source, std::string_view option) {
  RE2::Options options;
  options.set_encoding(RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  auto regex = std::make_unique<RE2>(source, options);
  if (!regex->ok()) throw UsageError(fmt::format("{} '{}': {}", option, source, regex->error()));
  return regex;
}

bool found(const RE2& regex, std::string_view text) noexcept {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regex);
}

bool is_token(std::string_view text) noexcept {
  constexpr std::string_view kOther = "!#$%&'*+-.^_`|~";
  const auto is_token_char = [&](char c) {
    const char lower = static_cast<char>(c | 0x20);
    return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z') ||
           kOther.find(c) != std::string_view::npos;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

}  // namespace gray
