// The first line of a message (RFC 9112 sections 3 and 4), read as leniently as servers do: any
// token is a method, and the target is whatever stands between it and the version.
#pragma once

#include <optional>
#include <string_view>

namespace gray::http1 {

struct RequestLine {
  std::string_view method;
  std::string_view target;   ///< may contain spaces; empty when there is none
  std::string_view version;  ///< "HTTP/1.1"; empty for HTTP/0.9, whose target starts with "/"
};

/// `line` with or without its CR and LF. Nothing when it is no request line.
std::optional<RequestLine> parse_request_line(std::string_view line) noexcept;

struct StatusLine {
  std::string_view version;  ///< "HTTP/1.1"
  int status;                ///< 100 to 999
  std::string_view reason;
};

/// As above. Nothing when it is no status line.
std::optional<StatusLine> parse_status_line(std::string_view line) noexcept;

}  // namespace gray::http1
