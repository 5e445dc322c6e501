// Link type 252, what Wireshark exports of what it decrypted or put together: tags with the name of
// the dissector and the endpoints, then bytes of the application. No IP and no TCP is in it. Owns
// nothing, any thread; looks at captured bytes only and never decides where in its stream a PDU is.
#pragma once

#include <cstdint>

#include "userspace/packet/packet.h"

namespace gray {

enum class PduProtocol : std::uint8_t { Http1, Http2 };  ///< by the dissector's name

struct ExportedPdu {
  Packet packet;  ///< has_tcp, without sequence numbers, unless it is odd
  PduProtocol protocol = PduProtocol::Http1;
};

/// Of a frame of LinkType::WiresharkUpperPdu. Odd are such as are cut or wrong before their bytes
/// begin, and such as are not of a stream that can be read.
ExportedPdu read_exported_pdu(const Frame& frame) noexcept;

}  // namespace gray
