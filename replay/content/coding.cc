#include "replay/content/coding.h"

#include <algorithm>
#include <array>
#include <utility>

#include "replay/protocol/token.h"

namespace gray {
namespace {

constexpr std::array<std::pair<std::string_view, Coding>, 5> kNames{{{"gzip", Coding::Gzip},
                                                                     {"x-gzip", Coding::Gzip},
                                                                     {"deflate", Coding::Deflate},
                                                                     {"br", Coding::Brotli},
                                                                     {"zstd", Coding::Zstd}}};

bool append_codings(std::string_view list, std::vector<Coding>& codings) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view name = trim_ows(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (name.empty() || same_name(name, "identity")) continue;
    const std::optional<Coding> coding = coding_named(name);
    if (!coding || codings.size() == kMaxCodings) return false;
    codings.push_back(*coding);
  }
  return true;
}

}  // namespace

std::optional<Coding> coding_named(std::string_view name) noexcept {
  const auto known = std::find_if(kNames.begin(), kNames.end(),
                                  [&](const auto& entry) { return same_name(entry.first, name); });
  return known == kNames.end() ? std::nullopt : std::optional(known->second);
}

std::optional<std::vector<Coding>> parse_codings(std::string_view list) {
  std::vector<Coding> codings;
  return append_codings(list, codings) ? std::optional(codings) : std::nullopt;
}

std::optional<std::vector<Coding>> content_codings(const Headers& headers) {
  std::vector<Coding> codings;
  for (const Header& header : headers)
    if (same_name(header.name, "content-encoding") && !append_codings(header.value, codings))
      return std::nullopt;
  return codings;
}

}  // namespace gray
