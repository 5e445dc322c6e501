// bpf/host.bpf.c: sizing, loading, attaching to both directions.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "host.skel.h"
#include "userspace/base/errors.h"
#include "userspace/kernel/programs.h"
#include "userspace/kernel/skeleton.h"
#include "userspace/kernel/tc.h"

namespace gray {
namespace {

// The reader is woken this often while the ring fills; between, it looks by itself.
constexpr std::uint64_t kWakeupsPerRing = 32;

std::uint32_t checked_ring_bytes(std::uint64_t bytes) {
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  if (!std::has_single_bit(bytes) || bytes < page || bytes > (1ULL << 31))
    throw UsageError(
        fmt::format("a ring of {} bytes: it must be a power of two from {} to 2 GiB, 32MiB for one",
                    bytes, page));
  return static_cast<std::uint32_t>(bytes);
}

}  // namespace

struct HostProgram::State {
  Skeleton<host_bpf> skeleton{"host"};
};

HostProgram::HostProgram(const ProgramOptions& options) : state_(std::make_unique<State>()) {
  const gray_config config = make_config(options);
  const std::uint32_t ring_bytes = checked_ring_bytes(options.ring_bytes);
  auto& skeleton = state_->skeleton;
  check(bpf_map__set_max_entries(skeleton->maps.flows, options.flow_entries),
        "size the flow table");
  check(bpf_map__set_max_entries(skeleton->maps.ring, ring_bytes), "size the ring buffer");
  skeleton->rodata->wakeup_bytes = static_cast<std::uint32_t>(ring_bytes / kWakeupsPerRing);
  skeleton.load();
  set_maps({.config = bpf_map__fd(skeleton->maps.config),
            .counters = bpf_map__fd(skeleton->maps.counters),
            .flows = bpf_map__fd(skeleton->maps.flows)});
  configure(config);
}

HostProgram::~HostProgram() = default;

std::unique_ptr<Attachment> HostProgram::attach(unsigned ifindex, const std::string& name) {
  const TcPrograms programs{.ingress = ingress_fd(), .egress = egress_fd()};
  if (auto links = attach_tcx(programs, ifindex, name)) return links;
  return attach_clsact(programs, ifindex, name);
}

int HostProgram::ring_fd() const noexcept {
  return bpf_map__fd(state_->skeleton->maps.ring);
}

int HostProgram::ingress_fd() const noexcept {
  return bpf_program__fd(state_->skeleton->progs.host_ingress);
}

int HostProgram::egress_fd() const noexcept {
  return bpf_program__fd(state_->skeleton->progs.host_egress);
}

}  // namespace gray
