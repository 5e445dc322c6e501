#include "tools/grayxdp/exchange_json.h"

#include <nlohmann/json.hpp>

#include "replay/content/utf8.h"
#include "replay/protocol/grpc/metadata.h"
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
  if (message.reset) json["reset"] = *message.reset;
  if (message.unknown_headers > 0) json["unknown_headers"] = message.unknown_headers;
  if (message.truncated) json["truncated"] = true;
  if (message.anomalies.empty()) return;
  Json names = Json::array();
  for (const std::string& name : message.anomalies) names.push_back(json_text(name));
  json["anomalies"] = std::move(names);
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

Json grpc_json(const GrpcCall& call) {
  Json json{{"service", json_text(call.service)},
            {"method", json_text(call.method)},
            {"status", call.status ? Json(*call.status) : Json()},
            {"request_messages", call.request_messages},
            {"response_messages", call.response_messages}};
  if (!call.status_message.empty()) json["status_message"] = json_text(call.status_message);
  if (!call.timeout.empty()) json["timeout"] = json_text(call.timeout);
  return json;
}

/// A message, or of a side that streams the list of them; absent when it cannot be read.
void add_messages(Json& json, const char* name, const Exchange& exchange, const Message& message,
                  Side side, const Schemas& schemas) {
  const auto body = grpc_json(schemas, exchange.request.target, side, message);
  if (!body) return;
  json[name] = Json::parse(body->text(), nullptr, false);
  if (body->problem) json[std::string(name) + "_problem"] = body->problem;
}

Json side_json(const WebSocketSide& side) {
  const WebSocketSide::Count total = side.total();
  Json opcodes = Json::object();
  for (std::size_t i = 0; i < side.by_opcode.size(); ++i) {
    const WebSocketSide::Count& count = side.by_opcode[i];
    if (count.frames == 0) continue;
    std::string name(opcode_name(i));
    if (name == "reserved") name += '-' + std::to_string(i);
    opcodes[name] = {{"frames", count.frames}, {"bytes", count.bytes}};
  }
  Json json{{"frames", total.frames},
            {"messages", side.messages},
            {"bytes", total.bytes},
            {"opcodes", std::move(opcodes)},
            {"compressed", side.compressed}};
  json["close_code"] = side.close_code ? Json(*side.close_code) : Json();
  if (side.unread > 0) json["unread_bytes"] = side.unread;
  if (side.missing > 0) json["missing_bytes"] = side.missing;
  if (!side.anomalies.empty()) json["anomalies"] = side.anomalies;
  return json;
}

Json websocket_json(const WebSocketTraffic& traffic) {
  return {{"extensions", json_text(traffic.extensions)},
          {"client", side_json(traffic.client)},
          {"server", side_json(traffic.server)}};
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

Json to_json(const Exchange& exchange, bool with_headers, const Schemas* schemas) {
  Json json{{"id", exchange.id.hex()},
            {"protocol", exchange.protocol},
            {"client", exchange.client.to_string()},
            {"server", exchange.server.to_string()},
            {"community_id", exchange.community_id},
            {"stream", exchange.stream}};
  if (exchange.h2_stream != 0) json["h2_stream"] = exchange.h2_stream;
  json["time"] = iso8601(began_ns(exchange));
  json["request"] = request_json(exchange.request, with_headers);
  json["response"] = response_json(exchange.response, with_headers);
  json["latency_ns"] = exchange.latency_ns();
  if (exchange.grpc) {
    Json& call = json["grpc"] = grpc_json(*exchange.grpc);
    if (!grpc::says_grpc(exchange.request.headers)) call["inferred"] = true;
    if (schemas) add_messages(call, "request", exchange, exchange.request, Side::Request, *schemas);
    if (schemas && exchange.response)
      add_messages(call, "response", exchange, *exchange.response, Side::Response, *schemas);
  }
  if (exchange.websocket) json["websocket"] = websocket_json(*exchange.websocket);
  return json;
}

}  // namespace gray
