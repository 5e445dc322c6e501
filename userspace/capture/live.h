// A live capture on one interface: program, attachment, and one source for each RX queue (tap) or
// one for the ring buffer (host). Set up and torn down by one thread; each source is then used by a
// thread of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "userspace/base/ledger.h"
#include "userspace/capture/source.h"
#include "userspace/kernel/programs.h"

namespace gray {

enum class CaptureMode { Host, Tap };
enum class ZeroCopy { Auto, On, Off };
/// Whose clock a frame's time is of. Auto is the hook's: a NIC's clock that nobody synchronises is
/// worse than a late one, and nothing in a file would show it.
enum class CaptureClock { Auto, Hook, Hardware };

struct LiveOptions {
  std::string interface;
  CaptureMode mode = CaptureMode::Host;
  ProgramOptions program;
  XdpMode xdp = XdpMode::Auto;
  ZeroCopy zero_copy = ZeroCopy::Auto;
  std::vector<std::uint32_t> queues;  ///< empty: all
  std::size_t umem_bytes = 64 << 20;  ///< tap: of each queue, a power of two
  bool busy_poll = false;
  CaptureClock clock = CaptureClock::Auto;
  bool with_dispatcher = false;  ///< tap: beside other XDP programs
  bool promiscuous = true;       ///< tap: take frames for other stations, too
  bool force = false;            ///< tap on an interface with an address or a route
};

/// What the kernel gave us.
struct LiveFacts {
  std::string attached;           ///< "native", "generic", "tcx", "clsact"
  std::string xdp_ingress;        ///< host: "native" or "generic"; empty: ingress at tc, too
  bool dispatcher = false;        ///< beside other XDP programs
  bool zero_copy = false;         ///< every queue got it
  std::string zero_copy_refusal;  ///< why not, when it was tried; empty otherwise
  bool multi_buffer = false;      ///< tap: frames of up to GRAY_TAP_MAX_FRAME bytes
  std::string multi_buffer_refusal;
  std::vector<std::uint32_t> queues;
  bool hardware_clock = false;  ///< tap: the driver can stamp frames, and is asked to
  std::size_t umem_bytes = 0;   ///< tap: of each queue
  bool huge_pages = false;      ///< tap: every UMEM lies on them
};

class LiveCapture {
 public:
  virtual ~LiveCapture() = default;

  virtual std::span<const std::unique_ptr<Source>> sources() = 0;
  virtual const LiveFacts& facts() const noexcept = 0;
  virtual Program& program() noexcept = 0;
  /// Frames are asked `filter` from now on, and none is missed meanwhile. Not while stop() runs.
  /// Throws as Program::set_filter(); then all is as before.
  virtual void set_filter(const Filter& filter) = 0;
  /// Detaches: no new frames. The sources then drain and end.
  virtual void stop() noexcept = 0;
  /// Frames with a time of the NIC's.
  virtual std::uint64_t hardware_stamped() const noexcept { return 0; }
  /// Frames lost between the kernel's program and the sources, so far.
  virtual std::uint64_t ring_lost() const noexcept { return 0; }
  /// Frames that came in several buffers.
  virtual std::uint64_t joined() const noexcept { return 0; }
  /// Busy polling was asked for, frames came, and the driver gave nothing to poll.
  virtual bool busy_poll_in_vain() const noexcept { return false; }
  /// Adds the kernel's stage ("xdp", "tc" or "xdp_tc") and the ring's ("rx_ring" or "ring_buffer").
  /// After stop(), when every source has ended.
  virtual void account(Ledger& ledger) const = 0;
};

/// Frames flow from here on. Throws UsageError for what the user can mend (no such interface, tap
/// on a live interface without force), std::system_error for what the kernel refuses.
std::unique_ptr<LiveCapture> open_live(const LiveOptions& options);

}  // namespace gray
