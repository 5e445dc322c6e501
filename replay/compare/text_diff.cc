#include <fmt/format.h>

#include <algorithm>

#include "replay/compare/answer_diff.h"
#include "replay/compare/printable.h"

namespace gray {
namespace {

constexpr std::size_t kMaxScrubbedBody = 1u << 20;  // larger ones are compared as they are
constexpr std::size_t kMaxLines = 100'000;

using Lines = std::vector<std::string_view>;

// "\r\n" and "\n" both end a line.
Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty() && lines.size() <= kMaxLines) {
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

std::uint64_t length(const BodySource& source) noexcept {
  const bool decoded = source.body.data() != source.response->body.data();
  return decoded ? source.body.size()
                 : std::max<std::uint64_t>(source.response->body_bytes, source.body.size());
}

bool same_scrubbed(const BodySource& production, const BodySource& canary,
                   const Scrubber& scrubber) {
  if (!scrubber.on() || coded(production) || coded(canary)) return false;
  if (std::max(production.body.size(), canary.body.size()) > kMaxScrubbedBody) return false;
  return scrubber.scrub_value("body", production.body) == canary.body ||
         scrubber.scrub_text(production.body) == scrubber.scrub_text(canary.body);
}

// A text after scrubbing, by line; when that changed the number of lines, nothing of it is shown.
struct ScrubbedText {
  ScrubbedText(const Scrubber& scrubber, std::string_view body, std::size_t count)
      : text(scrubber.scrub_value("body", body)), lines(lines_of(text)) {
    if (lines.size() != count) lines.clear();
  }
  ScrubbedText(const ScrubbedText&) = delete;

  std::string show(const TreeNode* node, std::size_t index) const {
    if (node == nullptr) return {};
    if (node->container()) return gray::show(node);
    if (index >= lines.size()) return "(scrubbed)";
    return lines[index].empty() ? "(empty)" : printable(lines[index]);
  }

  std::string text;
  Lines lines;
};

}  // namespace

// Lines before and behind the first and the last that differ are alike, so a line more does not
// make all that follow differ.
bool AnswerDiff::texts(const BodySource& production, const BodySource& canary) {
  if (std::max(production.body.size(), canary.body.size()) > kMaxScrubbedBody) return false;
  const Lines left = lines_of(production.body), right = lines_of(canary.body);
  if (std::max(left.size(), right.size()) > kMaxLines) return false;
  const std::size_t shorter = std::min(left.size(), right.size());
  std::size_t head = 0, tail = 0;
  while (head < shorter && left[head] == right[head]) ++head;
  while (tail < shorter - head && left[left.size() - 1 - tail] == right[right.size() - 1 - tail])
    ++tail;
  if (head == left.size() && head == right.size()) return false;  // only the ends of lines differ
  if (same_scrubbed(production, canary, scrubber_)) return true;
  const auto before = tree_of(std::span(left).subspan(head, left.size() - head - tail));
  const auto after = tree_of(std::span(right).subspan(head, right.size() - head - tail));
  if (!before || !after) return false;
  const ScrubbedText shown_left(scrubber_, production.body, left.size());
  const ScrubbedText shown_right(scrubber_, canary.body, right.size());
  diff_trees(*before, *after, "text", rules_,
             {.found =
                  [&](const TreeDifference& difference) {
                    std::vector<JsonStep> place(difference.place.begin(), difference.place.end());
                    if (!place.empty()) place.front().index += head;
                    const std::size_t line = place.empty() ? head : place.front().index;
                    std::string after_text = shown_right.show(difference.canary, line);
                    if (difference.order_only) after_text += ", other order";
                    out_.add(field_of("text", false, place),
                             shown_left.show(difference.production, line), std::move(after_text),
                             cause_of(difference));
                    return true;
                  },
              .ignored =
                  [&](std::span<const JsonStep> place, const CompareRule& rule) {
                    if (out_.notes_more()) note(field_of("text", false, place), rule);
                  }});
  return true;
}

// The canary's response is whole, or it would not count as answered. Of one of production's that
// was cut on the wire, neither the end nor the length is known.
void AnswerDiff::bytes(const BodySource& production, const BodySource& canary) {
  const std::string_view left = production.body, right = canary.body;
  const std::size_t kept = std::min(left.size(), right.size());
  const auto at =
      std::mismatch(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(kept), right.begin())
          .first;
  const auto offset = static_cast<std::size_t>(at - left.begin());
  const bool complete = production.response->complete;
  const bool open_ended = !complete && left.size() <= right.size();
  if (offset == kept && (open_ended || length(production) == length(canary))) return;
  if (same_scrubbed(production, canary, scrubber_)) return;
  const auto text = [&](const BodySource& source, const char* about) {
    return fmt::format("{}{} bytes, differs at {}", about, length(source), offset);
  };
  const bool cut = !complete || production.response->truncated || canary.response->truncated;
  out_.add("body", text(production, complete ? "" : "at least "), text(canary, ""),
           cut ? Cause::Truncated : Cause::Value);
}

}  // namespace gray
