// The text output of `capture`: a line a frame on stdout, and its bytes below it when asked for.
// Lines leave in large pieces when nobody sits in front of them, and always whole. One thread.
#pragma once

#include <memory>

#include "tools/grayxdp/capture_output.h"
#include "userspace/packet/print.h"

namespace gray {

/// How the bytes of a frame are printed, from its IP header on or from the link header on.
struct BytesShown {
  enum class As { Nothing, Hex, HexAndText, Text };
  As as = As::Nothing;
  bool link_header = false;
};

/// With `by_line`, or on a terminal, what has come is shown at once.
std::unique_ptr<FrameOutput> print_frames(const PrintOptions& options, const BytesShown& bytes,
                                          bool by_line);

}  // namespace gray
