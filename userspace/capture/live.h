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

struct LiveOptions {
  std::string interface;
  CaptureMode mode = CaptureMode::Host;
  ProgramOptions program;
  XdpMode xdp = XdpMode::Auto;
  ZeroCopy zero_copy = ZeroCopy::Auto;
  std::vector<std::uint32_t> queues;       ///< empty: all
  std::uint32_t frames_per_queue = 16384;  ///< UMEM frames, a power of two
  bool busy_poll = false;
  bool force = false;  ///< tap on an interface with an address or a route
};

/// What the kernel gave us.
struct LiveFacts {
  std::string attached;           ///< "native", "generic", "tcx", "clsact"
  bool zero_copy = false;         ///< every queue got it
  std::string zero_copy_refusal;  ///< why not, when it was tried; empty otherwise
  std::vector<std::uint32_t> queues;
};

class LiveCapture {
 public:
  virtual ~LiveCapture() = default;

  virtual std::span<const std::unique_ptr<Source>> sources() = 0;
  virtual const LiveFacts& facts() const noexcept = 0;
  virtual Program& program() noexcept = 0;
  /// Detaches: no new frames. The sources then drain and end.
  virtual void stop() noexcept = 0;
  /// Adds the kernel's stage ("xdp" or "tc") and the ring's ("rx_ring" or "ring_buffer"). After
  /// stop(), when every source has ended.
  virtual void account(Ledger& ledger) const = 0;
};

/// Frames flow from here on. Throws UsageError for what the user can mend (no such interface, tap
/// on a live interface without force), std::system_error for what the kernel refuses.
std::unique_ptr<LiveCapture> open_live(const LiveOptions& options);

}  // namespace gray
