// A connection that HTTP/1 gave over to WebSocket (RFC 6455): its frames counted in both
// directions. The exchange of the handshake is given out when the connection ends, with the counts.
#pragma once

#include <memory>

#include "replay/protocol/registry.h"

namespace gray::websocket {

std::unique_ptr<StreamConsumer> make_upgraded(const Connection& connection,
                                              const ConnectionNames& names,
                                              ProtocolContext& context, Upgrade&& upgrade);

}  // namespace gray::websocket
