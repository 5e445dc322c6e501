// Any bytes as a JSON document: scrubbing and comparing agree on what is one, and scrubbing leaves
// one with the same members. The first byte chooses the policy.
#include "replay/compare/tree.h"
#include "replay/scrub/json.h"
#include "userspace/base/fuzz.h"

namespace gray {
namespace {

Policy make_policy(Action last) {
  Rules rules;
  rules.key = std::string(32, 'k');
  std::string error;
  for (const auto& [path, action] :
       {std::pair{"$.a", Action::Mask}, std::pair{"$..id", Action::Hash},
        std::pair{"$.t[1]", Action::Tokenize}, std::pair{"$..x", last}})
    rules.json.push_back({JsonPath::parse(path, error).value(), Treatment{action}});
  return Policy(std::move(rules));
}

JsonResult scrub(const Policy& policy, std::string text, const JsonOptions& options) {
  return scrub_json(policy, text, options);
}

}  // namespace
}  // namespace gray

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gray;
  static const Policy kDropping = make_policy(Action::Drop);
  static const Policy kKeeping = make_policy(Action::Keep);
  FuzzInput input(data, size);
  const bool drops = (input.byte() & 1) != 0;
  const Policy& policy = drops ? kDropping : kKeeping;
  const auto bytes = input.rest();
  const std::string before(bytes.begin(), bytes.end());
  std::string text = before;
  const JsonResult result = scrub_json(policy, text, {});
  const JsonResult many = scrub(policy, before, {.many = true});
  const JsonResult cut = scrub(policy, before, {.may_be_cut = true});
  require(result == JsonResult::Changed || text == before, "what is not changed stays");
  if (result == JsonResult::Bad) return 0;
  require(many != JsonResult::Bad, "one document is one of many");
  require(cut != JsonResult::Bad, "a whole document is the beginning of one");
  // RFC 8259 section 8.1: a byte order mark may be ignored, and scrubbing does.
  const auto tree = parse_json(before);
  if (!tree) return require(before.starts_with("\xef\xbb\xbf"), "both know the document"), 0;
  // One level deeper, and twice as many.
  const auto twice = parse_json_sequence(before + '\n' + before);
  require(!twice || twice->size() == 2 * tree->size() + 1, "each of two values is read");
  const auto after = parse_json(text);
  require(after.has_value(), "scrubbing leaves a document");
  require(drops || after->size() == tree->size(), "scrubbing keeps the members");
  return 0;
}
