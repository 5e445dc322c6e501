// The BPF programs that hang on an interface, whoever put them there: XDP, tcx, and the filters of
// a clsact qdisc. In the calling thread's network namespace.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gray {

struct AttachedProgram {
  std::string hook;      ///< "xdp native", "xdp generic", "tcx ingress", "clsact egress", …
  std::uint32_t id = 0;  ///< the kernel's
  std::string name;      ///< "" without CAP_SYS_ADMIN
};

/// What this kernel does not tell is left out. Throws std::system_error when it cannot be asked.
std::vector<AttachedProgram> attached_programs(unsigned ifindex);

/// Whether this kernel has tcx (Linux 6.6).
bool kernel_has_tcx();

}  // namespace gray
