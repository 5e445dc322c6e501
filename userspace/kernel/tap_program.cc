// bpf/tap.bpf.c: loading, and attaching by a BPF link, which the kernel undoes when we are killed.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <array>

#include "tap.skel.h"
#include "userspace/base/errors.h"
#include "userspace/kernel/dispatcher.h"
#include "userspace/kernel/flow_size.h"
#include "userspace/kernel/programs.h"
#include "userspace/kernel/skeleton.h"
#include "userspace/kernel/xdp_link.h"

namespace gray {
namespace {

// What is bound so may call the driver's metadata functions.
void bind_to_device(Skeleton<tap_bpf>& skeleton, unsigned ifindex) {
  constexpr std::uint32_t kDeviceBoundOnly = 1U << 6;  // BPF_F_XDP_DEV_BOUND_ONLY, Linux 6.3
  bpf_program* program = skeleton->progs.tap_hw_ingress;
  check(bpf_program__set_autoload(skeleton->progs.tap_ingress, false), "choose the XDP program");
  check(bpf_program__set_autoload(program, true), "choose the XDP program");
  bpf_program__set_ifindex(program, ifindex);
  check(bpf_program__set_flags(program, bpf_program__flags(program) | kDeviceBoundOnly),
        "bind the XDP program to its interface");
}

}  // namespace

struct TapProgram::State {
  State(const Filter& wanted, unsigned device)
      : stamped_by(device), filter(wanted), first(open(wanted)) {}

  std::unique_ptr<Skeleton<tap_bpf>> open(const Filter& wanted) const {
    auto skeleton = std::make_unique<Skeleton<tap_bpf>>("tap", tap_bpf__create_skeleton, wanted,
                                                        FrameKind::Xdp);
    if (stamped_by != 0) bind_to_device(*skeleton, stamped_by);
    return skeleton;
  }
  int program_fd(const Skeleton<tap_bpf>& skeleton) const {
    return bpf_program__fd(stamped_by != 0 ? skeleton->progs.tap_hw_ingress
                                           : skeleton->progs.tap_ingress);
  }
  const Skeleton<tap_bpf>& now() const noexcept { return later ? *later : *first; }

  unsigned stamped_by;  // the interface the program is bound to, or 0
  Filter filter;
  std::unique_ptr<Skeleton<tap_bpf>> first;  // has the maps
  std::unique_ptr<Skeleton<tap_bpf>> later;  // after set_filter(): has the program
};

TapProgram::TapProgram(const ProgramOptions& options)
    : state_(std::make_unique<State>(options.filter, options.stamped_by)) {
  const gray_config config = make_config(options);
  auto& skeleton = *state_->first;
  const std::uint32_t buckets = size_flow_table(skeleton, options.flow_entries);
  skeleton.load();
  set_maps({.config = bpf_map__fd(skeleton->maps.config),
            .counters = bpf_map__fd(skeleton->maps.counters),
            .flows = map_flow_table(skeleton, buckets)});
  configure(config);
}

TapProgram::~TapProgram() = default;

std::unique_ptr<Attachment> TapProgram::attach(unsigned ifindex, const std::string& name,
                                               XdpMode mode) {
  const bool only_native = state_->stamped_by != 0 && mode == XdpMode::Auto;
  return attach_xdp(program_fd(), ifindex, name, only_native ? XdpMode::Native : mode);
}

void TapProgram::take_frames_up_to(std::uint32_t longest) noexcept {
  (*state_->first)->data->longest = longest;
}

void TapProgram::set_filter(const Filter& filter, Attachment* attached) {
  auto next = state_->open(filter);
  (*next)->rodata->flow_buckets = (*state_->first)->rodata->flow_buckets;
  share_maps((*state_->first)->obj, (*next)->obj);
  next->load();
  const std::array programs{state_->program_fd(*next)};
  if (attached != nullptr) attached->replace(programs);
  state_->later = std::move(next);
  state_->filter = filter;
}

// libxdp loads a program itself, as an extension of its dispatcher: a second copy of ours, which
// works on the maps of the first.
std::unique_ptr<Attachment> TapProgram::attach_beside_others(unsigned ifindex,
                                                             const std::string& name,
                                                             XdpMode mode) {
  const auto twin = state_->open(state_->filter);
  (*twin)->rodata->flow_buckets = (*state_->first)->rodata->flow_buckets;
  share_maps((*state_->first)->obj, (*twin)->obj);
  return join_dispatcher((*twin)->obj, ifindex, name, mode);
}

int TapProgram::xsks_fd() const noexcept {
  return bpf_map__fd((*state_->first)->maps.xsks);
}

int TapProgram::program_fd() const noexcept {
  return state_->program_fd(state_->now());
}

}  // namespace gray
