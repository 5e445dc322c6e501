// Classic BPF as libpcap compiles a tcpdump expression to. Plain numbers of our own: the headers of
// libpcap and of the kernel both call their instruction bpf_insn and cannot be included together.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "userspace/packet/packet.h"

namespace gray {

/// One instruction of the machine with the registers A and X and 16 words of memory.
struct ClassicInstruction {
  std::uint16_t code = 0;
  std::uint8_t if_true = 0;   ///< instructions to skip
  std::uint8_t if_false = 0;  ///< instructions to skip
  std::uint32_t k = 0;
};
using ClassicProgram = std::vector<ClassicInstruction>;

/// From this offset on a load means data of Linux beside the frame (SKF_AD_OFF).
inline constexpr std::uint32_t kBesideTheFrame = 0xffff'f000;

/// What libpcap makes of `expression` for frames of `link`, for a whole frame at any length. Throws
/// UsageError with libpcap's complaint. An empty expression gives a program that takes every frame.
ClassicProgram compile_expression(const std::string& expression, LinkType link);

/// As tcpdump -d lists it, a line an instruction.
std::string to_string(const ClassicProgram& program);

/// libpcap's own interpreter: how many bytes of the frame the program takes, 0 when it rejects it.
/// `program` is one that is_valid().
std::uint32_t run_classic(const ClassicProgram& program, std::span<const std::uint8_t> bytes,
                          std::uint32_t wire_len) noexcept;

/// libpcap's bpf_validate(): known instructions, jumps inside, no division by a zero that is known.
bool is_valid(const ClassicProgram& program) noexcept;

}  // namespace gray
