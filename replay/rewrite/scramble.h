// A keyed permutation of addresses that keeps prefixes: two addresses that share their first n bits
// share exactly n bits afterwards (the construction of Xu, Fan, Ammar and Moon, "Crypto-PAn", with
// SipHash-2-4 as its function). The same seed gives the same permutation everywhere. Constant; any
// thread may use it.
//
// What an address is for stays: multicast, broadcast, loopback and unspecified addresses are kept,
// nothing else becomes one of them, and link-local, unique local and global unicast stay what they
// are. A seed of 64 bits hides addresses from a reader; it is no cipher against one who can guess
// what some of the addresses were.
#pragma once

#include <cstdint>
#include <span>

namespace gray {

class Scramble {
 public:
  explicit Scramble(std::uint64_t seed) noexcept;

  /// `address`: 4 or 16 bytes in network order.
  void apply(std::span<std::uint8_t> address) const noexcept;
  /// The inverse.
  void undo(std::span<std::uint8_t> address) const noexcept;

 private:
  std::uint64_t key_[2];
};

}  // namespace gray
