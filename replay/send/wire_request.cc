#include "replay/send/wire_request.h"

#include <fmt/format.h>

#include <algorithm>

namespace gray {
namespace {

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_target(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f;
  });
}

bool is_value(std::string_view text) {
  constexpr std::string_view kEnds("\r\n\0", 3);
  return text.find_first_of(kEnds) == std::string_view::npos;
}

std::string check_headers(const Headers& headers) {
  for (const Header& header : headers) {
    if (!is_token(header.name)) return "a header name is no token";
    if (!is_value(header.value)) return "CR, LF or NUL in header " + header.name;
  }
  return "";
}

std::string check(const Request& request) {
  if (!is_token(request.method)) return "the method is no token";
  if (!is_target(request.target)) return "white space or controls in the target";
  if (request.version != "1.0" && request.version != "1.1") return "not HTTP/1.0 or HTTP/1.1";
  if (request.truncated) return "the body was not kept whole";
  std::string error = check_headers(request.headers);
  return error.empty() ? check_headers(request.trailers) : error;
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Whether `name` in a comma-separated list.
bool lists(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (same_name(trim(list.substr(0, comma)), name)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

/// "gzip, chunked" stays: the body is still compressed. Anything not ending in chunked does not
/// say what is sent.
std::string_view transfer_encoding(std::string_view given) {
  const std::string_view last = trim(given.substr(given.rfind(',') + 1));
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

}  // namespace

WireRequest wire_request(const Request& request, std::string_view authority) {
  WireRequest wire;
  wire.error = check(request);
  if (!wire.error.empty()) return wire;

  const bool is_1_1 = request.version == "1.1";
  const bool chunked = request.chunked && is_1_1;
  bool close = false;
  bool keep_alive = false;
  Framing framing(request, chunked);

  wire.head = fmt::format("{} {} HTTP/{}\r\n", request.method, request.target, request.version);
  if (is_1_1 && find_header(request.headers, "host") == nullptr) {
    put(wire.head, "Host", authority);
  }
  for (const Header& header : request.headers) {
    if (framing.replace(header, wire.head) || same_name(header.name, "expect")) continue;
    if (same_name(header.name, "connection")) {
      close = close || lists(header.value, "close");
      keep_alive = keep_alive || lists(header.value, "keep-alive");
    }
    put(wire.head, header.name, header.value);
  }
  framing.finish(wire.head);
  wire.head += "\r\n";
  wire.closes = close || (!is_1_1 && !keep_alive);

  if (chunked) {
    if (!request.body.empty()) {
      wire.head += fmt::format("{:x}\r\n", request.body.size());
      wire.tail = "\r\n";
    }
    wire.tail += "0\r\n";
    for (const Header& trailer : request.trailers) put(wire.tail, trailer.name, trailer.value);
    wire.tail += "\r\n";
  }
  return wire;
}

}  // namespace gray
