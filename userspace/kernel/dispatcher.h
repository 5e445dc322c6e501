// Sharing an interface's one XDP program: libxdp's dispatcher runs several in turn. Private to this
// module. See libxdp's protocol.org; needs BPF_PROG_TYPE_EXT (CAP_SYS_ADMIN) and a bpffs.
#pragma once

#include <bpf/libbpf.h>

#include <memory>
#include <string>

#include "userspace/kernel/programs.h"

namespace gray {

/// Hangs the only program of `twin`, opened but not loaded, into the dispatcher of the interface,
/// behind all others, which see every frame first and pass on what is ours. A dispatcher is made
/// where there is none. Throws std::system_error; std::runtime_error where the kernel has no
/// dispatcher; UsageError where a program of another kind is attached, or in another mode.
///
/// The kernel does not undo it when we are killed: a process of our own waits for that and does.
std::unique_ptr<Attachment> join_dispatcher(bpf_object* twin, unsigned ifindex,
                                            const std::string& name, XdpMode mode);

}  // namespace gray
