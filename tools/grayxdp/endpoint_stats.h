// What `requests --stats` says: exchanges by endpoint, which is a method and the template of a
// path. Memory is bounded by a number of endpoints; what comes above it is counted under one name.
// One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "replay/protocol/exchange.h"

namespace gray {

class EndpointStats {
 public:
  static constexpr std::size_t kMaxEndpoints = 10'000;

  void add(const Exchange& exchange);
  /// The most frequent one first.
  void print(std::ostream& out) const;
  /// One object a line.
  void print_json(std::ostream& out) const;

 private:
  struct Counts {
    std::uint64_t count = 0;
    std::array<std::uint64_t, 6> by_class{};  ///< by first digit of the status; 0: no answer
    std::uint64_t request_bytes = 0;          ///< of bodies
    std::uint64_t response_bytes = 0;
    std::map<std::uint32_t, std::uint64_t> latencies;  ///< bucket → exchanges
    std::uint64_t timed = 0;

    std::uint64_t percentile(double share) const noexcept;
  };
  using Entry = std::pair<const std::string, Counts>;

  std::vector<const Entry*> sorted() const;

  std::map<std::string, Counts> endpoints_;
};

}  // namespace gray
