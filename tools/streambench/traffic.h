// Captures made in memory, for measuring: many TCP connections whose segments alternate at random.
// The same seed makes the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "userspace/packet/packet.h"

namespace gray {

/// Frames one behind the other in one piece of memory, as a reader of files has them.
class MemoryCapture {
 public:
  std::size_t size() const noexcept { return ends_.size(); }
  Frame operator[](std::size_t index) const noexcept;
  /// Room for one more frame, zeroed; valid until the next call.
  std::span<std::uint8_t> add(std::size_t length, std::uint64_t time_ns);
  void reserve(std::size_t frames, std::size_t bytes);

 private:
  std::vector<std::uint8_t> bytes_;
  std::vector<std::size_t> ends_;
  std::vector<std::uint64_t> times_;
};

struct Traffic {
  MemoryCapture opening;  ///< handshakes: three segments of each connection
  MemoryCapture first;    ///< the first segment with payload of each, which opens its stream
  MemoryCapture steady;   ///< segments in order, all with payload
};

/// `packets` segments of `payload` bytes over `flows` connections, each of a random connection and
/// side. At most 64,000 * 65,536 flows; a microsecond passes with each frame.
Traffic make_traffic(std::size_t flows, std::size_t packets, std::size_t payload);

/// HTTP/1.1 exchanges over `flows` kept-alive connections, handshakes included: a GET with the
/// headers of a browser, and an answer of `body` bytes in segments of 1460.
MemoryCapture make_http(std::size_t flows, std::size_t exchanges, std::size_t body);

}  // namespace gray
