#include "replay/send/wire_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "replay/protocol/token.h"
#include "replay/send/request_check.h"

namespace gray {
namespace {

/// Whether `name` in a comma-separated list.
bool lists(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (same_name(trim_ows(list.substr(0, comma)), name)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

/// "gzip, chunked" stays: the body is still compressed. Anything not ending in chunked does not
/// say what is sent.
std::string_view transfer_encoding(std::string_view given) {
  const std::string_view last = trim_ows(given.substr(given.rfind(',') + 1));
  return same_name(last, "chunked") ? given : "chunked";
}

void put(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

/// The header fields that say how long the body is: written where the first of them stood.
class Framing {
 public:
  Framing(const Request& request, bool chunked)
      : chunked_(chunked), length_(request.body.size()), due_(chunked || length_ > 0) {}

  /// True when `header` is of the framing; then what is sent instead is in `out`.
  bool replace(const Header& header, std::string& out) {
    const bool length = same_name(header.name, "content-length");
    if (!length && !same_name(header.name, "transfer-encoding")) return false;
    if (written_ || (chunked_ && length)) return true;
    written_ = true;
    if (chunked_) {
      put(out, header.name, transfer_encoding(header.value));
    } else {
      put(out, length ? std::string_view(header.name) : "Content-Length", std::to_string(length_));
    }
    return true;
  }

  void finish(std::string& out) const {
    if (written_ || !due_) return;
    if (chunked_) {
      put(out, "Transfer-Encoding", "chunked");
    } else {
      put(out, "Content-Length", std::to_string(length_));
    }
  }

 private:
  bool chunked_;
  std::size_t length_;
  bool due_;
  bool written_ = false;
};

std::string check(const Request& request) {
  if (request.version == "2") {
    if (is_grpc(request)) return "gRPC needs HTTP/2, and the target speaks HTTP/1";
    if (request.method == "CONNECT") return "CONNECT asks for a tunnel";
  }
  return check_request(request);
}

/// HTTP/2 may part a cookie header in many; HTTP/1 wants one (RFC 9113 section 8.2.3).
void put_joined_cookie(const Headers& headers, std::string& out) {
  std::string joined;
  for (const Header& header : headers) {
    if (!same_name(header.name, "cookie")) continue;
    if (!joined.empty()) joined += "; ";
    joined += header.value;
  }
  if (!joined.empty()) put(out, "Cookie", joined);
}

void end_chunked(const Request& request, WireRequest& wire) {
  if (!request.body.empty()) {
    wire.head += fmt::format("{:x}\r\n", request.body.size());
    wire.tail = "\r\n";
  }
  wire.tail += "0\r\n";
  for (const Header& trailer : request.trailers) put(wire.tail, trailer.name, trailer.value);
  wire.tail += "\r\n";
}

}  // namespace

WireRequest wire_request(const Request& request, std::string_view authority) {
  WireRequest wire;
  wire_request(request, authority, wire);
  return wire;
}

void wire_request(const Request& request, std::string_view authority, WireRequest& wire) {
  wire.head.clear();
  wire.tail.clear();
  wire.error = check(request);
  if (!wire.error.empty()) return;

  const bool from_2 = request.version == "2";
  const bool is_1_1 = from_2 || request.version == "1.1";
  const bool chunked = is_1_1 && (request.chunked || (from_2 && !request.trailers.empty()));
  bool close = false;
  bool keep_alive = false;
  Framing framing(request, chunked);

  wire.head.append(request.method).append(" ").append(request.target);
  wire.head.append(is_1_1 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
  if (is_1_1 && find_header(request.headers, "host") == nullptr)
    put(wire.head, "Host", from_2 && !request.authority.empty() ? request.authority : authority);
  if (from_2) put_joined_cookie(request.headers, wire.head);
  for (const Header& header : request.headers) {
    if (framing.replace(header, wire.head) || same_name(header.name, "expect")) continue;
    if (from_2 && (same_name(header.name, "cookie") || same_name(header.name, "te"))) continue;
    if (same_name(header.name, "connection")) {
      close = close || lists(header.value, "close");
      keep_alive = keep_alive || lists(header.value, "keep-alive");
    }
    put(wire.head, header.name, header.value);
  }
  framing.finish(wire.head);
  wire.head += "\r\n";
  wire.closes = close || (!is_1_1 && !keep_alive);
  if (chunked) end_chunked(request, wire);
}

}  // namespace gray
