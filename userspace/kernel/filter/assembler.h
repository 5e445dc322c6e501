// eBPF instructions one after the other, with jumps to labels that may come later. Private to this
// folder. Operations and sizes are the constants of <linux/bpf.h>: BPF_ADD, BPF_JEQ, BPF_W, …
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

namespace gray {

enum class Register : std::uint8_t { R0, R1, R2, R3, R4, R5, Frame = 10 };

class Assembler {
 public:
  using Label = std::size_t;
  using Operation = std::uint8_t;
  using Size = std::uint8_t;

  Label label() {
    places_.push_back(kNowhere);
    return places_.size() - 1;
  }
  void place(Label label) { places_[label] = code_.size(); }

  /// 32 bits wide; the upper half of `to` becomes zero.
  void alu32(Operation op, Register to, std::uint32_t k) {
    put(BPF_ALU | BPF_K | op, to, Register::R0, 0, k);
  }
  void alu32(Operation op, Register to, Register from) {
    put(BPF_ALU | BPF_X | op, to, from, 0, 0);
  }
  /// `k` at most INT32_MAX.
  void alu64(Operation op, Register to, std::uint32_t k) {
    put(BPF_ALU64 | BPF_K | op, to, Register::R0, 0, k);
  }
  void alu64(Operation op, Register to, Register from) {
    put(BPF_ALU64 | BPF_X | op, to, from, 0, 0);
  }
  /// From network order; `bits` is 16 or 32.
  void to_host(Register what, std::uint32_t bits) {
    put(BPF_ALU | BPF_TO_BE | BPF_END, what, Register::R0, 0, bits);
  }

  void load(Size size, Register to, Register base, int offset) {
    put(BPF_LDX | BPF_MEM | size, to, base, offset, 0);
  }
  void store(Size size, Register base, int offset, Register from) {
    put(BPF_STX | BPF_MEM | size, base, from, offset, 0);
  }

  void jump(Label to) { branch(BPF_JMP | BPF_JA, Register::R0, Register::R0, 0, to); }
  void jump32(Operation op, Register left, std::uint32_t k, Label to) {
    branch(BPF_JMP32 | BPF_K | op, left, Register::R0, k, to);
  }
  void jump32(Operation op, Register left, Register right, Label to) {
    branch(BPF_JMP32 | BPF_X | op, left, right, 0, to);
  }
  /// `k` at most INT32_MAX.
  void jump64(Operation op, Register left, std::uint32_t k, Label to) {
    branch(BPF_JMP | BPF_K | op, left, Register::R0, k, to);
  }
  void jump64(Operation op, Register left, Register right, Label to) {
    branch(BPF_JMP | BPF_X | op, left, right, 0, to);
  }
  /// Of the function that reads what cannot be read in place. Where it stands is filled in by who
  /// places the code: is_call_elsewhere().
  void call_elsewhere() { put(BPF_JMP | BPF_CALL, Register::R0, Register{BPF_PSEUDO_CALL}, 0, 0); }
  void exit() { put(BPF_JMP | BPF_EXIT, Register::R0, Register::R0, 0, 0); }

  /// Every label that is jumped to has been placed. Throws std::length_error for a jump that is too
  /// far.
  std::vector<bpf_insn> finish() {
    for (const Jump& jump : jumps_) {
      const auto distance = static_cast<std::ptrdiff_t>(places_[jump.to]) -
                            static_cast<std::ptrdiff_t>(jump.from) - 1;
      if (distance > std::numeric_limits<std::int16_t>::max() || distance < 0)
        throw std::length_error("a jump that is too far");
      code_[jump.from].off = static_cast<std::int16_t>(distance);
    }
    return std::move(code_);
  }

 private:
  static constexpr std::size_t kNowhere = ~std::size_t{0};
  struct Jump {
    std::size_t from;
    Label to;
  };

  void put(int code, Register to, Register from, int offset, std::uint32_t k) {
    bpf_insn insn{};
    insn.code = static_cast<std::uint8_t>(code);
    insn.dst_reg = static_cast<std::uint8_t>(to) & 0xf;
    insn.src_reg = static_cast<std::uint8_t>(from) & 0xf;
    insn.off = static_cast<std::int16_t>(offset);
    insn.imm = static_cast<std::int32_t>(k);
    code_.push_back(insn);
  }
  void branch(int code, Register left, Register right, std::uint32_t k, Label to) {
    jumps_.push_back({code_.size(), to});
    put(code, left, right, 0, k);
  }

  std::vector<bpf_insn> code_;
  std::vector<std::size_t> places_;
  std::vector<Jump> jumps_;
};

inline bool is_call_elsewhere(const bpf_insn& insn) noexcept {
  return insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL;
}

}  // namespace gray
