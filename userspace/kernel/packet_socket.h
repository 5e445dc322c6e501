// A packet socket as a TxPort: where AF_XDP cannot be had. It goes around the queueing discipline
// (PACKET_QDISC_BYPASS), and gives up a frame only when the kernel refuses it for good.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <vector>

#include "userspace/base/fd.h"
#include "userspace/kernel/tx_port.h"

namespace gray {

class PacketSocket final : public TxPort {
 public:
  /// Throws std::system_error.
  PacketSocket(const TxOptions& options, std::string why_not_xdp);

  std::optional<std::uint32_t> stage(std::span<const std::uint8_t> frame) noexcept override;
  void send() noexcept override;
  void cancel() noexcept override;
  std::size_t reap(std::span<Departure> out) noexcept override;
  std::uint32_t slots() const noexcept override { return kSlots; }
  const TxCounts& counts() const noexcept override { return counts_; }
  int failure() const noexcept override { return failure_; }
  const TxFacts& facts() const noexcept override { return facts_; }

 private:
  static constexpr std::uint32_t kSlots = 256;

  Fd fd_;
  std::size_t slot_size_;
  std::vector<std::uint8_t> bytes_;
  std::vector<iovec> parts_;
  std::vector<mmsghdr> messages_;
  // Slots are used in turn: reaped_ <= sent_ <= handed_over_ <= staged_ <= reaped_ + kSlots.
  std::uint64_t staged_ = 0;
  std::uint64_t handed_over_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t reaped_ = 0;
  TxCounts counts_;
  TxFacts facts_;
  int failure_ = 0;
};

}  // namespace gray
