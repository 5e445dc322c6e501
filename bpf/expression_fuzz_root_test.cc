// Random classic programs on random frames: what the translation returns in the kernel is what
// libpcap's interpreter returns, to the bit; for XDP, for an skb, and for an skb whose VLAN tag the
// kernel took off. GRAYXDP_FUZZ_PROGRAMS=100000 GRAYXDP_FUZZ_SEED=7 for a long run.
#include <linux/filter.h>

#include <cstdlib>
#include <random>

#include "bpf/assembled.h"

namespace gray {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// A valid program, and nothing that libpcap's interpreter leaves undefined.
class ProgramMaker {
 public:
  explicit ProgramMaker(std::mt19937_64& random) : random_(random) {}

  ClassicProgram make() {
    ClassicProgram program;
    for (std::uint32_t word = 0; word < 4; ++word) program.push_back({BPF_ST, 0, 0, word});
    const std::size_t length = program.size() + 1 + below(60);
    while (program.size() < length) program.push_back(instruction(length - program.size()));
    program.push_back({BPF_RET | BPF_A, 0, 0, 0});
    program.push_back({BPF_RET | BPF_K, 0, 0, below(2) * 262144});
    return program;
  }

 private:
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }
  std::uint16_t one_of(std::initializer_list<int> codes) {
    return static_cast<std::uint16_t>(
        *(codes.begin() + below(static_cast<std::uint32_t>(codes.size()))));
  }
  // Mostly inside a frame, now and then just outside or far away.
  std::uint32_t offset() {
    switch (below(16)) {
      case 0:
        return static_cast<std::uint32_t>(random_()) & 0xffff'efff;
      case 1:
        return below(70000);
      case 2:
        return below(3000);
      case 3:
        return 10 + below(8);
      default:
        return below(64);
    }
  }
  std::uint32_t constant() {
    switch (below(4)) {
      case 0:
        return static_cast<std::uint32_t>(random_());
      case 1:
        return 0U - below(3);
      default:
        return below(256);
    }
  }

  // `left`: how many instructions come after this one, before the last two.
  ClassicInstruction instruction(std::size_t left) {
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
        return {
            one_of({BPF_LD | BPF_ABS | BPF_W, BPF_LD | BPF_ABS | BPF_H, BPF_LD | BPF_ABS | BPF_B,
                    BPF_LD | BPF_IND | BPF_W, BPF_LD | BPF_IND | BPF_H, BPF_LD | BPF_IND | BPF_B,
                    BPF_LDX | BPF_MSH | BPF_B}),
            0, 0, offset()};
      case 3:
        return {one_of({BPF_LD | BPF_IMM, BPF_LDX | BPF_IMM, BPF_LD | BPF_LEN, BPF_LDX | BPF_LEN}),
                0, 0, constant()};
      case 4:
        return {one_of({BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM, BPF_ST, BPF_STX}), 0, 0, below(4)};
      case 5:
      case 6:
        return arithmetic();
      case 7:
        return {one_of({BPF_MISC | BPF_TAX, BPF_MISC | BPF_TXA}), 0, 0, 0};
      default:
        return jump(static_cast<std::uint32_t>(left));
    }
  }
  ClassicInstruction arithmetic() {
    const std::uint16_t op = one_of({BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_AND, BPF_OR,
                                     BPF_XOR, BPF_LSH, BPF_RSH, BPF_NEG});
    if (op == BPF_NEG) return {BPF_ALU | BPF_NEG, 0, 0, constant()};
    const bool by_x = below(2) == 0;
    std::uint32_t k = constant();
    if (op == BPF_LSH || op == BPF_RSH) k %= 32;
    if ((op == BPF_DIV || op == BPF_MOD) && k == 0) k = 3;
    return {static_cast<std::uint16_t>(BPF_ALU | op | (by_x ? BPF_X : BPF_K)), 0, 0, k};
  }
  ClassicInstruction jump(std::uint32_t left) {
    if (below(8) == 0) return {BPF_JMP | BPF_JA, 0, 0, below(left + 1)};
    const std::uint16_t op = one_of({BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET});
    const auto skip = [&] { return static_cast<std::uint8_t>(below(std::min(left + 1, 200U))); };
    const std::uint8_t yes = below(3) == 0 ? std::uint8_t{0} : skip();
    return {static_cast<std::uint16_t>(BPF_JMP | op | (below(2) == 0 ? BPF_X : BPF_K)), yes, skip(),
            constant()};
  }

  std::mt19937_64& random_;
};

Bytes random_frame(std::mt19937_64& random, Setting setting) {
  static constexpr std::size_t kSizes[] = {15, 20, 33, 34, 35, 60, 64, 100, 300, 1500, 3000, 9000};
  std::size_t size = kSizes[random() % std::size(kSizes)];
  if (setting != Setting::Xdp) size = std::min<std::size_t>(size, 3000);
  Bytes frame(size);
  for (std::uint8_t& byte : frame)
    byte = static_cast<std::uint8_t>(random() & (random() % 2 ? 0xff : 0x0f));
  frame[12] = 0x12;  // no IP, of which a test run wants to see the header
  return frame;
}

class ExpressionFuzz : public testing::TestWithParam<Setting> {};

TEST_P(ExpressionFuzz, ReturnsWhatLibpcapReturns) {
  const Setting setting = GetParam();
  const std::uint64_t programs = number_from("GRAYXDP_FUZZ_PROGRAMS", 600);
  std::mt19937_64 random(number_from("GRAYXDP_FUZZ_SEED", 1) * 3 +
                         static_cast<std::uint64_t>(setting));
  std::uint64_t cases = 0, nonzero = 0;
  for (std::uint64_t i = 0; i < programs; ++i) {
    const ClassicProgram program = ProgramMaker(random).make();
    ASSERT_TRUE(is_valid(program)) << to_string(program);
    SCOPED_TRACE("program " + std::to_string(i));
    try {
      const Assembled assembled(program, setting);
      for (int j = 0; j < 8; ++j, ++cases) {
        const Bytes frame = random_frame(random, setting);
        const Bytes wire = as_on_the_wire(frame, setting);
        const std::uint32_t expected =
            run_classic(program, wire, static_cast<std::uint32_t>(wire.size()));
        nonzero += expected != 0;
        ASSERT_EQ(assembled.run(frame), expected) << "frame of " << frame.size() << " bytes\n"
                                                  << to_string(program);
      }
    } catch (const std::runtime_error& error) {
      FAIL() << error.what() << "\n" << to_string(program);
    }
  }
  EXPECT_GT(nonzero, cases / 20) << "too few programs come to an end";
  std::cout << programs << " programs, " << cases << " cases, " << nonzero << " not zero\n";
}

INSTANTIATE_TEST_SUITE_P(Settings, ExpressionFuzz,
                         testing::Values(Setting::Xdp, Setting::Skb, Setting::TaggedSkb));

}  // namespace
}  // namespace gray
