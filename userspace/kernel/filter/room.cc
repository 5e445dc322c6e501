#include "userspace/kernel/filter/room.h"

#include <fmt/format.h>

#include <cstring>
#include <stdexcept>

#include "userspace/base/errors.h"
#include "userspace/kernel/filter/assembler.h"
#include "userspace/kernel/filter/elf_view.h"

namespace gray {
namespace {

// What stands in front of the code: one jump over what stays empty, by a condition that only the
// verifier sees through. It then takes out the jump and all that is jumped over in one go; without
// the jump it would take out the empty instructions one by one.
std::vector<bpf_insn> padding(std::size_t count) {
  const bpf_insn nothing{.code = BPF_JMP | BPF_JA, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0};
  std::vector<bpf_insn> front(count, nothing);
  if (count < 3) return front;
  front[0] = {.code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0};
  front[1] = {.code = BPF_JMP32 | BPF_JEQ | BPF_K,
              .dst_reg = 0,
              .src_reg = 0,
              .off = static_cast<std::int16_t>(count - 2),
              .imm = 0};
  return front;
}

std::vector<bpf_insn> translate_named(const Filter& filter, FrameKind kind, std::size_t room) {
  try {
    std::vector<bpf_insn> code = translate(filter.program(), kind);
    if (code.size() > room)
      throw UsageError(
          fmt::format("it takes {} instructions, and there is room for {}", code.size(), room));
    return code;
  } catch (const UsageError& reason) {
    throw UsageError(fmt::format("expression '{}' cannot be run in the kernel: {}",
                                 filter.expression(), reason.what()));
  }
}

}  // namespace

std::vector<std::uint8_t> with_expression(std::span<const std::uint8_t> object,
                                          const Filter& filter, FrameKind kind) {
  const ElfView elf(object);
  const auto room = elf.function("gray_expression");
  const auto load = elf.function("gray_expression_load");
  const std::size_t capacity = room.size / sizeof(bpf_insn);
  if (room.section != load.section)
    throw std::runtime_error("BPF object: a call from the expression's room would be too far");

  const std::vector<bpf_insn> code = translate_named(filter, kind, capacity);
  std::vector<bpf_insn> body = padding(capacity - code.size());
  for (bpf_insn insn : code) {
    const std::size_t here = room.offset + body.size() * sizeof(bpf_insn);
    if (is_call_elsewhere(insn))
      insn.imm = static_cast<std::int32_t>(
          (static_cast<std::ptrdiff_t>(load.offset) - static_cast<std::ptrdiff_t>(here)) /
              static_cast<std::ptrdiff_t>(sizeof(bpf_insn)) -
          1);
    body.push_back(insn);
  }
  std::vector<std::uint8_t> patched(object.begin(), object.end());
  std::memcpy(patched.data() + room.offset, body.data(), body.size() * sizeof(bpf_insn));
  return patched;
}

}  // namespace gray
