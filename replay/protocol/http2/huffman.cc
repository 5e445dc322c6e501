#include "replay/protocol/http2/huffman.h"

#include <array>
#include <cstddef>

namespace gray::http2 {
namespace {

constexpr std::size_t kSymbols = 257;  // all bytes, and EOS
constexpr unsigned kMaxLength = 30;
constexpr unsigned kShort = 10;  // bits of a code that one lookup decodes

// Lengths in bits of the codes of all symbols (RFC 7541 appendix B). The code is canonical, so they
// say everything: codes of one length count up in order of their symbols.
constexpr std::array<std::uint8_t, kSymbols> kLengths{
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,
    5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10, 13, 6,  7,  7,  7,  7,  7,  7,
    7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,
    15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,  5,  6,  7,  7,
    7,  7,  7,  15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30};

struct Tables {
  struct Code {
    std::uint8_t symbol = 0;
    std::uint8_t length = 0;  // 0: longer than kShort
  };
  std::array<Code, 1U << kShort> by_prefix{};
  std::array<std::uint16_t, kSymbols> sorted{};  // symbols by length, then value
  // By length: the first code, how many there are, and where they start in `sorted`.
  std::array<std::uint32_t, kMaxLength + 1> first{};
  std::array<std::uint32_t, kMaxLength + 1> count{};
  std::array<std::uint32_t, kMaxLength + 1> start{};
};

constexpr Tables make_tables() {
  Tables t;
  std::uint32_t code = 0;
  std::uint32_t index = 0;
  for (unsigned length = 1; length <= kMaxLength; ++length) {
    code <<= 1;
    t.first[length] = code;
    t.start[length] = index;
    for (std::size_t symbol = 0; symbol < kSymbols; ++symbol) {
      if (kLengths[symbol] != length) continue;
      t.sorted[index++] = static_cast<std::uint16_t>(symbol);
      if (length <= kShort)
        for (std::uint32_t rest = 0; rest < 1U << (kShort - length); ++rest)
          t.by_prefix[(code << (kShort - length)) | rest] = {static_cast<std::uint8_t>(symbol),
                                                             static_cast<std::uint8_t>(length)};
      ++code;
      ++t.count[length];
    }
  }
  return t;
}

constexpr Tables kTables = make_tables();

struct LongCode {
  unsigned symbol = 256;
  unsigned length = kMaxLength;
};

// `window`: the next 32 bits, from the highest on.
LongCode find_long(std::uint32_t window) noexcept {
  for (unsigned length = kShort + 1; length <= kMaxLength; ++length) {
    const std::uint32_t ahead = (window >> (32 - length)) - kTables.first[length];
    if (ahead < kTables.count[length])
      return {kTables.sorted[kTables.start[length] + ahead], length};
  }
  return {};
}

}  // namespace

bool huffman_decode(std::span<const std::uint8_t> bytes, std::string& out) {
  std::uint64_t bits = 0;  // the lowest `count` are not decoded yet
  unsigned count = 0;
  std::size_t next = 0;
  while (true) {
    for (; count <= 56 && next < bytes.size(); count += 8) bits = bits << 8 | bytes[next++];
    if (count == 0) return true;
    const auto window = count >= 32 ? static_cast<std::uint32_t>(bits >> (count - 32))
                                    : static_cast<std::uint32_t>(((bits + 1) << (32 - count)) - 1);
    const Tables::Code quick = kTables.by_prefix[window >> (32 - kShort)];
    LongCode code{quick.symbol, quick.length};
    if (code.length == 0) code = find_long(window);
    if (code.length > count) {
      const std::uint64_t padding = (std::uint64_t{1} << count) - 1;
      return count < 8 && (bits & padding) == padding;
    }
    if (code.symbol == 256) return false;
    out += static_cast<char>(code.symbol);
    count -= code.length;
  }
}

}  // namespace gray::http2
