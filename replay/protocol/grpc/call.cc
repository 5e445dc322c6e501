#include "replay/protocol/grpc/call.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "replay/protocol/grpc/frames.h"
#include "replay/protocol/grpc/metadata.h"

namespace gray::grpc {
namespace {

bool is_made_of_messages(const Message& message) {
  return !message.truncated && read_framing(message.body).rest == Framing::Rest::None;
}

// A capture that began in the middle of a connection need not hold the one time when the
// content-type was spelt out: gRPC's clients send each call of a connection with the same one.
bool looks_like_grpc(const Request& request, const Response* response) {
  const std::string* type = find_header(request.headers, "content-type");
  if (request.unknown_headers == 0 || (type != nullptr && *type != kUnknownHeaderText))
    return false;
  return request.method == "POST" && !request.body.empty() && is_made_of_messages(request) &&
         (response == nullptr || is_made_of_messages(*response));
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
  if (!says_grpc(request.headers) && !looks_like_grpc(request, response)) return std::nullopt;
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

std::optional<std::uint64_t> timeout_ns(std::string_view text) noexcept {
  constexpr std::size_t kMaxDigits = 8;
  constexpr std::array<std::pair<char, std::uint64_t>, 6> kUnits{{{'H', 3'600'000'000'000},
                                                                  {'M', 60'000'000'000},
                                                                  {'S', 1'000'000'000},
                                                                  {'m', 1'000'000},
                                                                  {'u', 1'000},
                                                                  {'n', 1}}};
  if (text.size() < 2 || text.size() > kMaxDigits + 1) return std::nullopt;
  std::uint64_t count = 0;
  const char* end = text.data() + text.size() - 1;
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  const auto unit = std::find_if(kUnits.begin(), kUnits.end(),
                                 [&](const auto& known) { return known.first == text.back(); });
  if (error != std::errc() || rest != end || unit == kUnits.end()) return std::nullopt;
  constexpr std::uint64_t kLongest = std::numeric_limits<std::uint64_t>::max();
  return count > kLongest / unit->second ? kLongest : count * unit->second;
}

std::string_view status_name(int status) noexcept {
  constexpr std::array<std::string_view, 17> kNames{"OK",
                                                    "CANCELLED",
                                                    "UNKNOWN",
                                                    "INVALID_ARGUMENT",
                                                    "DEADLINE_EXCEEDED",
                                                    "NOT_FOUND",
                                                    "ALREADY_EXISTS",
                                                    "PERMISSION_DENIED",
                                                    "RESOURCE_EXHAUSTED",
                                                    "FAILED_PRECONDITION",
                                                    "ABORTED",
                                                    "OUT_OF_RANGE",
                                                    "UNIMPLEMENTED",
                                                    "INTERNAL",
                                                    "UNAVAILABLE",
                                                    "DATA_LOSS",
                                                    "UNAUTHENTICATED"};
  const bool known = status >= 0 && static_cast<std::size_t>(status) < kNames.size();
  return known ? kNames[static_cast<std::size_t>(status)] : std::string_view();
}

std::string_view CallKind::name() const noexcept {
  if (client_streams) return server_streams ? "bidi_streaming" : "client_streaming";
  return server_streams ? "server_streaming" : "unary";
}

std::optional<CallKind> kind_from_counts(const GrpcCall& call) noexcept {
  if (call.status != 0 || call.request_messages == 1 || call.response_messages == 1)
    return std::nullopt;
  return CallKind{true, true};
}

}  // namespace gray::grpc
