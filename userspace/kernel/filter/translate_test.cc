// The shape of translations. What they decide is shown in the kernel: bpf/expression_root_test.cc
// and bpf/expression_fuzz_root_test.cc.
#include "userspace/kernel/filter/translate.h"

#include <gtest/gtest.h>
#include <linux/filter.h>

#include <algorithm>
#include <random>

#include "userspace/base/errors.h"
#include "userspace/kernel/filter/assembler.h"
#include "userspace/kernel/filter/room.h"

namespace gray {
namespace {

std::string refusal(const ClassicProgram& program) {
  try {
    translate(program, FrameKind::Skb);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Translate, UsesNoRegisterThatHasToBeSaved) {
  for (const FrameKind kind : {FrameKind::Xdp, FrameKind::Skb})
    for (const bpf_insn& insn : translate(Filter("tcp port 80").program(), kind)) {
      EXPECT_TRUE(insn.dst_reg <= 5 || insn.dst_reg == BPF_REG_10);
      EXPECT_TRUE(is_call_elsewhere(insn) || insn.src_reg <= 5 || insn.src_reg == BPF_REG_10);
    }
}

TEST(Translate, OfALengthReadsNoFrame) {
  const auto code = translate(Filter("len > 100").program(), FrameKind::Skb);
  EXPECT_LT(code.size(), 12U);
  EXPECT_TRUE(std::ranges::none_of(code, is_call_elsewhere));
}

TEST(Translate, OfTwoWordsOfInstructionsThereIsNone) {
  // They would move the line numbers of the object.
  for (const bpf_insn& insn : translate(Filter("ip host 255.1.2.3").program(), FrameKind::Xdp))
    EXPECT_NE(insn.code, BPF_LD | BPF_DW | BPF_IMM);
}

TEST(Translate, RefusesWithTheReason) {
  const ClassicInstruction end{BPF_RET | BPF_K, 0, 0, 1};
  EXPECT_NE(refusal({{BPF_JMP | BPF_JA, 0, 0, ~0U}, end}).find("loops"), std::string::npos);
  EXPECT_NE(refusal({{BPF_LD | BPF_H | BPF_ABS, 0, 0, kBesideTheFrame + 4}, end}).find("inbound"),
            std::string::npos);
  EXPECT_NE(refusal({{BPF_ST, 0, 0, 16}, end}).find("memory"), std::string::npos);
  for (const int code : {BPF_RET | BPF_X, BPF_LD | BPF_ABS | BPF_DW, BPF_MISC | 0x40, 0xffff})
    EXPECT_NE(refusal({{static_cast<std::uint16_t>(code), 0, 0, 0}, end}).find("unknown code"),
              std::string::npos)
        << code;
  EXPECT_EQ(refusal({end}), "");
}

TEST(Translate, TakesHundredsOfHosts) {
  std::string expression = "host 10.0.0.0";
  for (int i = 1; i < 250; ++i) expression += " or host 10.0.0." + std::to_string(i);
  EXPECT_LT(translate(Filter(expression).program(), FrameKind::Skb).size(), 4096U);
}

TEST(WithExpression, RefusesWhatIsNoObject) {
  const Filter filter("tcp");
  EXPECT_THROW(with_expression({}, filter, FrameKind::Xdp), std::runtime_error);
  std::mt19937_64 random(1);
  std::vector<std::uint8_t> bytes(4096, 0);
  for (int i = 0; i < 2000; ++i) {
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    std::copy_n(
        "\x7f"
        "ELF\x02",
        5, bytes.begin());
    bytes[0x28] = static_cast<std::uint8_t>(random() % 64);  // sections near the start
    std::fill_n(bytes.begin() + 0x29, 7, 0);
    EXPECT_THROW(with_expression(bytes, filter, FrameKind::Xdp), std::runtime_error);
  }
}

}  // namespace
}  // namespace gray
