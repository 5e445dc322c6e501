// What is measured: nanoseconds a packet of decode, flow lookup and in-order reassembly, with few
// flows and with many, of libtins on the same frames, and of the whole extractor. One thread.
#pragma once

#include <cstddef>
#include <vector>

#include "tools/streambench/traffic.h"

namespace gray {

/// Of one pass over a capture.
struct Pass {
  double opening_ns = 0;  ///< a packet of the handshakes
  double first_ns = 0;    ///< the first packet with payload of a connection
  double steady_ns = 0;   ///< a packet after these
};

/// Decode only, to say what the rest costs.
double measure_decode(const MemoryCapture& capture);
/// Throws std::runtime_error when not every byte came out.
Pass measure_reassembly(const Traffic& traffic, std::size_t flows);
Pass measure_tins(const Traffic& traffic);
/// Frames to exchanges, on `threads`.
double measure_extractor(const MemoryCapture& capture, std::size_t exchanges, unsigned threads);

}  // namespace gray
