#include "replay/compare/text_pair.h"

#include <algorithm>
#include <span>

#include "replay/compare/printable.h"

namespace gray {
namespace {

TextLines lines_of(std::string_view text) {
  TextLines lines;
  while (!text.empty() && lines.size() <= TextPair::kMaxLines) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::optional<Tree> tree_of(std::span<const std::string_view> lines) {
  TreeBuilder builder;
  builder.open(TreeKind::Array);
  for (const std::string_view line : lines) builder.leaf(TreeKind::String, line);
  builder.close();
  return builder.take();
}

}  // namespace

std::optional<TextPair> TextPair::make(std::string_view production, std::string_view canary) {
  if (std::max(production.size(), canary.size()) > kMaxText) return std::nullopt;
  TextPair pair;
  const TextLines& left = pair.production_lines_ = lines_of(production);
  const TextLines& right = pair.canary_lines_ = lines_of(canary);
  if (std::max(left.size(), right.size()) > kMaxLines) return std::nullopt;
  std::size_t tail = 0;
  while (tail < std::min(left.size(), right.size()) &&
         left[left.size() - 1 - tail] == right[right.size() - 1 - tail])
    ++tail;
  auto before = tree_of(std::span(left).first(left.size() - tail));
  auto after = tree_of(std::span(right).first(right.size() - tail));
  if (!before || !after) return std::nullopt;
  pair.production_ = std::move(*before);
  pair.canary_ = std::move(*after);
  return pair;
}

ShownText::ShownText(const Scrubber& scrubber, std::string_view text, std::size_t lines)
    : text_(scrubber.scrub_value("body", text)), lines_(lines_of(text_)) {
  if (lines_.size() != lines) lines_.clear();
}

std::string ShownText::line(std::size_t index) const {
  if (index >= lines_.size()) return "(scrubbed)";
  return lines_[index].empty() ? "(empty)" : printable(lines_[index]);
}

bool same_scrubbed(std::string_view production, std::string_view canary, const Scrubber& scrubber) {
  if (!scrubber.on() || std::max(production.size(), canary.size()) > TextPair::kMaxText)
    return false;
  return scrubber.scrub_value("body", production) == canary ||
         scrubber.scrub_text(production) == scrubber.scrub_text(canary);
}

}  // namespace gray
