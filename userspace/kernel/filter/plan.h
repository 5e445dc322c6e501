// Which instructions of a classic program a body of the translation (translate.h) has, and how it
// does each of them. Private to this folder.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <vector>

#include "userspace/kernel/filter/classic.h"

namespace gray {

/// Bytes that a load takes. The constants of <linux/bpf_common.h> are the same in libpcap.
constexpr std::uint32_t load_size(std::uint16_t code) {
  return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}
constexpr bool is_header_length(std::uint16_t code) {
  return code == (BPF_LDX | BPF_MSH | BPF_B);
}
constexpr bool is_absolute(std::uint16_t code) {
  return is_header_length(code) || (BPF_CLASS(code) == BPF_LD && BPF_MODE(code) == BPF_ABS);
}
constexpr bool is_indirect(std::uint16_t code) {
  return BPF_CLASS(code) == BPF_LD && BPF_MODE(code) == BPF_IND;
}
constexpr bool is_wire_length(std::uint16_t code) {
  return BPF_CLASS(code) <= BPF_LDX && BPF_MODE(code) == BPF_LEN;
}
constexpr bool is_memory(std::uint16_t code) {
  return BPF_CLASS(code) == BPF_ST || BPF_CLASS(code) == BPF_STX ||
         (BPF_CLASS(code) <= BPF_LDX && BPF_MODE(code) == BPF_MEM);
}

/// No frame is as long; gray_expression_load() has the same limit.
inline constexpr std::uint32_t kLongestFrame = 1U << 30;
/// Offsets in eBPF instructions have 15 bits; what is further off is read carefully.
inline constexpr std::uint32_t kMaxDirect = 0x7fff - 4;

struct Step {
  enum class How : std::uint8_t {
    Unreached,  ///< not written: the verifier refuses what cannot be reached
    Plain,
    Tag,     ///< loads a half of the VLAN tag, which stands beside the frame
    Bail,    ///< on in the careful body
    Reject,  ///< reads where no frame reaches
  };
  How how = How::Unreached;
  /// It is not known yet whether the frame's linear bytes reach so far.
  bool check = false;
  /// Of a load: where the linear bytes have it (indirect: what is added to X).
  std::uint32_t offset = 0;
};

struct Plan {
  std::vector<Step> steps;
  /// How many linear bytes are looked for in front, before the first step; 0: none.
  std::uint32_t headers = 0;
  /// By instruction: whether this body may go on in the careful one there.
  std::vector<bool> bails;
};

/// Loads in place. `tagged`: the four bytes of a VLAN tag behind the MAC addresses are not there.
Plan plan_direct(const ClassicProgram& program, bool tagged);
/// Loads by call; entered where another body bails out.
Plan plan_careful(const ClassicProgram& program, const std::vector<bool>& entered);

}  // namespace gray
