// A request as HTTP/2 header fields (RFC 9113 section 8). What HTTP/2 forbids is left out or put
// into its words; what could change another request is refused.
#pragma once

#include <nghttp2/nghttp2.h>

#include <string>
#include <string_view>
#include <vector>

#include "replay/protocol/exchange.h"

namespace gray {

class Http2Request {
 public:
  /// Pseudo-headers first, the others in their order: names in lower case, those of a connection
  /// (RFC 9113 section 8.2.2) and Host and Expect left out, Content-Length that of the body. "te:
  /// trailers" is added to a gRPC call, which cannot do without it. `scheme` is "http" or "https".
  Http2Request(const Request& request, std::string_view authority, std::string_view scheme);
  Http2Request(const Http2Request&) = delete;
  Http2Request& operator=(const Http2Request&) = delete;

  /// Why it cannot be sent; empty when it can.
  const std::string& error() const noexcept { return error_; }
  /// Valid while this object and the request live.
  const std::vector<nghttp2_nv>& headers() const noexcept { return headers_; }
  const std::vector<nghttp2_nv>& trailers() const noexcept { return trailers_; }

 private:
  void add(std::vector<nghttp2_nv>& to, std::string_view name, std::string_view value);
  void add_all(const Request& request);
  const std::string& keep(std::string text);

  std::string error_;
  std::string authority_;
  std::vector<std::string> kept_;  // lower-case names and lengths; never grows beyond its capacity
  std::vector<nghttp2_nv> headers_;
  std::vector<nghttp2_nv> trailers_;
};

}  // namespace gray
