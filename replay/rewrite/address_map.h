// Where one address goes: by CIDR maps, by endpoints, or scrambled. Constant once made; any thread
// may use it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "replay/rewrite/options.h"
#include "replay/rewrite/scramble.h"
#include "replay/rewrite/way.h"

namespace gray {

/// Which end of its packet an address is.
enum class End : std::uint8_t { Source, Destination };

class AddressMap {
 public:
  /// Throws UsageError for rules that contradict each other.
  explicit AddressMap(const RewriteOptions& options);

  bool idle() const noexcept { return idle_; }
  /// Replaces `address`, 4 or 16 bytes in network order.
  void apply(std::span<std::uint8_t> address, End end, Way way) const noexcept;

 private:
  std::vector<CidrMap> source_;
  std::vector<CidrMap> destination_;
  std::vector<CidrMap> client_;  ///< pnat
  std::vector<CidrMap> server_;
  std::optional<Endpoints> endpoints_;
  std::optional<Scramble> scramble_;
  bool keep_groups_ = false;
  bool idle_ = true;
};

}  // namespace gray
