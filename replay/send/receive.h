// Reading a TCP socket together with the time at which the kernel got the bytes, so that a busy
// event loop does not look like a slow canary (SO_TIMESTAMPNS, socket(7)).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace gray {

/// Asks the kernel for the times of what arrives from now on. Without it receive() still works.
void ask_for_arrival_times(int fd) noexcept;

struct Received {
  std::size_t bytes = 0;  ///< 0 without an error: the peer will send no more
  int error = 0;          ///< errno; EAGAIN when there is nothing to read now
  /// CLOCK_MONOTONIC of the last segment read; the time of reading when the kernel did not say.
  std::uint64_t arrived_ns = 0;
};
Received receive(int fd, std::span<std::uint8_t> into) noexcept;

}  // namespace gray
