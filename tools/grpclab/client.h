// The shop's customer: calls of all four kinds over one connection, each with its number as
// metadata and a JSON line about it as the program saw it. Threads of its own.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace gray::grpclab {

struct ClientOptions {
  std::string server = "127.0.0.1:50051";
  std::vector<std::string> methods = {"Get", "Search", "Buy", "Talk"};  ///< in turns
  std::uint64_t calls = 0;   ///< 0: until `seconds` are over
  double seconds = 0;        ///< 0: until `calls` are made
  double rate = 0;           ///< calls a second; 0: as fast as they are answered
  unsigned at_once = 1;      ///< calls under way at a time
  unsigned messages = 3;     ///< in a stream
  unsigned gap_ms = 0;       ///< between the client's messages of a stream, and before its end
  unsigned note_bytes = 40;  ///< in each message
  unsigned fail_every = 0;   ///< each so manieth call is one that the server refuses; 0: none
  unsigned deadline_ms = 10'000;
  bool gzip = false;  ///< requests are compressed
};

/// Writes the lines to `log`; returns how many calls ended with a status that was not to be
/// expected.
std::uint64_t run_client(const ClientOptions& options, std::ostream& log);

}  // namespace gray::grpclab
