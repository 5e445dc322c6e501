#include "replay/send/request_check.h"

#include "replay/protocol/control.h"
#include "replay/protocol/token.h"

namespace gray {
namespace {

bool is_target(std::string_view text) {
  return !text.empty() && text.find(' ') == std::string_view::npos && !has_control(text);
}

std::string check_headers(const Headers& headers) {
  for (const Header& header : headers) {
    if (!is_token(header.name)) return "a header name is no token";
    if (breaks_line(header.value)) return "CR, LF or NUL in header " + header.name;
  }
  return "";
}

}  // namespace

std::string check_request(const Request& request) {
  if (request.unknown_headers > 0)
    return "headers that were sent before the capture began are not known";
  if (!is_token(request.method)) return "the method is no token";
  if (!is_target(request.target)) return "white space or controls in the target";
  if (request.version != "1.0" && request.version != "1.1" && request.version != "2")
    return "not HTTP/1.0, HTTP/1.1 or HTTP/2";
  if (request.truncated) return "the body was not kept whole";
  std::string error = check_headers(request.headers);
  return error.empty() ? check_headers(request.trailers) : error;
}

bool is_grpc(const Request& request) noexcept {
  constexpr std::string_view kType = "application/grpc";
  const std::string* type = find_header(request.headers, "content-type");
  if (type == nullptr || !same_name(std::string_view(*type).substr(0, kType.size()), kType))
    return false;
  const std::string_view rest = std::string_view(*type).substr(kType.size());
  return rest.empty() || rest[0] == '+' || rest[0] == ';' || rest[0] == ' ';
}

}  // namespace gray
