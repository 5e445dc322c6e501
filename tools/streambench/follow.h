// Writes what each direction of each connection in a capture said, as grayxdp and as libtins put it
// together from the same segments, for scripts/compare-streams.py. One thread; a connection's bytes
// are in memory until the end, so it is no tool for large captures.
#pragma once

#include <string>

namespace gray {

/// Into `folder`, which is there: a file for each direction that has bytes, and INDEX, a line for
/// each file: who, from, to, file, where bytes are missing (OFFSET:LENGTH, by commas, or -), and the
/// sequence number of the first byte (- when it is not told).
/// Throws std::runtime_error or std::system_error.
void follow(const std::string& capture, const std::string& folder);

}  // namespace gray
