// What the kernel is asked to mirror, and the gray_config it becomes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "bpf/shared.h"
#include "userspace/base/ledger.h"
#include "userspace/kernel/filter/filter.h"
#include "userspace/packet/address.h"
#include "userspace/packet/tunnel_options.h"

namespace gray {

/// A frame goes on when it fits every list that is not empty, its flow is in the sample, and it is
/// not to or from one of the excludes.
struct Selection {
  std::vector<std::uint8_t> protos = {};  ///< IPPROTO_*
  std::vector<std::uint16_t> ports = {};  ///< host order, either side
  std::vector<Cidr> nets = {};            ///< either side
  std::vector<Endpoint> excludes = {};    ///< grayxdp's own traffic; port 0 is any
  double share = 1;                       ///< of flows, 0…1
};

struct ProgramOptions {
  Selection selection = {};
  TunnelOptions tunnels = {};
  Filter filter = {};      ///< a frame that it rejects goes no further, whatever the selection says
  std::uint64_t seed = 0;  ///< of the flow tag
  std::uint32_t snaplen = GRAY_MAX_SNAPLEN;
  bool pass_unselected = false;  ///< tap only
  bool xdp_ingress = false;      ///< host only: what comes in is copied by XDP, before tc
  unsigned stamped_by = 0;       ///< tap: the interface whose NIC stamps the frames; 0: at the hook
  std::uint32_t flow_entries = 65536;  ///< flows the table has room for
  std::uint64_t ring_bytes =
      32 << 20;  ///< host only, of all rings: a power of two, at least a page
};

/// Throws UsageError when a list is longer than the kernel side holds, or holds what cannot be.
gray_config make_config(const ProgramOptions& options);

/// Sums over CPUs, indexed by enum gray_counter.
using Counters = std::array<std::uint64_t, GRAY_COUNTER_MAX>;

/// The ledger's stage out of a program's counters: in = SEEN, out = CAPTURED, SELECT and LOSS drops
/// by their names in GRAY_COUNTERS.
Stage kernel_stage(const std::string& name, const Counters& counters);

}  // namespace gray
