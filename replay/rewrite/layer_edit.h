// Changes one IP packet of a frame by the rules, and its checksums with it. Inside of the Rewriter,
// which calls it for the innermost packet first.
#pragma once

#include "replay/rewrite/address_map.h"
#include "replay/rewrite/edit.h"
#include "replay/rewrite/frame_layers.h"
#include "replay/rewrite/options.h"

namespace gray {

/// Where a port goes; the first rule that holds it decides.
std::uint16_t mapped_port(const std::vector<PortMap>& maps, std::uint16_t port) noexcept;

class LayerEdit {
 public:
  /// `way` is the frame's.
  LayerEdit(const RewriteOptions& options, const AddressMap& addresses, Editor& frame,
            const IpLayer& layer, Way way) noexcept;

  void apply() noexcept;

 private:
  enum class Sum : std::uint8_t { None, Update, Partial, Compute };

  std::uint32_t limit() const noexcept;
  bool has_upper(std::uint32_t bytes) const noexcept;
  Sum choose_sum() const noexcept;
  std::uint64_t pseudo_sum() const noexcept;
  std::uint32_t covered_length() const noexcept;
  std::uint16_t computed() const noexcept;
  void change_ports() noexcept;
  void change_icmp_addresses() noexcept;
  void change_address(std::uint32_t at, End end) noexcept;
  void change_addresses() noexcept;
  void change_hops_and_class() noexcept;
  void change_header_sum(const SumChange& change) noexcept;
  void change_sum(Sum how, const SumChange& covered) noexcept;
  void change_sctp_sum(std::uint32_t old_ports) noexcept;

  const RewriteOptions& options_;
  const AddressMap& addresses_;
  Editor& frame_;
  const IpLayer& layer_;
  Way way_;
  bool all_rules_;            ///< else addresses only: it is in a tunnel that is only scrambled
  SumChange pseudo_;          ///< what happened to the addresses of the pseudo-header
  std::uint32_t sum_at_ = 0;  ///< offset of the upper layer's checksum, 0: none or not captured
  bool has_pseudo_ = false;
};

/// The addresses of an ARP packet at `at`.
void edit_arp(const AddressMap& addresses, Editor& frame, std::uint32_t at, Way way) noexcept;

}  // namespace gray
