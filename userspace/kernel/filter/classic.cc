// Here alone, beside userspace/pcapng, libpcap is used. It finds no name twice: names of hosts are
// resolved while an expression is compiled.
#include "userspace/kernel/filter/classic.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <string_view>

#include "userspace/base/errors.h"
#include "userspace/base/owned.h"

namespace gray {
namespace {

constexpr int kSnaplen = 262144;  // what an accepting program returns, as tcpdump's

// The two structs are the same 8 bytes, and so libpcap reads ours.
static_assert(sizeof(ClassicInstruction) == sizeof(bpf_insn));
static_assert(offsetof(ClassicInstruction, if_true) == offsetof(bpf_insn, jt));
static_assert(offsetof(ClassicInstruction, if_false) == offsetof(bpf_insn, jf));
static_assert(offsetof(ClassicInstruction, k) == offsetof(bpf_insn, k));

const bpf_insn* as_pcap(const ClassicProgram& program) noexcept {
  return reinterpret_cast<const bpf_insn*>(program.data());
}

// LINKTYPE_ as it stands in files to DLT_ as libpcap calls it in memory.
int dlt_of(LinkType link) {
  switch (link) {
    case LinkType::Raw:
      return DLT_RAW;
    case LinkType::Loop:
      return DLT_LOOP;
    default:
      return static_cast<int>(link);
  }
}

std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

ClassicProgram compile_expression(const std::string& expression, LinkType link) {
  const Owned<pcap_t, pcap_close> handle(pcap_open_dead(dlt_of(link), kSnaplen));
  if (!handle) throw std::bad_alloc();
  bpf_program compiled{};
  if (pcap_compile(handle.get(), &compiled, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
    throw UsageError(fmt::format("expression '{}': {}", first_line(expression),
                                 first_line(pcap_geterr(handle.get()))));
  ClassicProgram program(compiled.bf_len);
  std::transform(compiled.bf_insns, compiled.bf_insns + compiled.bf_len, program.begin(),
                 [](const bpf_insn& insn) {
                   return ClassicInstruction{insn.code, insn.jt, insn.jf, insn.k};
                 });
  pcap_freecode(&compiled);
  return program;
}

std::string to_string(const ClassicProgram& program) {
  std::string text;
  for (std::size_t i = 0; i < program.size(); ++i)
    text += fmt::format("{}\n", bpf_image(as_pcap(program) + i, static_cast<int>(i)));
  return text;
}

std::uint32_t run_classic(const ClassicProgram& program, std::span<const std::uint8_t> bytes,
                          std::uint32_t wire_len) noexcept {
  return bpf_filter(as_pcap(program), bytes.data(), wire_len,
                    static_cast<std::uint32_t>(bytes.size()));
}

bool is_valid(const ClassicProgram& program) noexcept {
  return bpf_validate(as_pcap(program), static_cast<int>(program.size())) != 0;
}

}  // namespace gray
