// What a request must carry before it may go to the canary: the colour, the headers and the URL
// that the user wants, and nothing that was meant for the original connection only. Const after
// construction.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "replay/protocol/exchange.h"

namespace gray {

struct RequestRewriteOptions {
  std::string color = "x-gray-replay: 1";
  /// "Name: value" takes the place of every header of that name, or is added; "Name:" removes it.
  std::vector<std::string> set_headers = {};
  /// "RE:TO": every match of RE (RE2) in the target becomes TO, where $1 or \1 is the first group.
  /// The last colon parts the two; one that belongs to TO is written "\:". In the order given.
  std::vector<std::string> rewrite_urls = {};
  bool host_from_target = false;  ///< Host names the canary, not production
};

class RequestRewriter {
 public:
  /// Throws UsageError that names the bad option.
  explicit RequestRewriter(const RequestRewriteOptions& options);
  ~RequestRewriter();
  RequestRewriter(RequestRewriter&&) noexcept;
  RequestRewriter& operator=(RequestRewriter&&) noexcept;

  /// Makes the target origin-form (RFC 9112 section 3.2), removes the connection's own headers
  /// (RFC 9110 section 7.6.1), leaves exactly one Host, then sets headers and the colour.
  /// Content-Length and Transfer-Encoding stay: framing is the sender's. `target_authority` is the
  /// canary's "host:port".
  void rewrite(Request& request, std::string_view target_authority) const;

  /// The colour header's name, for SelectOptions::color_name.
  const std::string& color_name() const noexcept;

 private:
  struct Rules;
  std::unique_ptr<const Rules> rules_;
};

}  // namespace gray
