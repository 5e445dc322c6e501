// Which exchanges are put to the canary: rules on method, URL and headers, and a sample that is the
// same on every host and in every run. Const after construction: any thread may ask.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "replay/protocol/exchange.h"

namespace gray {

struct SelectOptions {
  /// As on the wire (case matters). Empty: the safe ones of RFC 9110 section 9.2.1, which are GET,
  /// HEAD, OPTIONS and TRACE.
  std::vector<std::string> methods = {};
  /// RE2, found anywhere in the target. When any are allowed, one of them must match.
  std::vector<std::string> allow_urls = {};
  std::vector<std::string> disallow_urls = {};
  /// "Name:regex" (RE2, found anywhere in a value of that name). Each must match.
  std::vector<std::string> allow_headers = {};
  double share = 1;
  /// What is sampled as a whole: "flow", "header:NAME" or "cookie:NAME". A request without that
  /// header or cookie is sampled by its flow.
  std::string sample_by = "flow";
  /// 0 leaves flow tags as they are, so that the sample is the one that the kernel would take.
  std::uint64_t seed = 0;
  std::string color_name = "x-gray-replay";
};

class Selector {
 public:
  /// Throws UsageError that names the bad rule.
  explicit Selector(const SelectOptions& options);
  ~Selector();
  Selector(Selector&&) noexcept;
  Selector& operator=(Selector&&) noexcept;

  /// Null when the exchange goes on; else the drop's name, the first that fits of: "own" (carries
  /// the colour already), "no_request", "incomplete", "truncated" (the body is longer than what
  /// was kept), "upgrade" (what follows is not HTTP), "method", "url", "header", "sampled".
  const char* refuse(const Exchange& exchange) const noexcept;

 private:
  struct Rules;
  std::unique_ptr<const Rules> rules_;
};

}  // namespace gray
