// Classic BPF → eBPF: an expression as the body of gray_expression() of bpf/expression.h.
//
// The program is written up to three times into one function. `Direct` reads the frame in place
// and, where that cannot be, jumps to the same instruction of `Careful`, which asks
// gray_expression_load() for every read: the state of the classic machine is in the same places, so
// it just goes on there. `Tagged` is as Direct, for an skb whose VLAN tag the kernel took off: it
// reads the frame as it was on the wire, four bytes on.
//
// All registers are those that a call may spoil, so a frame that is rejected early costs no push
// and no pop:  r0 A · r1 context · r2 data · r3 data_end · r4 X · r5 scratch.
#pragma once

#include <linux/bpf.h>

#include <vector>

#include "userspace/kernel/filter/classic.h"

namespace gray {

/// What an eBPF program gets as its context.
enum class FrameKind { Xdp, Skb };

/// A function (context, wire_len) that returns what the program returns for the frame as it was on
/// the wire, exactly as libpcap's interpreter. Calls gray_expression_load() by is_call_elsewhere().
/// `program` is not empty and is_valid(). Throws UsageError with the reason when it cannot be.
std::vector<bpf_insn> translate(const ClassicProgram& program, FrameKind kind);

}  // namespace gray
