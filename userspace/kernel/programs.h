// The two BPF programs as objects: load, configure, attach, read. A program is attached as long as
// the Attachment lives; where the kernel has links, also a SIGKILL detaches it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bpf/shared.h"
#include "userspace/kernel/selection.h"

namespace gray {

enum class XdpMode { Auto, Native, Generic };

/// Holds a program on an interface; letting go of it detaches.
class Attachment {
 public:
  virtual ~Attachment() = default;
  /// "native", "generic" (XDP); "tcx", "clsact" (tc).
  virtual std::string how() const = 0;
};

struct FlowRecord {
  std::uint64_t tag = 0;
  gray_flow flow{};
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

  Counters counters() const;
  /// A moment's copy of the flow table.
  std::vector<FlowRecord> flows() const;

 protected:
  struct Maps {
    int config = -1;
    int counters = -1;
    int flows = -1;
  };
  Program() = default;
  void set_maps(const Maps& maps) { maps_ = maps; }

 private:
  Maps maps_;
};

/// bpf/tap.bpf.c: takes selected frames off a dedicated port into AF_XDP sockets.
class TapProgram final : public Program {
 public:
  /// Opens, sizes and loads; nothing is attached yet.
  explicit TapProgram(const ProgramOptions& options);
  ~TapProgram() override;

  /// Refuses an interface that has an XDP program already (EBUSY, with its id in the message).
  /// Auto tries native, then generic.
  std::unique_ptr<Attachment> attach(unsigned ifindex, const std::string& name, XdpMode mode);

  int xsks_fd() const noexcept;     ///< XSKMAP: RX queue → socket
  int program_fd() const noexcept;  ///< for BPF_PROG_TEST_RUN

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// bpf/host.bpf.c: copies selected frames of both directions into a BPF ring buffer; never touches
/// the frame itself.
class HostProgram final : public Program {
 public:
  explicit HostProgram(const ProgramOptions& options);
  ~HostProgram() override;

  /// TCX links on ingress and egress; clsact filters of our own where the kernel has no TCX,
  /// removed again (with the qdisc, if we made it) by the Attachment.
  std::unique_ptr<Attachment> attach(unsigned ifindex, const std::string& name);

  int ring_fd() const noexcept;     ///< BPF_MAP_TYPE_RINGBUF of gray_frame_meta + frame
  int ingress_fd() const noexcept;  ///< for BPF_PROG_TEST_RUN
  int egress_fd() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gray
