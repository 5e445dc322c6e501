#include "userspace/kernel/filter/plan.h"

#include <algorithm>
#include <array>

namespace gray {
namespace {

constexpr std::uint32_t kTagAt = 12, kTagSize = 4;
// Of an IP frame at least so much is there: Ethernet and an IPv4 header without options.
constexpr std::uint32_t kHeaders = 34;

constexpr std::uint32_t kUnreached = ~0U;

using How = Step::How;

Step place(const ClassicInstruction& insn, bool tagged) {
  const std::uint32_t size = load_size(insn.code);
  const bool absolute = is_absolute(insn.code);
  if (!absolute && !is_indirect(insn.code)) return {.how = How::Plain};
  if (insn.k > kLongestFrame) return {.how = How::Reject};
  Step step{.how = How::Plain, .check = true, .offset = insn.k};
  if (tagged && insn.k >= kTagAt + kTagSize)
    step.offset -= kTagSize;
  else if (tagged && !(absolute && insn.k + size <= kTagAt))
    step.how = absolute && size == 2 && insn.k % 2 == 0 ? How::Tag : How::Bail;
  if (step.how == How::Plain && step.offset > kMaxDirect) step.how = How::Bail;
  return step;
}

// The instructions that may come after `at`.
std::vector<std::size_t> successors(const ClassicProgram& program, std::size_t at) {
  const ClassicInstruction& insn = program[at];
  if (BPF_CLASS(insn.code) == BPF_RET) return {};
  if (BPF_CLASS(insn.code) != BPF_JMP) return {at + 1};
  if (BPF_OP(insn.code) == BPF_JA) return {at + 1 + insn.k};
  return {at + 1 + insn.if_true, at + 1 + insn.if_false};
}

std::uint32_t headers_of(const ClassicProgram& program, const std::vector<Step>& steps) {
  std::uint32_t headers = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::uint32_t end = steps[i].offset + load_size(program[i].code);
    if (is_absolute(program[i].code) && steps[i].how == How::Plain && end <= kHeaders)
      headers = std::max(headers, end);
  }
  return headers;
}

}  // namespace

Plan plan_direct(const ClassicProgram& program, bool tagged) {
  Plan plan{.steps = {}, .headers = 0, .bails = std::vector<bool>(program.size(), false)};
  for (const ClassicInstruction& insn : program) plan.steps.push_back(place(insn, tagged));
  plan.headers = headers_of(program, plan.steps);
  plan.bails[0] = plan.headers > 0;

  // Jumps go forward only, so one pass knows all ways to an instruction when it comes to it.
  std::vector<std::uint32_t> known(program.size(), kUnreached);
  known[0] = plan.headers;
  for (std::size_t i = 0; i < program.size(); ++i) {
    Step& step = plan.steps[i];
    if (known[i] == kUnreached) {
      step = {};
      continue;
    }
    std::uint32_t after = known[i];
    if (step.how == How::Plain && is_absolute(program[i].code)) {
      after = std::max(after, step.offset + load_size(program[i].code));
      step.check = after > known[i];
    }
    if (step.how == How::Tag) step.check = false;
    if (step.how == How::Bail || step.check) plan.bails[i] = true;
    if (step.how == How::Bail || step.how == How::Reject) continue;
    for (const std::size_t next : successors(program, i))
      known[next] = std::min(known[next], after);
  }
  return plan;
}

Plan plan_careful(const ClassicProgram& program, const std::vector<bool>& entered) {
  Plan plan{.steps = {}, .headers = 0, .bails = std::vector<bool>(program.size(), false)};
  for (const ClassicInstruction& insn : program) plan.steps.push_back(place(insn, false));
  std::vector<bool> reached = entered;
  for (std::size_t i = 0; i < program.size(); ++i) {
    Step& step = plan.steps[i];
    if (!reached[i]) {
      step = {};
      continue;
    }
    if (step.how == How::Bail) step.how = How::Plain;
    if (step.how == How::Reject) continue;
    for (const std::size_t next : successors(program, i)) reached[next] = true;
  }
  return plan;
}

}  // namespace gray
