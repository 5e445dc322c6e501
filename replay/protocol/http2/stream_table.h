// The open streams of one HTTP/2 connection. Makes their exchanges, gives each out when both of its
// sides have ended, and forgets it then. Bounded: with too many open, the oldest goes out as it is.
// One thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "replay/protocol/http2/stream.h"
#include "replay/protocol/registry.h"

namespace gray::http2 {

class StreamTable {
 public:
  StreamTable(const Connection& connection, const ConnectionNames& names, ProtocolContext& context)
      : connection_(connection), names_(names), context_(context) {}
  ~StreamTable();

  void set_client(unsigned side) noexcept { client_ = side; }
  /// From now on, not all of the client's frames are known to have been seen.
  void requests_lost() noexcept { requests_lost_ = true; }
  /// Whether the server has said anything; without it, nothing waits for answers.
  void server_seen() noexcept { server_seen_ = true; }

  Stream* find(std::uint32_t id) noexcept;
  /// A stream that is not there yet. `offset` is where in its direction it begins.
  Stream& begin(std::uint32_t id, std::uint64_t offset, std::uint64_t now_ns) noexcept;
  /// The exchange of an upgrade from HTTP/1 is stream 1 (RFC 7540 section 3.2).
  void adopt(Upgrade&& upgrade) noexcept;

  /// Gives the stream out when both sides have ended.
  void settle(std::uint32_t id) noexcept;
  void give_out(std::uint32_t id) noexcept;
  /// Gives out all whose `wanted(id, stream)` is true.
  template <class Wanted>
  void give_out_if(Wanted wanted) noexcept {
    for (auto at = streams_.begin(); at != streams_.end();)
      at = wanted(at->first, at->second) ? give_out(at) : std::next(at);
  }
  template <class Job>
  void for_each(Job job) noexcept {
    for (auto& [id, stream] : streams_) job(stream);
  }

  /// Frames of this stream may still be on their way: they mean nothing.
  void forget_late(std::uint32_t id) noexcept;
  bool late(std::uint32_t id) const noexcept;

 private:
  using Streams = std::map<std::uint32_t, Stream>;

  Streams::iterator give_out(Streams::iterator at) noexcept;
  void make_room(std::uint64_t now_ns) noexcept;
  bool is_over(const Stream& stream) const noexcept;

  const Connection& connection_;
  const ConnectionNames& names_;
  ProtocolContext& context_;
  Streams streams_;
  std::array<std::uint32_t, 64> late_{};  // a ring
  std::uint32_t next_late_ = 0;
  std::uint32_t positions_ = 0;
  unsigned client_ = 0;
  bool requests_lost_ = false;
  bool server_seen_ = false;
};

}  // namespace gray::http2
