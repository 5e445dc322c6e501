// The BPF programs of the two modes as objects: load, configure, attach, read. A program is
// attached as long as the Attachment lives; where the kernel has links, also a SIGKILL detaches it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bpf/shared.h"
#include "userspace/kernel/flow_map.h"
#include "userspace/kernel/selection.h"

namespace gray {

enum class XdpMode { Auto, Native, Generic };

/// Holds a program on an interface; letting go of it detaches.
class Attachment {
 public:
  virtual ~Attachment() = default;
  /// "native", "generic" (XDP); "tcx", "clsact" (tc).
  virtual std::string how() const = 0;
  /// Puts `programs`, in the order in which they were attached, into the place of those it holds.
  /// Every frame meets the old one or the new one. Throws std::system_error, and then holds the old
  /// ones.
  virtual void replace(std::span<const int> programs) = 0;
};

/// What both programs have: maps with the same names and layouts. Thread-safe where the kernel is.
class Program {
 public:
  virtual ~Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Replaces the configuration at once, for every frame from now on.
  void configure(const gray_config& config);
  gray_config config() const;
  /// The kill switch: one map write, and the kernel mirrors nothing.
  void set_enabled(bool enabled);
  /// Another share of the flows, 0…1, for every frame from now on.
  void set_share(double share);
  /// From now on frames are asked `filter`, also where `attached` (may be null) has the programs: a
  /// second copy of them is loaded on the same maps and takes over without missing a frame. That is
  /// about 0.1 s of CPU for the verifier, so not for a thread that has frames to fetch. Throws
  /// UsageError when the kernel cannot run it; then all is as before.
  virtual void set_filter(const Filter& filter, Attachment* attached) = 0;

  Counters counters() const;
  const FlowMap& flow_map() const noexcept { return maps_.flows; }
  /// A moment's copy of the flow table: of a million flows, 112 MB.
  std::vector<FlowRecord> flows() const;

 protected:
  struct Maps {
    int config = -1;
    int counters = -1;
    FlowMap flows;
  };
  Program() = default;
  void set_maps(Maps maps) { maps_ = std::move(maps); }

 private:
  void change(const std::function<void(gray_config&)>& edit);

  Maps maps_;
  std::mutex changing_;
};

/// bpf/tap.bpf.c: takes selected frames off a dedicated port into AF_XDP sockets.
class TapProgram final : public Program {
 public:
  /// Opens, sizes and loads; nothing is attached yet. With options.stamped_by the program can be
  /// attached to that interface only, in native mode only; EOPNOTSUPP: its driver stamps nothing.
  explicit TapProgram(const ProgramOptions& options);
  ~TapProgram() override;

  /// Refuses an interface that has an XDP program already (EBUSY, with its id in the message).
  /// Auto tries native, then generic.
  std::unique_ptr<Attachment> attach(unsigned ifindex, const std::string& name, XdpMode mode);
  /// Beside other XDP programs, by libxdp's dispatcher: see dispatcher.h. Before threads are made.
  /// Its filter stays as it is then.
  std::unique_ptr<Attachment> attach_beside_others(unsigned ifindex, const std::string& name,
                                                   XdpMode mode);
  void set_filter(const Filter& filter, Attachment* attached) override;

  /// Frames of more than `longest` bytes are counted as too_long from now on; at first it is
  /// GRAY_TAP_CHUNK, which every socket takes.
  void take_frames_up_to(std::uint32_t longest) noexcept;

  int xsks_fd() const noexcept;     ///< XSKMAP: RX queue → socket
  int program_fd() const noexcept;  ///< for BPF_PROG_TEST_RUN; another after set_filter()

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// bpf/host.bpf.c: copies selected frames of both directions into a BPF ring buffer; never touches
/// the frame itself. With options.xdp_ingress bpf/host_xdp.bpf.c has the ingress.
class HostProgram final : public Program {
 public:
  static constexpr std::size_t kMaxRings = 16;  ///< more CPUs than that share

  explicit HostProgram(const ProgramOptions& options);
  ~HostProgram() override;

  /// TCX links on ingress and egress; clsact filters of our own where the kernel has no TCX,
  /// removed again (with the qdisc, if we made it) by the Attachment. With options.xdp_ingress:
  /// XDP as `mode` says (Auto: native, for generic XDP costs production more than tc) and a TCX
  /// link, and how() is that of XDP. Throws runtime_error where there is no TCX, EBUSY where there
  /// is an XDP program.
  std::unique_ptr<Attachment> attach(unsigned ifindex, const std::string& name,
                                     XdpMode mode = XdpMode::Auto);
  void set_filter(const Filter& filter, Attachment* attached) override;

  /// BPF_MAP_TYPE_RINGBUF maps of gray_frame_meta + frame, one a CPU up to kMaxRings.
  std::vector<int> ring_fds() const;
  int ingress_fd() const noexcept;  ///< for BPF_PROG_TEST_RUN; another after set_filter()
  int egress_fd() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gray
