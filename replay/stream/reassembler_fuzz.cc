// Segments of a few connections in any order, overlapping, lost, with every flag: what comes out is
// in order and complete, its memory is bounded and the ledger balances. Bytes are a function of
// their sequence number, so that a byte in the wrong place shows.
#include <memory>

#include "replay/stream/reassembler.h"
#include "userspace/base/fuzz.h"

namespace gray {
namespace {

constexpr std::size_t kMaxBuffered = 20'000;

std::uint8_t byte_at(std::uint32_t seq) {
  return static_cast<std::uint8_t>((seq * 2654435761U) >> 24);
}

class Checker final : public StreamConsumer {
 public:
  explicit Checker(const Connection& connection) : connection_(connection) {}
  ~Checker() override { require(closed_, "a connection is closed before it goes"); }

  void data(unsigned from, std::span<const std::uint8_t> bytes, std::uint64_t) noexcept override {
    require(!closed_ && !ended_[from] && !bytes.empty(), "data comes before the end");
    for (const std::uint8_t byte : bytes) {
      const auto seq = static_cast<std::uint32_t>(connection_.first_seq[from] + offset_[from]++);
      require(byte == byte_at(seq), "each byte is at its place");
    }
  }
  void gap(unsigned from, std::uint64_t length) noexcept override {
    require(!closed_ && !ended_[from] && length > 0, "a gap is some bytes, before the end");
    offset_[from] += length;
  }
  void end(unsigned from) noexcept override {
    require(!closed_ && !ended_[from], "a direction ends once");
    ended_[from] = true;
  }
  void closed(CloseReason) noexcept override {
    require(!closed_, "a connection closes once");
    closed_ = true;
  }
  bool wanted() const noexcept override { return offset_[0] < 60'000; }

 private:
  const Connection& connection_;
  std::uint64_t offset_[2] = {0, 0};
  bool ended_[2] = {false, false};
  bool closed_ = false;
};

class Checkers final : public StreamSink {
 public:
  std::unique_ptr<StreamConsumer> opened(const Connection& connection) noexcept override {
    return std::make_unique<Checker>(connection);
  }
};

// Nine bytes: connection and direction, flags, sequence and acknowledgement number near a start
// that is about to wrap, length, time.
Packet segment(FuzzInput& input, std::uint64_t& now, std::vector<std::uint8_t>& bytes) {
  const std::uint8_t who = input.byte();
  Packet packet;
  packet.is_ip = packet.is_v4 = packet.has_tcp = true;
  packet.ip_proto = 6;
  packet.source = {IpAddress::parse("10.0.0.1"), static_cast<std::uint16_t>(1 + (who >> 1) % 6)};
  packet.destination = {IpAddress::parse("10.0.0.2"), 80};
  if ((who & 1) != 0) std::swap(packet.source, packet.destination);
  packet.tcp_flags = input.byte();
  packet.window = 1000;
  const bool far = (who & 0x80) != 0;
  packet.seq = 0xfffff000U + input.word() * (far ? 65'537U : 1U);
  packet.ack = 0xfffff000U + input.word();
  bytes.resize(input.word() % 3000);
  const std::uint32_t first = packet.seq + ((packet.tcp_flags & kTcpSyn) != 0 ? 1 : 0);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = byte_at(first + static_cast<std::uint32_t>(i));
  packet.payload = bytes;
  const bool snapped = (who & 0x70) == 0x70;
  packet.payload_wire_len = static_cast<std::uint32_t>(bytes.size() + (snapped ? 100 : 0));
  packet.time_ns = now += input.byte() * 1'000'000ULL;
  return packet;
}

}  // namespace
}  // namespace gray

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gray;
  FuzzInput input(data, size);
  Checkers checkers;
  Reassembler reassembler({.max_flows = 4,
                           .max_buffered = kMaxBuffered,
                           .max_buffered_per_flow = 8000,
                           .idle_timeout_ns = 3'000'000'000},
                          checkers);
  std::uint64_t now = 1'000'000'000;
  std::vector<std::uint8_t> bytes;
  while (!input.empty()) {
    const Packet packet = segment(input, now, bytes);
    reassembler.segment(packet, 0);
    if ((packet.tcp_flags & 0xc0) == 0xc0) reassembler.expire(now);
    require(reassembler.flows() <= 4, "flows are bounded");
    require(reassembler.held_bytes() <= kMaxBuffered, "held bytes are bounded");
  }
  reassembler.finish();
  Ledger ledger;
  reassembler.account(ledger);
  require(ledger.balanced(), "the ledger balances");
  require(reassembler.held_bytes() == 0 && reassembler.held_segments() == 0, "nothing is left");
  return 0;
}
