// Copies of an exchange (--amplify, --loop): each on a connection of its own, under an id of its
// own.
#pragma once

#include <cstdint>

#include "replay/protocol/exchange.h"

namespace gray {

/// The id of copy number `copy`; 0 is the original.
ExchangeId id_of_copy(const ExchangeId& id, std::uint64_t copy) noexcept;

/// Gives a copy keys of its own (Idempotency-Key, X-Request-Id and the like) when the request's
/// method changes something: a canary would take it for the same request again, and do nothing.
/// Letters and digits become others of their kind, so that the form stays; number 0 stays as it is.
void give_own_keys(Request& request, std::uint64_t copy);

/// Moves all times of an exchange by so much.
void shift_times(Exchange& exchange, std::uint64_t by_ns) noexcept;

}  // namespace gray
