#include <fmt/format.h>

#include <algorithm>

#include "replay/compare/answer_diff.h"
#include "replay/compare/text_pair.h"

namespace gray {
namespace {

std::uint64_t length(const BodySource& source) noexcept {
  const bool decoded = source.body.data() != source.response->body.data();
  return decoded ? source.body.size()
                 : std::max<std::uint64_t>(source.response->body_bytes, source.body.size());
}

}  // namespace

bool AnswerDiff::texts(const BodySource& production, const BodySource& canary) {
  const auto texts = TextPair::make(production.body, canary.body);
  if (!texts || texts->same_lines()) return false;
  if (same_scrubbed(production.body, canary.body, scrubber_)) return true;
  const ShownText left(scrubber_, production.body, texts->production_lines().size());
  const ShownText right(scrubber_, canary.body, texts->canary_lines().size());
  diff_trees(texts->production(), texts->canary(), "text", rules_,
             {.found =
                  [&](const TreeDifference& pair) {
                    const TreeNode *before = pair.production, *after = pair.canary;
                    if (pair.place.empty())
                      out_.add("text", show(before), show(after) + ", other order", cause_of(pair));
                    else
                      out_.add(field_of("text", false, pair.place),
                               before ? left.line(texts->line_of_production(*before)) : "",
                               after ? right.line(texts->line_of_canary(*after)) : "",
                               cause_of(pair));
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
  if (!coded(production) && !coded(canary) && same_scrubbed(left, right, scrubber_)) return;
  const auto text = [&](const BodySource& source, const char* about) {
    return fmt::format("{}{} bytes, differs at {}", about, length(source), offset);
  };
  const bool cut = !complete || production.response->truncated || canary.response->truncated;
  out_.add("body", text(production, complete ? "" : "at least "), text(canary, ""),
           cut ? Cause::Truncated : Cause::Value);
}

}  // namespace gray
