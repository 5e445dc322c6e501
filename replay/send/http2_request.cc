#include "replay/send/http2_request.h"

#include <algorithm>
#include <array>
#include <utility>

#include "replay/send/request_check.h"

namespace gray {
namespace {

constexpr std::array<std::string_view, 8> kLeftOut{
    "connection",        "host",    "keep-alive", "proxy-connection",
    "transfer-encoding", "upgrade", "expect",     "http2-settings"};

bool is_left_out(const Header& header) {
  if (same_name(header.name, "te")) return true;  // added again where it may be
  return std::any_of(kLeftOut.begin(), kLeftOut.end(),
                     [&](std::string_view name) { return same_name(header.name, name); });
}

bool has_upper(std::string_view name) {
  return std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

}  // namespace

Http2Request::Http2Request(const Request& request, std::string_view authority,
                           std::string_view scheme)
    : error_(check_request(request)) {
  if (error_.empty() && request.method == "CONNECT") error_ = "CONNECT asks for a tunnel";
  if (!error_.empty()) return;
  kept_.reserve(request.headers.size() + request.trailers.size() + 1);
  headers_.reserve(request.headers.size() + 5);
  const std::string* host = find_header(request.headers, "host");
  authority_ = host != nullptr ? *host : request.authority;
  if (authority_.empty()) authority_ = authority;
  add(headers_, ":method", request.method);
  add(headers_, ":scheme", scheme);
  add(headers_, ":authority", authority_);
  add(headers_, ":path", request.target);
  add_all(request);
}

void Http2Request::add_all(const Request& request) {
  bool length_said = false;
  for (const Header& header : request.headers) {
    if (is_left_out(header)) continue;
    if (same_name(header.name, "content-length")) {
      if (!std::exchange(length_said, true))
        add(headers_, "content-length", keep(std::to_string(request.body.size())));
      continue;
    }
    add(headers_, has_upper(header.name) ? keep(lower(header.name)) : header.name, header.value);
  }
  if (is_grpc(request)) add(headers_, "te", "trailers");
  for (const Header& trailer : request.trailers) {
    if (is_left_out(trailer) || same_name(trailer.name, "content-length")) continue;
    add(trailers_, has_upper(trailer.name) ? keep(lower(trailer.name)) : trailer.name,
        trailer.value);
  }
}

const std::string& Http2Request::keep(std::string text) {
  return kept_.emplace_back(std::move(text));
}

void Http2Request::add(std::vector<nghttp2_nv>& to, std::string_view name, std::string_view value) {
  // nghttp2 does not write through these pointers; it is C that cannot say so.
  // White space around a value is HTTP/1's alone (RFC 9113 section 8.2.1).
  const auto begin = std::min(value.find_first_not_of(" \t"), value.size());
  value.remove_prefix(begin);
  value = value.substr(0, value.find_last_not_of(" \t") + 1);
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  to.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
}

}  // namespace gray
