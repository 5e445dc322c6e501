// PDUs of any bytes, of two connections and both protocols, cut or not: what they are made is in
// the PDU, and each begins where the last of its direction ended.
#include <array>

#include "replay/stream/pdu_order.h"
#include "userspace/base/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gray;
  FuzzInput input(data, size);
  PduOrder order;
  std::array<std::uint32_t, 4> next{};
  while (!input.empty()) {
    const unsigned what = input.byte();
    const unsigned from = what & 3;  // two ends of two connections
    ExportedPdu pdu;
    pdu.protocol = (what & 4) != 0 ? PduProtocol::Http2 : PduProtocol::Http1;
    pdu.packet.source.port = static_cast<std::uint16_t>(from);
    pdu.packet.destination.port = static_cast<std::uint16_t>(from ^ 1);
    const auto bytes = input.bytes(input.word());
    pdu.packet.payload = bytes;
    pdu.packet.payload_wire_len = static_cast<std::uint32_t>(bytes.size() + (what >> 3));
    const Packet packet = order.place(pdu);
    require(packet.seq == next[from], "each begins where the last ended");
    next[from] += packet.payload_wire_len;
    const std::size_t taken = bytes.size() - packet.payload.size();
    require(packet.payload.empty() || packet.payload.data() == bytes.data() + taken,
            "what is left is the end of it");
    require(packet.payload_wire_len == pdu.packet.payload_wire_len - taken, "and as long");
  }
  require(order.connections() <= 2, "as many as there are");
  return 0;
}
