// Where frames come from: a tap port, a production host, a file. A source is used by one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "userspace/packet/packet.h"

namespace gray {

struct Interface {
  std::string name;
  std::string description;
  LinkType link = LinkType::Ethernet;
  std::uint32_t snaplen = 0;  ///< 0: no limit
};

class Source {
 public:
  virtual ~Source() = default;

  /// Waits up to `timeout` for frames and lends at most out.size() of them, in order of arrival.
  /// Their bytes stay valid until recycle() gets them back; Returns how many; 0 after a timeout, an
  /// interrupt, or at the end.
  virtual std::size_t receive(std::span<Frame> out, std::chrono::milliseconds timeout) = 0;
  /// Gives frames back, in any order, in any number of calls.
  virtual void recycle(std::span<const Frame> frames) noexcept = 0;

  /// Frames that can wait until receive() fetches them; 0: not known.
  virtual std::size_t ring_frames() const noexcept { return 0; }
  /// Takes no new frames in: after this, receive() only drains what is already there.
  virtual void stop() noexcept {}
  /// Nothing will come any more (end of file; a stopped, drained ring).
  virtual bool ended() const noexcept = 0;
  virtual std::span<const Interface> interfaces() const noexcept = 0;
};

}  // namespace gray
