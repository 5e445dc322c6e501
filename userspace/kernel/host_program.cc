// bpf/host.bpf.c and bpf/host_xdp.bpf.c: sizing, loading, attaching to both directions.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <exception>
#include <stdexcept>
#include <utility>

#include "host.skel.h"
#include "host_xdp.skel.h"
#include "userspace/base/errors.h"
#include "userspace/base/fd.h"
#include "userspace/kernel/flow_size.h"
#include "userspace/kernel/programs.h"
#include "userspace/kernel/skeleton.h"
#include "userspace/kernel/tc.h"
#include "userspace/kernel/xdp_link.h"

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

// Shares `bytes` out; but as long as there are that many, no ring is too small for a few of the
// largest frames.
std::uint32_t bytes_of_one(std::uint32_t bytes, std::size_t rings) {
  constexpr std::uint32_t kLeast = 1 << 20;
  const auto share = std::bit_floor(bytes / static_cast<std::uint32_t>(rings));
  return std::max(share, std::min(bytes, kLeast));
}

std::vector<Fd> make_rings(std::size_t count, std::uint32_t bytes) {
  std::vector<Fd> rings;
  for (std::size_t i = 0; i < count; ++i) {
    const int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, bytes, nullptr);
    rings.emplace_back(check(fd, fmt::format("make a BPF ring buffer of {} bytes", bytes)));
  }
  return rings;
}

void touch_ring(int program_fd, std::uint32_t ring) {
  bpf_test_run_opts run{};
  do {
    run = {};
    run.sz = sizeof(run);
    run.ctx_in = &ring;
    run.ctx_size_in = sizeof(ring);
    check(bpf_prog_test_run_opts(program_fd, &run), "take a BPF ring buffer's pages into use");
  } while (run.retval != 0);
}

// The programs with one filter. Those at tc come first: the others are loaded on their maps.
class Copies {
 public:
  Copies(const Filter& filter, bool at_xdp)
      : tc_("host", host_bpf__create_skeleton, filter, FrameKind::Skb) {
    if (!at_xdp) return;
    check(bpf_program__set_autoload(tc_->progs.host_ingress, false), "choose the BPF programs");
    xdp_ = std::make_unique<Skeleton<host_xdp_bpf>>("host_xdp", host_xdp_bpf__create_skeleton,
                                                    filter, FrameKind::Xdp);
  }

  Skeleton<host_bpf>& tc() noexcept { return tc_; }
  void load() {
    tc_.load();
    if (!xdp_) return;
    (*xdp_)->rodata->flow_buckets = tc_->rodata->flow_buckets;
    (*xdp_)->rodata->wakeup_bytes = tc_->rodata->wakeup_bytes;
    share_maps(tc_->obj, (*xdp_)->obj);
    xdp_->load();
  }
  int ingress_fd() const noexcept {
    return bpf_program__fd(xdp_ ? (*xdp_)->progs.host_xdp : tc_->progs.host_ingress);
  }
  int egress_fd() const noexcept { return bpf_program__fd(tc_->progs.host_egress); }

 private:
  Skeleton<host_bpf> tc_;
  std::unique_ptr<Skeleton<host_xdp_bpf>> xdp_;
};

class XdpAndTcx final : public Attachment {
 public:
  XdpAndTcx(std::unique_ptr<Attachment> xdp, std::unique_ptr<Attachment> tcx, int ingress)
      : xdp_(std::move(xdp)), tcx_(std::move(tcx)), ingress_(ingress) {}
  std::string how() const override { return xdp_->how(); }
  void replace(std::span<const int> programs) override {
    xdp_->replace(programs.first(1));
    try {
      tcx_->replace(programs);
    } catch (const std::exception&) {
      xdp_->replace({&ingress_, 1});
      throw;
    }
    ingress_ = programs[0];
  }

 private:
  std::unique_ptr<Attachment> xdp_;
  std::unique_ptr<Attachment> tcx_;  // egress only
  int ingress_;                      // not owned
};

}  // namespace

struct HostProgram::State {
  State(const Filter& filter, bool at_xdp)
      : xdp_ingress(at_xdp), first(std::make_unique<Copies>(filter, at_xdp)) {}

  const Copies& now() const noexcept { return later ? *later : *first; }

  bool xdp_ingress;
  std::unique_ptr<Copies> first;  // has the maps
  std::unique_ptr<Copies> later;  // after set_filter(): has the programs
  std::vector<Fd> rings;
};

HostProgram::HostProgram(const ProgramOptions& options)
    : state_(std::make_unique<State>(options.filter, options.xdp_ingress)) {
  const gray_config config = make_config(options);
  const std::uint32_t ring_bytes = checked_ring_bytes(options.ring_bytes);
  auto& skeleton = state_->first->tc();
  const std::uint32_t buckets = size_flow_table(skeleton, options.flow_entries);
  const auto cpus = static_cast<std::uint32_t>(check(libbpf_num_possible_cpus(), "count the CPUs"));
  check(bpf_map__set_max_entries(skeleton->maps.rings, cpus), "size the list of rings");
  const std::size_t rings = std::min<std::size_t>(cpus, kMaxRings);
  const std::uint32_t one = bytes_of_one(ring_bytes, rings);
  skeleton->rodata->wakeup_bytes = static_cast<std::uint32_t>(one / kWakeupsPerRing);
  state_->first->load();
  state_->rings = make_rings(rings, one);
  for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
    const int fd = state_->rings[cpu % rings].get();
    check(bpf_map_update_elem(bpf_map__fd(skeleton->maps.rings), &cpu, &fd, BPF_ANY),
          fmt::format("give CPU {} its ring", cpu));
  }
  for (std::uint32_t ring = 0; ring < rings; ++ring)
    touch_ring(bpf_program__fd(skeleton->progs.touch_ring), ring);
  set_maps({.config = bpf_map__fd(skeleton->maps.config),
            .counters = bpf_map__fd(skeleton->maps.counters),
            .flows = map_flow_table(skeleton, buckets)});
  configure(config);
}

HostProgram::~HostProgram() = default;

std::unique_ptr<Attachment> HostProgram::attach(unsigned ifindex, const std::string& name,
                                                XdpMode mode) {
  if (state_->xdp_ingress) {
    const XdpMode wanted = mode == XdpMode::Auto ? XdpMode::Native : mode;
    auto xdp = attach_xdp(ingress_fd(), ifindex, name, wanted);
    auto tcx = attach_tcx({.egress = egress_fd()}, ifindex, name);
    if (!tcx) throw std::runtime_error("this kernel has no TCX (Linux 6.6): --ingress tc");
    return std::make_unique<XdpAndTcx>(std::move(xdp), std::move(tcx), ingress_fd());
  }
  const TcPrograms programs{.ingress = ingress_fd(), .egress = egress_fd()};
  if (auto links = attach_tcx(programs, ifindex, name)) return links;
  return attach_clsact(programs, ifindex, name);
}

void HostProgram::set_filter(const Filter& filter, Attachment* attached) {
  auto next = std::make_unique<Copies>(filter, state_->xdp_ingress);
  auto& tc = next->tc();
  const std::uint8_t has_expression = tc->rodata->has_expression;
  *tc->rodata = *state_->first->tc()->rodata;
  tc->rodata->has_expression = has_expression;
  share_maps(state_->first->tc()->obj, tc->obj);
  next->load();
  const std::array programs{next->ingress_fd(), next->egress_fd()};
  if (attached != nullptr) attached->replace(programs);
  state_->later = std::move(next);
}

std::vector<int> HostProgram::ring_fds() const {
  std::vector<int> fds;
  for (const Fd& ring : state_->rings) fds.push_back(ring.get());
  return fds;
}

int HostProgram::ingress_fd() const noexcept {
  return state_->now().ingress_fd();
}

int HostProgram::egress_fd() const noexcept {
  return state_->now().egress_fd();
}

}  // namespace gray
