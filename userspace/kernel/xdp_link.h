// An XDP program on an interface, by a BPF link. Private to this module.
#pragma once

#include <memory>
#include <string>

#include "userspace/kernel/programs.h"

namespace gray {

/// Refuses an interface that has an XDP program already (EBUSY, with its id in the message). Auto
/// tries native, then generic.
std::unique_ptr<Attachment> attach_xdp(int program, unsigned ifindex, const std::string& name,
                                       XdpMode mode);

}  // namespace gray
