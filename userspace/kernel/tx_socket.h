// AF_XDP as a TxPort: a socket that only transmits, with a UMEM of its own. The rings are set up by
// hand: libxdp 1.3 does not know the metadata in front of a frame that asks for its TX timestamp
// (Documentation/networking/xsk-tx-metadata.rst). It never busy-polls: with SO_PREFER_BUSY_POLL
// zero-copy transmission can stall for good.
#pragma once

#include <xdp/xsk.h>

#include <vector>

#include "userspace/base/fd.h"
#include "userspace/kernel/mapping.h"
#include "userspace/kernel/socket.h"
#include "userspace/kernel/tx_port.h"

namespace gray {

class TxSocket final : public TxPort {
 public:
  /// Binds to options.queue. Throws std::system_error with the kernel's reason, UsageError for a
  /// queue or a frame size that cannot be.
  TxSocket(const TxOptions& options, BindMode mode);
  TxSocket(const TxSocket&) = delete;
  TxSocket& operator=(const TxSocket&) = delete;

  std::optional<std::uint32_t> stage(std::span<const std::uint8_t> frame) noexcept override;
  void send() noexcept override;
  void cancel() noexcept override;
  std::size_t reap(std::span<Departure> out) noexcept override;
  std::uint32_t slots() const noexcept override { return kSlots; }
  const TxCounts& counts() const noexcept override { return counts_; }
  int failure() const noexcept override { return failure_; }
  const TxFacts& facts() const noexcept override { return facts_; }

  void say_why_not(std::string reason) { facts_.why_not = std::move(reason); }

 private:
  static constexpr std::uint32_t kSlots = 2048;
  enum class SlotUse : std::uint8_t { Head, Tail };  // of a frame that takes several

  void register_umem(bool timestamps);
  void make_rings();
  void bind(const TxOptions& options, BindMode mode);
  void feed_receive_queue() noexcept;
  std::uint8_t* slot_bytes(std::uint32_t slot) const noexcept;
  void ask_for_timestamp(std::uint8_t* frame) noexcept;
  std::uint64_t timestamp_of(std::uint32_t slot) const noexcept;
  bool wake() noexcept;
  std::uint32_t waiting() const noexcept;

  Mapping area_;
  Fd fd_;
  Mapping tx_memory_;
  Mapping completion_memory_;
  Mapping fill_memory_;
  xsk_ring_prod tx_{};
  xsk_ring_prod fill_{};
  xsk_ring_cons completion_{};
  std::vector<std::uint32_t> free_;
  std::vector<SlotUse> use_;
  std::uint32_t staged_ = 0;  // descriptors written, not submitted
  TxCounts counts_;
  TxFacts facts_;
  int failure_ = 0;
};

}  // namespace gray
