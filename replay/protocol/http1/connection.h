// HTTP/1 on one connection: the messages of both directions, paired by position into exchanges
// (RFC 9112 section 9.3). Survives gaps and one-sided captures; after a change of protocol the rest
// is opaque.
#pragma once

#include <memory>

#include "replay/protocol/registry.h"

namespace gray::http1 {

std::unique_ptr<StreamConsumer> make_connection(const Connection& connection,
                                                const ConnectionNames& names,
                                                ProtocolContext& context);

}  // namespace gray::http1
