// Which way a frame goes between the two sides of its conversation.
#pragma once

#include <cstdint>

namespace gray {

enum class Way : std::uint8_t { ClientToServer, ServerToClient };

constexpr Way opposite(Way way) noexcept {
  return way == Way::ClientToServer ? Way::ServerToClient : Way::ClientToServer;
}

}  // namespace gray
