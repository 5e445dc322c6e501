// Copies of an exchange (--amplify, --loop): each on a connection of its own, under an id of its
// own.
#pragma once

#include <cstdint>

#include "replay/protocol/exchange.h"

namespace gray {

/// The id of copy number `copy`; 0 is the original.
ExchangeId id_of_copy(const ExchangeId& id, std::uint64_t copy) noexcept;

/// Moves all times of an exchange by so much.
void shift_times(Exchange& exchange, std::uint64_t by_ns) noexcept;

}  // namespace gray
