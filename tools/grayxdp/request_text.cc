#include "tools/grayxdp/request_text.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include "replay/compare/printable.h"
#include "tools/grayxdp/exchange_json.h"
#include "userspace/base/clock.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

constexpr std::size_t kMaxText = 4096;  // bytes of a URL or a header that are shown

std::string shown(std::string_view text) {
  if (text == kUnknownHeaderText) return "(not seen)";
  return printable(text, kMaxText);
}

std::string url(const Request& request) {
  const bool known = request.target != kUnknownHeaderText;
  const bool whole = known ? !request.target.starts_with('/') : request.authority == request.target;
  return (whole ? std::string() : shown(request.authority)) + shown(request.target);
}

/// A plus sign where there was more than the capture holds.
std::string size_of(const Message& message) {
  return format_bytes(message.body_bytes) + (message.complete ? "" : "+");
}

std::string status_of(const Exchange& exchange, bool colour) {
  if (!exchange.response) return "  -";
  const int status = exchange.response->status;
  constexpr int kColours[] = {0, 35, 32, 36, 33, 31};  // 2xx green … 5xx red
  const std::string text = fmt::format(FMT_COMPILE("{:>3}"), status);
  const int kind = status / 100;
  if (!colour || kind < 1 || kind > 5) return text;
  return fmt::format("\x1b[{}m{}\x1b[0m", kColours[kind], text);
}

/// What stands behind the URL, where there is something to say.
std::string remarks(const Exchange& exchange) {
  std::string text;
  if (exchange.grpc && exchange.grpc->status)
    text += fmt::format("  grpc-status {}", *exchange.grpc->status);
  if (exchange.websocket)
    text += fmt::format("  websocket {} > {} < messages", exchange.websocket->client.messages,
                        exchange.websocket->server.messages);
  const auto odd = [&](const Message& message) {
    for (const std::string& name : message.anomalies) text += fmt::format("  !{}", shown(name));
  };
  odd(exchange.request);
  if (exchange.response) odd(*exchange.response);
  return text;
}

void add_headers(std::string& text, const Headers& headers, char mark) {
  for (const Header& header : headers)
    text += fmt::format("    {} {}: {}\n", mark, shown(header.name), shown(header.value));
}

void add_messages(std::string& text, const Exchange& exchange, const Message& message, Side side,
                  const Schemas& schemas) {
  const char mark = side == Side::Request ? '>' : '<';
  const auto body = grpc_json(schemas, exchange.request.target, side, message);
  if (!body) return;
  for (const std::string& one : body->messages)
    text += fmt::format("    {} {}\n", mark, shown(one));
  if (body->problem) text += fmt::format("    {} !{}\n", mark, body->problem);
}

}  // namespace

std::string_view request_titles() noexcept {
  return "TIME                                          CLIENT   SERVER                STA  "
         "LATENCY "
         " REQUEST RESPONSE  METHOD URL\n";
}

std::string request_text(const Exchange& exchange, const RequestTextOptions& options) {
  const Request& request = exchange.request;
  const bool asked = !request.method.empty();
  const bool answered = exchange.response.has_value();
  std::string text = fmt::format(
      FMT_COMPILE("{} {:>21} → {:<21} {} {:>8} {:>8} {:>8}  {}{}\n"), iso8601(began_ns(exchange)),
      exchange.client.to_string(), exchange.server.to_string(), status_of(exchange, options.colour),
      asked && answered && !exchange.answered_early() ? format_duration(exchange.latency_ns())
                                                      : "-",
      asked ? size_of(request) : "-", answered ? size_of(*exchange.response) : "-",
      asked ? shown(request.method) + ' ' + url(request) : "(request not seen)", remarks(exchange));
  const auto add = [&](const Message& message, Side side) {
    const char mark = side == Side::Request ? '>' : '<';
    if (options.headers) add_headers(text, message.headers, mark);
    if (options.schemas && exchange.grpc)
      add_messages(text, exchange, message, side, *options.schemas);
    if (options.headers) add_headers(text, message.trailers, mark);
  };
  add(request, Side::Request);
  if (answered) add(*exchange.response, Side::Response);
  return text;
}

}  // namespace gray
