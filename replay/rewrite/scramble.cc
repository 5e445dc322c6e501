#include "replay/rewrite/scramble.h"

#include <algorithm>
#include <array>
#include <bit>

#include "bpf/tag.h"

namespace gray {
namespace {

/// An address from its first bit on; IPv4 fills the first 32.
struct Bits {
  std::uint64_t word[2] = {0, 0};

  unsigned at(unsigned index) const noexcept {
    return static_cast<unsigned>(word[index / 64] >> (63 - index % 64)) & 1;
  }
  void flip(unsigned index) noexcept { word[index / 64] ^= std::uint64_t{1} << (63 - index % 64); }
  Bits first(unsigned count) const noexcept {
    Bits prefix = *this;
    if (count < 64) prefix.word[0] &= count == 0 ? 0 : ~std::uint64_t{0} << (64 - count);
    if (count < 128) prefix.word[1] &= count <= 64 ? 0 : ~std::uint64_t{0} << (128 - count);
    return prefix;
  }
};

unsigned common_prefix(const Bits& a, const Bits& b) noexcept {
  const std::uint64_t high = a.word[0] ^ b.word[0];
  if (high != 0) return static_cast<unsigned>(std::countl_zero(high));
  return 64 + static_cast<unsigned>(std::countl_zero(a.word[1] ^ b.word[1]));
}

/// A network that is its own image. When `whole`, so is every address in it.
struct Class {
  Bits network;
  unsigned prefix;
  bool whole;
};

constexpr Class v4_class(std::uint64_t network, unsigned prefix, bool whole) {
  return {{{network << 32, 0}}, prefix, whole};
}
constexpr std::array kClassesV4 = {
    v4_class(0x00000000, 8, true),    // this network
    v4_class(0x7f000000, 8, true),    // loopback
    v4_class(0xa9fe0000, 16, false),  // link-local
    v4_class(0xe0000000, 3, true),    // multicast, reserved, broadcast
};
constexpr std::array kClassesV6 = {
    Class{{{0, 0}}, 128, true},                              // unspecified
    Class{{{0, 1}}, 128, true},                              // loopback
    Class{{{0x2000000000000000, 0}}, 3, false},              // global unicast
    Class{{{0xfc00000000000000, 0}}, 7, false},              // unique local
    Class{{{0xfe80000000000000, 0}}, 10, false},             // link-local
    Class{{{0xff02000000000000, 0x1ff000000}}, 104, false},  // solicited node: ends as a host does
    Class{{{0xff00000000000000, 0}}, 8, true},               // any other multicast
};

/// How many of the first bits stay, so that every class is its own image. A class stands before
/// one that holds it.
unsigned kept_bits(const Bits& bits, std::span<const Class> classes) noexcept {
  unsigned kept = 0;
  for (const Class& c : classes) {
    const unsigned common = common_prefix(bits, c.network);
    if (common >= c.prefix) return c.whole ? 128 : std::max(kept, c.prefix);
    kept = std::max(kept, common + 1);
  }
  return kept;
}

Bits load(std::span<const std::uint8_t> address) noexcept {
  Bits bits;
  for (std::size_t i = 0; i < address.size(); ++i)
    bits.word[i / 8] |= std::uint64_t{address[i]} << (56 - i % 8 * 8);
  return bits;
}

void store(const Bits& bits, std::span<std::uint8_t> address) noexcept {
  for (std::size_t i = 0; i < address.size(); ++i)
    address[i] = static_cast<std::uint8_t>(bits.word[i / 8] >> (56 - i % 8 * 8));
}

/// SipHash-2-4 (Aumasson and Bernstein) of three 64-bit words.
class SipHash {
 public:
  explicit SipHash(const std::uint64_t (&key)[2]) noexcept
      : v_{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
           key[1] ^ 0x7465646279746573} {}

  void add(std::uint64_t word) noexcept {
    v_[3] ^= word;
    round();
    round();
    v_[0] ^= word;
    bytes_ += 8;
  }
  std::uint64_t finish() noexcept {
    add(bytes_ << 56);
    v_[2] ^= 0xff;
    for (int i = 0; i < 4; ++i) round();
    return v_[0] ^ v_[1] ^ v_[2] ^ v_[3];
  }

 private:
  void round() noexcept {
    v_[0] += v_[1];
    v_[1] = std::rotl(v_[1], 13) ^ v_[0];
    v_[0] = std::rotl(v_[0], 32);
    v_[2] += v_[3];
    v_[3] = std::rotl(v_[3], 16) ^ v_[2];
    v_[0] += v_[3];
    v_[3] = std::rotl(v_[3], 21) ^ v_[0];
    v_[2] += v_[1];
    v_[1] = std::rotl(v_[1], 17) ^ v_[2];
    v_[2] = std::rotl(v_[2], 32);
  }

  std::uint64_t v_[4];
  std::uint64_t bytes_ = 0;
};

// A hash decides on all 63 nodes of six levels of the tree of prefixes at once.
constexpr unsigned kLevels = 6;

enum class Direction { Apply, Undo };

void permute(const std::uint64_t (&key)[2], std::span<std::uint8_t> address,
             Direction direction) noexcept {
  const bool v4 = address.size() == 4;
  const Bits in = load(address);
  const unsigned count = v4 ? 32 : 128;
  // The same for an address and its image: either is as far from every class as the other.
  const unsigned kept = kept_bits(in, v4 ? std::span<const Class>(kClassesV4) : kClassesV6);
  Bits out = in;
  for (unsigned depth = kept / kLevels * kLevels; depth < count; depth += kLevels) {
    const Bits& original = direction == Direction::Apply ? in : out;
    const Bits prefix = original.first(depth);
    SipHash hash(key);
    hash.add(std::uint64_t{v4} << 8 | depth);
    hash.add(prefix.word[0]);
    hash.add(prefix.word[1]);
    const std::uint64_t flips = hash.finish();
    for (unsigned i = depth, node = 1; i < std::min(depth + kLevels, count); ++i) {
      const unsigned before = original.at(i);
      if (i >= kept && (flips >> node & 1)) out.flip(i);
      node = node * 2 + (direction == Direction::Apply ? before : out.at(i));
    }
  }
  store(out, address);
}

}  // namespace

Scramble::Scramble(std::uint64_t seed) noexcept : key_{gray_mix(seed), gray_mix(~seed)} {}

void Scramble::apply(std::span<std::uint8_t> address) const noexcept {
  permute(key_, address, Direction::Apply);
}

void Scramble::undo(std::span<std::uint8_t> address) const noexcept {
  permute(key_, address, Direction::Undo);
}

}  // namespace gray
