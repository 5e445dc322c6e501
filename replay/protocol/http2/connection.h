// HTTP/2 on one connection (RFC 9113): the frames of both directions, made into exchanges by their
// stream. Known from its beginning, by an upgrade from HTTP/1, or joined in the middle; survives
// gaps and one-sided captures.
#pragma once

#include <memory>

#include "replay/protocol/registry.h"

namespace gray::http2 {

std::unique_ptr<StreamConsumer> make_connection(const Connection& connection,
                                                const ConnectionNames& names,
                                                ProtocolContext& context);

/// After "101 Switching Protocols" to h2c (RFC 7540 section 3.2): `upgrade.exchange` is stream 1,
/// and is given out with the response that comes on it.
std::unique_ptr<StreamConsumer> make_upgraded(const Connection& connection,
                                              const ConnectionNames& names,
                                              ProtocolContext& context, Upgrade&& upgrade);

}  // namespace gray::http2
