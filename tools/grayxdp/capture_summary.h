// What `capture` says at its end: tcpdump's three lines and the ledger, or one JSON object.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

#include "userspace/base/ledger.h"
#include "userspace/capture/live.h"

namespace gray {

struct CaptureSummary {
  CaptureSummary(std::string interface_name, std::string mode_name, const LiveFacts& live_facts)
      : interface(std::move(interface_name)), mode(std::move(mode_name)), facts(live_facts) {}

  std::string interface;
  std::string mode;
  LiveFacts facts;
  double seconds = 0;
  std::uint64_t delivered = 0;  ///< to the file, the screen, or the count
  bool to_file = false;
  std::uint64_t written_bytes = 0;
  std::uint64_t joined = 0;            ///< frames that came in several buffers
  std::uint64_t hardware_stamped = 0;  ///< frames with a time of the NIC's
  bool busy_poll_in_vain = false;
  Counters kernel{};
  Ledger ledger;

  /// Lost frames as a share of those that were to be captured, 0…1.
  double loss() const noexcept;
  void print(std::ostream& out) const;
  void print_json(std::ostream& out) const;
};

}  // namespace gray
