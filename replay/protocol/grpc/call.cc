#include "replay/protocol/grpc/call.h"

#include <charconv>
#include <string_view>

#include "replay/protocol/grpc/frames.h"

namespace gray::grpc {
namespace {

constexpr std::string_view kMediaType = "application/grpc";

bool is_grpc(const Headers& headers) noexcept {
  const std::string* type = find_header(headers, "content-type");
  if (type == nullptr || !same_name(std::string_view(*type).substr(0, kMediaType.size()), kMediaType))
    return false;
  return type->size() == kMediaType.size() || (*type)[kMediaType.size()] == '+' ||
         (*type)[kMediaType.size()] == ';';
}

std::string value_of(const Headers& headers, std::string_view name) {
  const std::string* value = find_header(headers, name);
  return value != nullptr ? *value : std::string();
}

std::optional<int> status_of(const Headers& headers) noexcept {
  const std::string* text = find_header(headers, "grpc-status");
  int status = 0;
  if (text == nullptr) return std::nullopt;
  const char* end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, status);
  if (error != std::errc() || rest != end || status < 0) return std::nullopt;
  return status;
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    out += low >= 0 ? static_cast<char>(high * 16 + low) : text[i];
    if (low >= 0) i += 2;
  }
  return out;
}

void read_response(const Response& response, GrpcCall& call) {
  const bool in_trailers = find_header(response.trailers, "grpc-status") != nullptr;
  const Headers& ending = in_trailers ? response.trailers : response.headers;
  call.status = status_of(ending);
  call.status_message = percent_decoded(value_of(ending, "grpc-message"));
  call.response_encoding = value_of(response.headers, "grpc-encoding");
  call.response_messages = split_messages(response.body).size();
}

}  // namespace

std::optional<GrpcCall> read_call(const Request& request, const Response* response) {
  if (!is_grpc(request.headers)) return std::nullopt;
  GrpcCall call;
  const std::string_view path = request.target;
  if (const std::size_t slash = path.rfind('/'); path.starts_with('/') && slash > 0) {
    call.service = path.substr(1, slash - 1);
    call.method = path.substr(slash + 1);
  }
  call.timeout = value_of(request.headers, "grpc-timeout");
  call.request_encoding = value_of(request.headers, "grpc-encoding");
  call.request_messages = split_messages(request.body).size();
  if (response != nullptr) read_response(*response, call);
  return call;
}

}  // namespace gray::grpc
