#include "tools/grayxdp/exchange_json.h"

#include <nlohmann/json.hpp>

#include "replay/content/utf8.h"
#include "userspace/base/clock.h"

namespace gray {
namespace {

using Json = nlohmann::ordered_json;

Json headers_json(const Headers& headers) {
  Json list = Json::array();
  for (const Header& header : headers)
    list.push_back(Json::array({json_text(header.name), json_text(header.value)}));
  return list;
}

void add_message(Json& json, const Message& message, bool with_headers) {
  if (with_headers) {
    json["headers"] = headers_json(message.headers);
    if (!message.trailers.empty()) json["trailers"] = headers_json(message.trailers);
  }
  json["body_bytes"] = message.body_bytes;
  json["body_sha256"] = message.body_sha256.empty() ? Json() : Json(message.body_sha256);
  json["complete"] = message.complete;
}

Json request_json(const Request& request, bool with_headers) {
  if (request.method.empty()) return nullptr;
  Json json{{"method", json_text(request.method)},
            {"target", json_text(request.target)},
            {"authority", json_text(request.authority)}};
  add_message(json, request, with_headers);
  return json;
}

Json response_json(const std::optional<Response>& response, bool with_headers) {
  if (!response) return nullptr;
  Json json{{"status", response->status}};
  add_message(json, *response, with_headers);
  return json;
}

}  // namespace

std::string json_text(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = utf8_size(bytes, at);
    const auto byte = static_cast<unsigned char>(bytes[at]);
    if (size > 1 || byte < 0x80) {
      text += bytes.substr(at, size);
    } else {
      append_utf8(text, byte);
    }
    at += size;
  }
  return text;
}

std::uint64_t began_ns(const Exchange& exchange) noexcept {
  if (!exchange.request.method.empty() || !exchange.response) return exchange.request.first_byte_ns;
  return exchange.response->first_byte_ns;
}

Json to_json(const Exchange& exchange, bool with_headers) {
  return {{"id", exchange.id.hex()},
          {"protocol", exchange.protocol},
          {"client", exchange.client.to_string()},
          {"server", exchange.server.to_string()},
          {"community_id", exchange.community_id},
          {"stream", exchange.stream},
          {"time", iso8601(began_ns(exchange))},
          {"request", request_json(exchange.request, with_headers)},
          {"response", response_json(exchange.response, with_headers)},
          {"latency_ns", exchange.latency_ns()}};
}

}  // namespace gray
