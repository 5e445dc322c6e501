#include "replay/protocol/registry.h"

#include <array>

#include "replay/protocol/http1/connection.h"
#include "replay/protocol/http1/recognise.h"
#include "replay/protocol/http2/connection.h"
#include "replay/protocol/http2/frame.h"
#include "replay/protocol/websocket/connection.h"

namespace gray {
namespace {

Match recognise_tls(std::span<const std::uint8_t> bytes) noexcept {
  // Record header (RFC 8446 section 5.1): handshake, alert or data, version 3.x; or a ClientHello
  // of SSL 2 form (RFC 5246 appendix E.2).
  const auto at = [&](std::size_t i) { return bytes[i]; };
  if (bytes.size() < 3) return bytes.empty() || at(0) <= 0x80 ? Match::More : Match::No;
  if (at(0) >= 0x14 && at(0) <= 0x18 && at(1) == 3 && at(2) <= 4) return Match::Yes;
  if (at(0) != 0x80 || at(2) != 1) return Match::No;
  return bytes.size() < 5 ? Match::More : at(3) == 3 || at(3) == 2 ? Match::Yes : Match::No;
}

constexpr std::array kProtocols{
    Protocol{"http2", http2::recognise, http2::make_connection},
    Protocol{"http1", http1::recognise, http1::make_connection},
    Protocol{"tls", recognise_tls, nullptr},
};

}  // namespace

std::span<const Protocol> protocols() noexcept {
  return kProtocols;
}

MakeUpgraded find_upgraded(std::string_view protocol) noexcept {
  if (same_name(protocol, "h2c")) return http2::make_upgraded;
  return same_name(protocol, "websocket") ? websocket::make_upgraded : nullptr;
}

}  // namespace gray
