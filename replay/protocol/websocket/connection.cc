#include "replay/protocol/websocket/connection.h"

#include <algorithm>
#include <array>
#include <utility>

#include "replay/protocol/websocket/frame_counter.h"

namespace gray::websocket {
namespace {

class WebSocketConnection final : public StreamConsumer {
 public:
  WebSocketConnection(const Connection& connection, const ConnectionNames& names,
                      ProtocolContext& context, Upgrade&& upgrade)
      : connection_(connection),
        nested_(names.tunnels > 0),
        context_(context),
        client_(upgrade.client),
        exchange_(std::move(upgrade.exchange)),
        open_(std::move(upgrade.open)),
        counters_{FrameCounter(traffic_.client, true), FrameCounter(traffic_.server, false)} {
    if (!exchange_.response) return;
    const std::string* agreed =
        find_header(exchange_.response->headers, "sec-websocket-extensions");
    if (agreed != nullptr) traffic_.extensions = *agreed;
  }

  void data(unsigned from, std::span<const std::uint8_t> bytes,
            std::uint64_t time_ns) noexcept override {
    if (traffic_.first_ns == 0) traffic_.first_ns = time_ns;
    traffic_.last_ns = std::max(traffic_.last_ns, time_ns);
    counters_[from == client_ ? 0 : 1].feed(bytes);
  }
  void gap(unsigned from, std::uint64_t length) noexcept override {
    counters_[from == client_ ? 0 : 1].gap(length);
  }
  void end(unsigned) noexcept override {}
  void closed(CloseReason) noexcept override {
    exchange_.websocket = std::move(traffic_);
    ++context_.given;
    context_.sink.exchange(std::move(exchange_));
    if (!nested_) context_.sink.connection_end(connection_.stream);
  }
  bool wanted() const noexcept override { return true; }

 private:
  const Connection& connection_;
  const bool nested_;
  ProtocolContext& context_;
  const unsigned client_;
  Exchange exchange_;
  OpenExchanges::Mark open_;
  WebSocketTraffic traffic_;
  std::array<FrameCounter, 2> counters_;
};

}  // namespace

std::unique_ptr<StreamConsumer> make_upgraded(const Connection& connection,
                                              const ConnectionNames& names,
                                              ProtocolContext& context, Upgrade&& upgrade) {
  return std::make_unique<WebSocketConnection>(connection, names, context, std::move(upgrade));
}

}  // namespace gray::websocket
