// What `doctor` has found out about one interface, and what follows from it: what each mode would
// do there, how exact its times would be, and the commands that mend what is wrong. The judgement
// is made from the report alone, so it can be tested without an interface.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "userspace/kernel/attached.h"
#include "userspace/kernel/ethtool.h"
#include "userspace/kernel/interface.h"
#include "userspace/kernel/netdev.h"
#include "userspace/kernel/probe.h"

namespace gray {

struct InterfaceReport {
  InterfaceFacts facts;
  Channels channels;
  std::optional<Rss> rss;
  std::vector<Offload> offloads;
  HardwareClock clock;
  XdpFeatures xdp;
  std::vector<AttachedProgram> programs;
  bool kernel_has_tcx = false;
};

/// Throws UsageError when there is none of that name.
InterfaceReport read_report(const std::string& interface);

/// What a mode would do on this interface.
struct ModeReport {
  std::string mode;  ///< "host", "tap", "replay"
  bool usable = false;
  std::string how;                    ///< "native XDP, zero-copy offered by the driver"
  std::vector<std::string> refusals;  ///< why not; empty when usable
  std::vector<std::string> mend;      ///< commands and options, in the order of the refusals
  std::string accuracy;               ///< of its times
};
std::vector<ModeReport> judge_modes(const InterfaceReport& report);

/// What is told of the interface itself; `ok` is false where something is in a mode's way.
std::vector<Probe> judge_interface(const InterfaceReport& report);

}  // namespace gray
