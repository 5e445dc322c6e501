// What `replay -i` says at its end: how true it was to the recording and the ledger, or one JSON
// object.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "replay/inject/feed.h"
#include "replay/inject/fidelity.h"
#include "userspace/base/ledger.h"
#include "userspace/kernel/tx_port.h"

namespace gray {

struct FrameSummary {
  std::vector<std::string> interfaces;  ///< one or two
  TxFacts tx;                           ///< of the first
  FeedFacts feed;
  std::uint64_t sent = 0;
  std::uint64_t bytes = 0;
  std::uint64_t duration_ns = 0;
  std::optional<FidelityReport> fidelity;  ///< none at top speed: nothing was scheduled
  bool measured_by_kernel = false;
  std::uint64_t backwards = 0;
  std::uint64_t shortened = 0;
  std::uint64_t interface_dropped = 0;  ///< by the driver, of anyone's frames, meanwhile
  Ledger ledger;

  double pps() const noexcept;
  void print(std::ostream& out) const;
  void print_json(std::ostream& out) const;
};

}  // namespace gray
