#include "userspace/kernel/filter/translate.h"

#include <fmt/format.h>
#include <linux/filter.h>

#include <array>
#include <cstddef>
#include <stdexcept>

#include "userspace/base/errors.h"
#include "userspace/kernel/filter/assembler.h"
#include "userspace/kernel/filter/plan.h"

namespace gray {
namespace {

using How = Step::How;

constexpr Register A = Register::R0;
constexpr Register kContext = Register::R1;
constexpr Register kData = Register::R2;
constexpr Register kDataEnd = Register::R3;
constexpr Register X = Register::R4;
constexpr Register kScratch = Register::R5;
constexpr Register kFrame = Register::Frame;

// The function's stack: what a call would spoil, then the words M[].
constexpr int kSavedContext = -8;
constexpr int kSavedOther = -16;  // A or X, whichever the call does not set
constexpr int kWireLength = -20;
constexpr std::uint32_t kMemoryWords = 16;
constexpr int memory_word(std::uint32_t index) {
  return -24 - 4 * static_cast<int>(index);
}

struct ContextFields {
  int data;
  int data_end;
};
ContextFields fields_of(FrameKind kind) {
  return kind == FrameKind::Xdp
             ? ContextFields{offsetof(xdp_md, data), offsetof(xdp_md, data_end)}
             : ContextFields{offsetof(__sk_buff, data), offsetof(__sk_buff, data_end)};
}

void check_load(const ClassicInstruction& insn) {
  if (is_absolute(insn.code) && insn.k >= kBesideTheFrame)
    throw UsageError(
        "it asks for what does not stand in the frame (inbound, outbound, ifindex, …)");
  if (is_memory(insn.code) && insn.k >= kMemoryWords)
    throw UsageError(fmt::format("it uses the word {} of 16 of memory", insn.k));
}

// What libpcap's interpreter knows, and nothing else.
bool is_known(std::uint16_t code) {
  switch (BPF_CLASS(code)) {
    case BPF_LD:
      return code == (BPF_LD | BPF_IMM) || code == (BPF_LD | BPF_MEM) ||
             code == (BPF_LD | BPF_LEN) ||
             ((is_absolute(code) || is_indirect(code)) && BPF_SIZE(code) != 0x18);
    case BPF_LDX:
      return code == (BPF_LDX | BPF_IMM) || code == (BPF_LDX | BPF_MEM) ||
             code == (BPF_LDX | BPF_LEN) || is_header_length(code);
    case BPF_ST:
    case BPF_STX:
      return code == BPF_ST || code == BPF_STX;
    case BPF_ALU:
      return BPF_OP(code) <= BPF_XOR && (code == (BPF_ALU | BPF_NEG) || BPF_OP(code) != BPF_NEG);
    case BPF_JMP:
      return code == (BPF_JMP | BPF_JA) || (BPF_OP(code) >= BPF_JEQ && BPF_OP(code) <= BPF_JSET);
    case BPF_RET:
      return code == (BPF_RET | BPF_K) || code == (BPF_RET | BPF_A);
    default:
      return code == (BPF_MISC | BPF_TAX) || code == (BPF_MISC | BPF_TXA);
  }
}

class Translator {
 public:
  Translator(const ClassicProgram& program, FrameKind kind) : program_(program), kind_(kind) {
    check();
    plans_[Direct] = plan_direct(program, false);
    std::vector<bool> bails = plans_[Direct].bails;
    if (kind == FrameKind::Skb && reads_frame()) {
      plans_[Tagged] = plan_direct(program, true);
      for (std::size_t i = 0; i < bails.size(); ++i)
        if (plans_[Tagged].bails[i]) bails[i] = true;
    }
    plans_[Careful] = plan_careful(program, bails);
    for (auto& labels : labels_)
      for (std::size_t i = 0; i < program.size(); ++i) labels.push_back(code_.label());
  }

  std::vector<bpf_insn> run() {
    write_start();
    write_body(Direct);
    if (!plans_[Tagged].steps.empty()) {
      code_.place(tagged_);
      write_look_at_headers(Tagged);
      write_body(Tagged);
    }
    write_body(Careful);
    if (rejects_) {
      code_.place(reject_);
      write_return(0);
    }
    return code_.finish();
  }

 private:
  enum Body { Direct, Tagged, Careful, kBodies };

  void check() const {
    for (std::size_t i = 0; i < program_.size(); ++i) {
      const ClassicInstruction& insn = program_[i];
      if (!is_known(insn.code))
        throw UsageError(
            fmt::format("its instruction {} has the unknown code {:#x}", i, insn.code));
      check_load(insn);
      if (insn.code == (BPF_JMP | BPF_JA) && insn.k >= program_.size() - i - 1)
        throw UsageError("it loops (protochain), which a program in the kernel may not");
    }
  }
  bool reads_frame() const {
    for (const ClassicInstruction& insn : program_)
      if (is_absolute(insn.code) || is_indirect(insn.code)) return true;
    return false;
  }

  Assembler::Label reject() {
    rejects_ = true;
    return reject_;
  }
  void write_return(std::uint32_t value) {
    code_.alu32(BPF_MOV, A, value);
    code_.exit();
  }

  void write_start() {
    std::uint32_t words = 0;
    bool wire_length = false;
    for (const ClassicInstruction& insn : program_) {
      if (is_memory(insn.code)) words |= 1U << insn.k;
      wire_length = wire_length || is_wire_length(insn.code);
    }
    // The second argument, before r2 becomes another's.
    if (wire_length) code_.store(BPF_W, kFrame, kWireLength, Register::R2);
    code_.alu32(BPF_MOV, A, 0);
    code_.alu32(BPF_MOV, X, 0);
    for (std::uint32_t i = 0; i < kMemoryWords; ++i)
      if ((words >> i & 1) != 0) code_.store(BPF_W, kFrame, memory_word(i), A);
    if (!reads_frame()) return;
    if (kind_ == FrameKind::Skb) {
      code_.load(BPF_W, kScratch, kContext, offsetof(__sk_buff, vlan_present));
      code_.jump32(BPF_JNE, kScratch, 0, tagged_);
    }
    write_look_at_headers(Direct);
  }

  void write_look_at_headers(Body body) {
    const ContextFields fields = fields_of(kind_);
    code_.load(BPF_W, kData, kContext, fields.data);
    code_.load(BPF_W, kDataEnd, kContext, fields.data_end);
    if (plans_[body].headers > 0) write_check(plans_[body].headers, labels_[Careful][0]);
  }

  void write_check(std::uint32_t length, Assembler::Label otherwise) {
    code_.alu64(BPF_MOV, kScratch, kData);
    code_.alu64(BPF_ADD, kScratch, length);
    code_.jump64(BPF_JGT, kScratch, kDataEnd, otherwise);
  }

  void write_body(Body body) {
    for (std::size_t i = 0; i < plans_[body].steps.size(); ++i) {
      const Step& step = plans_[body].steps[i];
      if (step.how == How::Unreached) continue;
      code_.place(labels_[body][i]);
      if (step.how == How::Bail)
        code_.jump(labels_[Careful][i]);
      else if (step.how == How::Reject)
        code_.jump(reject());
      else
        write_step(body, i);
    }
  }

  void write_step(Body body, std::size_t at) {
    const ClassicInstruction& insn = program_[at];
    switch (BPF_CLASS(insn.code)) {
      case BPF_LD:
      case BPF_LDX:
        if (!is_absolute(insn.code) && !is_indirect(insn.code))
          write_inner_load(insn);
        else if (body == Careful)
          write_careful(insn);
        else
          write_direct(body, at);
        break;
      case BPF_ST:
      case BPF_STX:
        code_.store(BPF_W, kFrame, memory_word(insn.k), insn.code == BPF_ST ? A : X);
        break;
      case BPF_ALU:
        write_alu(insn);
        break;
      case BPF_JMP:
        write_jump(body, at);
        break;
      case BPF_RET:
        if (BPF_RVAL(insn.code) == BPF_K) code_.alu32(BPF_MOV, A, insn.k);
        code_.exit();
        break;
      default:
        BPF_MISCOP(insn.code) == BPF_TAX ? code_.alu32(BPF_MOV, X, A) : code_.alu32(BPF_MOV, A, X);
    }
  }

  void write_inner_load(const ClassicInstruction& insn) {
    const Register to = BPF_CLASS(insn.code) == BPF_LD ? A : X;
    if (BPF_MODE(insn.code) == BPF_IMM)
      code_.alu32(BPF_MOV, to, insn.k);
    else
      code_.load(BPF_W, to, kFrame,
                 BPF_MODE(insn.code) == BPF_LEN ? kWireLength : memory_word(insn.k));
  }

  void write_direct(Body body, std::size_t at) {
    const ClassicInstruction& insn = program_[at];
    const Step& step = plans_[body].steps[at];
    if (step.how == How::Tag) return write_tag(insn.k);
    const std::uint32_t size = load_size(insn.code);
    const Assembler::Label careful = labels_[Careful][at];
    if (is_absolute(insn.code)) {
      if (step.check) write_check(step.offset + size, careful);
      return write_fetch(insn.code, kData, static_cast<int>(step.offset));
    }
    // A is what is loaded, so it is free until then.
    code_.alu64(BPF_MOV, kScratch, X);
    code_.jump64(BPF_JGT, kScratch, kMaxDirect, careful);
    code_.alu64(BPF_ADD, kScratch, kData);
    code_.alu64(BPF_MOV, A, kScratch);
    code_.alu64(BPF_ADD, A, step.offset + size);
    code_.jump64(BPF_JGT, A, kDataEnd, careful);
    write_fetch(insn.code, kScratch, static_cast<int>(step.offset));
  }

  void write_fetch(std::uint16_t code, Register base, int offset) {
    if (is_header_length(code)) {
      code_.load(BPF_B, X, base, offset);
      return write_header_length();
    }
    code_.load(BPF_SIZE(code), A, base, offset);
    if (load_size(code) > 1) code_.to_host(A, load_size(code) * 8);
  }

  // MSH: the low half of a byte counts words of four bytes.
  void write_header_length() {
    code_.alu32(BPF_AND, X, 0xf);
    code_.alu32(BPF_LSH, X, 2);
  }

  void write_tag(std::uint32_t offset) {
    if (offset == 12) {
      code_.load(BPF_W, A, kContext, offsetof(__sk_buff, vlan_proto));
      code_.to_host(A, 16);
    } else {
      code_.load(BPF_W, A, kContext, offsetof(__sk_buff, vlan_tci));
    }
  }

  void write_careful(const ClassicInstruction& insn) {
    const Register other = is_header_length(insn.code) ? A : X;
    code_.store(BPF_DW, kFrame, kSavedContext, kContext);
    code_.store(BPF_W, kFrame, kSavedOther, other);
    if (is_indirect(insn.code)) {
      code_.alu64(BPF_MOV, Register::R2, X);
      code_.alu64(BPF_ADD, Register::R2, insn.k);
      code_.jump64(BPF_JGT, Register::R2, kLongestFrame, reject());
    } else {
      code_.alu32(BPF_MOV, Register::R2, insn.k);
    }
    code_.alu32(BPF_MOV, Register::R3, load_size(insn.code));
    code_.call_elsewhere();
    code_.jump64(BPF_JSLT, A, 0, reject());
    if (other == A) {
      code_.alu32(BPF_MOV, X, A);
      write_header_length();
    }
    code_.load(BPF_DW, kContext, kFrame, kSavedContext);
    code_.load(BPF_W, other, kFrame, kSavedOther);
  }

  void write_alu(const ClassicInstruction& insn) {
    const auto op = static_cast<Assembler::Operation>(BPF_OP(insn.code));
    const bool by_x = BPF_SRC(insn.code) == BPF_X;
    if (op == BPF_LSH || op == BPF_RSH) return write_shift(insn);
    if (op == BPF_NEG) return code_.alu32(op, A, 0);
    if (!by_x) return code_.alu32(op, A, insn.k);
    if (op == BPF_DIV || op == BPF_MOD) code_.jump32(BPF_JEQ, X, 0, reject());
    code_.alu32(op, A, X);
  }

  // As libpcap: what is shifted out is gone. eBPF would take the amount modulo 32.
  void write_shift(const ClassicInstruction& insn) {
    const auto op = static_cast<Assembler::Operation>(BPF_OP(insn.code));
    if (BPF_SRC(insn.code) == BPF_K)
      return insn.k < 32 ? code_.alu32(op, A, insn.k) : code_.alu32(BPF_MOV, A, 0);
    const Assembler::Label inside = code_.label();
    code_.jump32(BPF_JLT, X, 32, inside);
    code_.alu32(BPF_MOV, A, 0);
    code_.place(inside);
    code_.alu32(op, A, X);
  }

  void write_jump(Body body, std::size_t at) {
    const ClassicInstruction& insn = program_[at];
    const auto& labels = labels_[body];
    if (BPF_OP(insn.code) == BPF_JA) return code_.jump(labels[at + 1 + insn.k]);
    const Assembler::Label yes = labels[at + 1 + insn.if_true];
    const Assembler::Label no = labels[at + 1 + insn.if_false];
    if (insn.if_true == insn.if_false) return code_.jump(yes);
    const auto op = static_cast<Assembler::Operation>(BPF_OP(insn.code));
    // One jump is enough when the other way is straight on; JSET has no opposite.
    if (insn.if_true == 0 && op != BPF_JSET) return write_branch(opposite(op), insn, no);
    write_branch(op, insn, yes);
    if (insn.if_false != 0) code_.jump(no);
  }
  static Assembler::Operation opposite(Assembler::Operation op) {
    return op == BPF_JEQ ? BPF_JNE : op == BPF_JGT ? BPF_JLE : BPF_JLT;
  }
  void write_branch(Assembler::Operation op, const ClassicInstruction& insn, Assembler::Label to) {
    BPF_SRC(insn.code) == BPF_X ? code_.jump32(op, A, X, to) : code_.jump32(op, A, insn.k, to);
  }

  const ClassicProgram& program_;
  FrameKind kind_;
  Assembler code_;
  std::array<Plan, kBodies> plans_;
  std::array<std::vector<Assembler::Label>, kBodies> labels_;
  Assembler::Label reject_ = code_.label();
  Assembler::Label tagged_ = code_.label();
  bool rejects_ = false;
};

}  // namespace

std::vector<bpf_insn> translate(const ClassicProgram& program, FrameKind kind) {
  try {
    return Translator(program, kind).run();
  } catch (const std::length_error&) {
    throw UsageError("it is too long");
  }
}

}  // namespace gray
