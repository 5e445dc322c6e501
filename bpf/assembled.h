// A translated expression as a BPF program of its own: loaded in a moment, where the whole programs
// take the verifier long. Tests only.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "bpf/test_run.h"
#include "host.skel.h"
#include "tap.skel.h"
#include "userspace/kernel/filter/assembler.h"
#include "userspace/kernel/filter/elf_view.h"
#include "userspace/kernel/filter/translate.h"

namespace gray {

/// TaggedSkb: the kernel took a VLAN tag off the frame.
enum class Setting { Xdp, Skb, TaggedSkb };

/// The frame that an expression is to see when `frame` is what a test run is given.
inline Bytes as_on_the_wire(const Bytes& frame, Setting setting) {
  Bytes wire = frame;
  if (setting == Setting::TaggedSkb) wire.insert(wire.begin() + 12, {0x88, 0xa8, 0x61, 0x23});
  return wire;
}

/// The translation as a whole program: what it is told in front, gray_expression_load() behind.
class Assembled {
 public:
  Assembled(const ClassicProgram& program, Setting setting) : setting_(setting) {
    std::vector<bpf_insn> code = front();
    const std::vector<bpf_insn> body =
        translate(program, setting == Setting::Xdp ? FrameKind::Xdp : FrameKind::Skb);
    const std::size_t load = code.size() + body.size();
    bool calls = false;
    for (bpf_insn insn : body) {
      if (is_call_elsewhere(insn)) {
        insn.imm = static_cast<std::int32_t>(load - code.size() - 1);
        calls = true;
      }
      code.push_back(insn);
    }
    if (calls)
      for (const bpf_insn& insn : load_function()) code.push_back(insn);
    std::string log(1 << 16, '\0');
    bpf_prog_load_opts options{};
    options.sz = sizeof(options);
    options.log_buf = log.data();
    options.log_size = static_cast<std::uint32_t>(log.size());
    if (setting == Setting::Xdp) options.prog_flags = BPF_F_XDP_HAS_FRAGS;
    const auto type = setting == Setting::Xdp ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS;
    const int fd = bpf_prog_load(type, "expression", "GPL", code.data(), code.size(), &options);
    if (fd < 0) throw std::runtime_error("the verifier refuses: " + std::string(log.c_str()));
    fd_ = Fd(fd);
  }

  std::uint32_t run(const Bytes& frame) const {
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = frame.data();
    options.data_size_in = static_cast<std::uint32_t>(frame.size());
    options.repeat = 1;
    check(bpf_prog_test_run_opts(fd_.get(), &options), "run a BPF program");
    return options.retval;
  }

 private:
  // (context) becomes (context, wire_len).
  std::vector<bpf_insn> front() const {
    const auto insn = [](int code, int to, int from, int offset, int k) {
      bpf_insn made{};
      made.code = static_cast<std::uint8_t>(code);
      made.dst_reg = static_cast<std::uint8_t>(to) & 0xf;
      made.src_reg = static_cast<std::uint8_t>(from) & 0xf;
      made.off = static_cast<std::int16_t>(offset);
      made.imm = k;
      return made;
    };
    const bpf_insn keep = insn(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0);
    const bpf_insn restore = insn(BPF_ALU64 | BPF_MOV | BPF_X, 1, 6, 0, 0);
    const bpf_insn length = insn(BPF_LDX | BPF_MEM | BPF_W, 2, 1, offsetof(__sk_buff, len), 0);
    switch (setting_) {
      case Setting::Xdp:
        return {keep, insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_xdp_get_buff_len),
                insn(BPF_ALU64 | BPF_MOV | BPF_X, 2, 0, 0, 0), restore};
      case Setting::Skb:
        return {length};
      default:
        return {keep,
                insn(BPF_ALU | BPF_MOV | BPF_K, 2, 0, 0, 0xa888),
                insn(BPF_ALU | BPF_MOV | BPF_K, 3, 0, 0, 0x6123),
                insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skb_vlan_push),
                restore,
                length,
                insn(BPF_ALU | BPF_ADD | BPF_K, 2, 0, 0, 4)};
    }
  }
  std::vector<bpf_insn> load_function() const {
    std::size_t size = 0;
    const void* object =
        setting_ == Setting::Xdp ? tap_bpf::elf_bytes(&size) : host_bpf::elf_bytes(&size);
    const std::span bytes(static_cast<const std::uint8_t*>(object), size);
    const auto function = ElfView(bytes).function("gray_expression_load");
    std::vector<bpf_insn> insns(function.size / sizeof(bpf_insn));
    std::memcpy(insns.data(), bytes.data() + function.offset, function.size);
    return insns;
  }

  Setting setting_;
  Fd fd_;
};

}  // namespace gray
