// A way for frames out of an interface: AF_XDP where it can be had, a packet socket else. Frames
// are staged ahead of their time, handed over by send() at their time, and reported by reap() when
// they have left. One thread uses a port; nothing in it blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace gray {

enum class TxVia { Auto, Xdp, Packet };
enum class TxZeroCopy { Auto, On, Off };

struct TxOptions {
  std::string interface;
  std::uint32_t queue = 0;
  std::size_t max_frame = 1518;  ///< bytes of the longest frame that will be staged
  TxVia via = TxVia::Auto;
  TxZeroCopy zero_copy = TxZeroCopy::Auto;
  bool timestamps = true;  ///< ask for the time of each departure
};

/// What came of the options.
struct TxFacts {
  bool xdp = false;
  bool zero_copy = false;
  bool timestamps = false;  ///< asked for and accepted; the driver may still give none
  std::string why_not;      ///< why it is not AF_XDP, or not zero-copy; empty when it is
};

/// A frame that has left, or that the kernel gave up on.
struct Departure {
  std::uint32_t slot = 0;     ///< as stage() gave it
  std::uint64_t time_ns = 0;  ///< CLOCK_TAI, or the NIC's clock; 0: not known
};

/// Frames that have departed so far.
struct TxCounts {
  std::uint64_t completed = 0;  ///< with dropped
  std::uint64_t dropped = 0;    ///< completed, but the kernel says that they did not leave
  std::uint64_t rejected = 0;   ///< refused by the packet socket
};

class TxPort {
 public:
  virtual ~TxPort() = default;

  /// Copies a frame of 1 to TxOptions::max_frame bytes to where the kernel takes it from; gives its
  /// slot, which is its own until it departs. Nothing when every slot is taken: reap() first.
  virtual std::optional<std::uint32_t> stage(std::span<const std::uint8_t> frame) noexcept = 0;
  /// Hands over what is staged, and what the kernel did not take the last time: call it again as
  /// long as frames are in flight and reap() gives none.
  virtual void send() noexcept = 0;
  /// Takes back what is staged and not handed over; its slots are free again.
  virtual void cancel() noexcept = 0;
  /// Takes up to out.size() departures and frees their slots.
  virtual std::size_t reap(std::span<Departure> out) noexcept = 0;

  /// The slots' numbers are below this.
  virtual std::uint32_t slots() const noexcept = 0;
  virtual const TxCounts& counts() const noexcept = 0;
  /// The errno that ended the port (ENETDOWN, ENXIO, …); 0 while it works.
  virtual int failure() const noexcept = 0;
  virtual const TxFacts& facts() const noexcept = 0;
};

/// Throws std::system_error when neither way can be had, or not the one that was asked for, and
/// UsageError when there is no such interface.
std::unique_ptr<TxPort> open_tx_port(const TxOptions& options);

/// Frames of anyone's that the interface's driver has dropped on their way out, since it was made;
/// 0 when there is no such interface any more.
std::uint64_t read_tx_drops(const std::string& interface);

}  // namespace gray
