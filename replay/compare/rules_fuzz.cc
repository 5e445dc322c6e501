// A file of rules for comparing, of any bytes, and two answers compared by it: refused as a user's
// mistake, or kept; an answer is equal to itself, and the other way round as many differ. The first
// two bytes are the length of the rules, the next two that of production's body.
#include "replay/compare/compare.h"
#include "replay/compare/trial_for_test.h"
#include "userspace/base/errors.h"
#include "userspace/base/fuzz.h"

namespace gray {
namespace {

constexpr std::size_t kMaxBody = 4'096;

std::string as_text(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

std::string media_of(std::string_view body) {
  if (body.starts_with('{') || body.starts_with('[')) return "application/json";
  if (body.starts_with('\x08') || body.starts_with('\x0a')) return "application/x-protobuf";
  return body.starts_with("a=") ? "application/x-www-form-urlencoded" : "text/plain";
}

Response answer(const std::string& body) {
  return response_of(200, {{"Content-Type", media_of(body)}}, body);
}

void compare(const Comparator& comparator, const std::string& left, const std::string& right) {
  for (const std::string& body : {left, right})
    require(comparator.compare(trial_of(answer(body), answer(body))).differences.empty(),
            "an answer is equal to itself");
  const Comparison there = comparator.compare(trial_of(answer(left), answer(right)));
  const Comparison back = comparator.compare(trial_of(answer(right), answer(left)));
  require(there.differences.empty() == back.differences.empty(), "both ways are equal, or neither");
  for (const Difference& difference : there.differences)
    require(!difference.field.empty() && difference.field.size() <= 200, "a field has a name");
}

}  // namespace
}  // namespace gray

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gray;
  static const Scrubber kOff = Scrubber::off(), kBuiltin = Scrubber::builtin();
  FuzzInput input(data, size);
  const std::size_t rules_size = input.word(), body_size = input.word() % kMaxBody;
  const auto rules = input.bytes(rules_size);
  const std::string left = as_text(input.bytes(body_size));
  const std::string right = as_text(input.bytes(kMaxBody));
  const FuzzFile file(rules.data(), rules.size());
  CompareOptions options;
  options.rules = file.path();
  try {
    compare(Comparator(options, kOff), left, right);
    Comparator(options, kBuiltin).compare(trial_of(answer(left), answer(right)));
  } catch (const UsageError& error) {
    require(*error.what() != '\0', "a refusal says why");
  }
  return 0;
}
