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

}  // namespace gray
