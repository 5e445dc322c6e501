// The two ways to hang a pair of tc programs on an interface. Private to this module.
#pragma once

#include <memory>
#include <string>

#include "userspace/kernel/programs.h"

namespace gray {

struct TcPrograms {  // -1: none in that direction
  int ingress = -1;
  int egress = -1;
};

/// TCX links (Linux 6.6): several programs side by side, undone by the kernel when we are killed.
/// Null when this kernel has no TCX.
std::unique_ptr<Attachment> attach_tcx(const TcPrograms& programs, unsigned ifindex,
                                       const std::string& name);

/// Filters on the clsact qdisc, which is made when there is none. Outlive a kill of the process.
std::unique_ptr<Attachment> attach_clsact(const TcPrograms& programs, unsigned ifindex,
                                          const std::string& name);

}  // namespace gray
