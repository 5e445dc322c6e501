#include "userspace/kernel/filter/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr std::size_t kMaxFilterFile = 1 << 20;

std::string trimmed(const std::string& text) {
  constexpr const char* kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) + 1 - first);
}

// What only a live capture by libpcap has: who sent a frame, on which interface, by which rule.
void refuse_beside_the_frame(const std::string& expression, const ClassicProgram& program) {
  constexpr std::uint16_t kLoadAbsolute = 0x20, kModeAndClass = 0xe7;
  for (const ClassicInstruction& at : program)
    if ((at.code & kModeAndClass) == kLoadAbsolute && at.k >= kBesideTheFrame)
      throw UsageError(
          fmt::format("expression '{}' asks for what does not stand in the frame (inbound, "
                      "outbound, ifindex, …): leave that out",
                      expression));
}

}  // namespace

Filter::Filter(const std::string& expression) : expression_(trimmed(expression)) {
  if (expression_.find('\0') != std::string::npos)
    throw UsageError("expression: a zero byte stands in it");
  if (!expression_.empty())
    program_ =
        std::make_shared<ClassicProgram>(compile_expression(expression_, LinkType::Ethernet));
}

bool FrameMatcher::matches(const Frame& frame) {
  return filter_.empty() || run_classic(program_for(frame.link), frame.bytes, frame.wire_len) != 0;
}

const ClassicProgram& FrameMatcher::program_for(LinkType link) {
  const auto found =
      std::ranges::find_if(programs_, [&](const Compiled& known) { return known.link == link; });
  if (found != programs_.end()) return found->program;
  ClassicProgram program = compile_expression(filter_.expression(), link);
  refuse_beside_the_frame(filter_.expression(), program);
  return programs_.emplace_back(Compiled{link, std::move(program)}).program;
}

Filter read_filter(const std::string& path) {
  std::ifstream file(path);
  std::string expression;
  for (std::string line; std::getline(file, line);) {
    expression += line.substr(0, line.find('#')) + ' ';
    if (expression.size() > kMaxFilterFile)
      throw UsageError(fmt::format("filter file {}: longer than {} bytes", path, kMaxFilterFile));
  }
  if (!file.eof()) throw_errno(errno != 0 ? errno : EIO, "read filter file " + path);
  return Filter(expression);
}

}  // namespace gray
