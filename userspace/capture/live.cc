// Puts program, sockets and attachment together, in the order in which nothing is lost: sockets
// first, the attachment last; and apart in the other one.
#include "userspace/capture/live.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <system_error>

#include "userspace/base/errors.h"
#include "userspace/capture/host.h"
#include "userspace/capture/tap.h"
#include "userspace/kernel/interface.h"
#include "userspace/kernel/promiscuous.h"

namespace gray {
namespace {

void refuse_if_in_use(const InterfaceFacts& facts) {
  if (facts.addresses.empty() && facts.routes.empty()) return;
  const std::string use = facts.addresses.empty()
                              ? "carries the route " + facts.routes.front()
                              : "has the address " + facts.addresses.front().to_string();
  throw UsageError("tap takes the frames away from " + facts.name + ", which " + use +
                   ": use --mode host there, or --force to cut it off");
}

void refuse_other_xdp(const InterfaceFacts& facts, const std::string& instead) {
  if (facts.xdp_program != 0)
    throw UsageError(facts.name + " runs XDP program " + std::to_string(facts.xdp_program) +
                     " already: detach it (ip link set " + facts.name + " xdp off), or " + instead);
}

std::vector<std::uint32_t> wanted_queues(const LiveOptions& options, const InterfaceFacts& facts) {
  const std::uint32_t last = facts.rx_queues - 1;
  for (const std::uint32_t queue : options.queues)
    if (queue > last)
      throw UsageError(facts.name + " has no queue " + std::to_string(queue) + ": its last is " +
                       std::to_string(last));
  std::vector<std::uint32_t> queues = options.queues;
  if (queues.empty()) {
    queues.resize(facts.rx_queues);
    std::iota(queues.begin(), queues.end(), 0);
  }
  for (const std::uint32_t queue : queues)
    if (queue >= GRAY_MAX_QUEUES)
      throw UsageError(facts.name + " has more than the " + std::to_string(GRAY_MAX_QUEUES) +
                       " queues that a tap serves: lower them with ethtool -L");
  return queues;
}

bool zero_copy_wanted(const LiveOptions& options) {
  return options.zero_copy == ZeroCopy::On ||
         (options.zero_copy == ZeroCopy::Auto && options.xdp != XdpMode::Generic);
}

constexpr std::uint32_t kLinkHeaders = 14 + GRAY_MAX_VLANS * 4;

// Small frames where they hold every frame of the MTU: the same memory then bridges twice the time.
std::uint32_t frame_size_for(const InterfaceFacts& facts) {
  const bool small = facts.mtu + kLinkHeaders <= GRAY_TAP_SMALL_FRAME_SIZE - GRAY_TAP_HEADROOM;
  return small ? GRAY_TAP_SMALL_FRAME_SIZE : GRAY_TAP_FRAME_SIZE;
}

// How the sockets may be bound, the best first. Zero-copy comes before multi-buffer where a chunk
// holds every frame of the MTU: few drivers have both.
std::vector<BindOptions> ways_to_bind(const LiveOptions& options, const InterfaceFacts& facts) {
  const bool fits = facts.mtu + kLinkHeaders <= GRAY_TAP_CHUNK;
  std::vector<BindOptions> ways;
  if (zero_copy_wanted(options)) {
    ways.push_back({BindMode::ZeroCopy, true});
    if (fits || options.zero_copy == ZeroCopy::On) ways.push_back({BindMode::ZeroCopy, false});
  }
  ways.push_back({BindMode::Copy, true});
  ways.push_back({BindMode::Copy, false});
  return ways;
}

TapProgram load_program(const LiveOptions& options, const InterfaceFacts& interface) {
  ProgramOptions program = options.program;
  if (options.clock == CaptureClock::Hardware) {
    if (options.xdp == XdpMode::Generic)
      throw UsageError("--clock hardware needs the driver's own XDP: not --xdp generic");
    program.stamped_by = interface.index;
  }
  try {
    return TapProgram(program);
  } catch (const std::system_error& error) {
    if (program.stamped_by == 0 || error.code().value() != EOPNOTSUPP) throw;
    throw std::runtime_error("the driver of " + interface.name +
                             " gives no receive timestamps: --clock hook takes the time itself");
  }
}

class TapCapture final : public LiveCapture {
 public:
  TapCapture(const LiveOptions& options, const InterfaceFacts& interface)
      : program_(load_program(options, interface)),
        clock_(options.clock),
        umem_{options.umem_bytes, frame_size_for(interface)},
        ways_(ways_to_bind(options, interface)) {
    facts_.queues = wanted_queues(options, interface);
    if (options.zero_copy == ZeroCopy::Auto && !zero_copy_wanted(options))
      facts_.zero_copy_refusal = "not with generic XDP";
    for (const std::uint32_t queue : facts_.queues) open(options, queue);
    if (options.promiscuous) promiscuous_.emplace(interface.index, interface.name);
    const std::uint32_t in_one_chunk = umem_.frame_size - GRAY_TAP_HEADROOM;
    program_.take_frames_up_to(ways_.front().multi_buffer ? std::uint32_t{GRAY_TAP_MAX_FRAME}
                                                          : in_one_chunk);
    facts_.dispatcher = options.with_dispatcher;
    attachment_ = options.with_dispatcher
                      ? program_.attach_beside_others(interface.index, interface.name, options.xdp)
                      : program_.attach(interface.index, interface.name, options.xdp);
    state_facts();
  }

  std::span<const std::unique_ptr<Source>> sources() override { return sources_; }
  const LiveFacts& facts() const noexcept override { return facts_; }
  Program& program() noexcept override { return program_; }
  void set_filter(const Filter& filter) override { program_.set_filter(filter, attachment_.get()); }
  void stop() noexcept override {
    attachment_.reset();
    for (const auto& source : sources_) source->stop();
  }

  std::uint64_t hardware_stamped() const noexcept override {
    std::uint64_t sum = 0;
    for (const TapSource* tap : taps_) sum += tap->hardware_stamped();
    return sum;
  }
  std::uint64_t joined() const noexcept override {
    std::uint64_t sum = 0;
    for (const TapSource* tap : taps_) sum += tap->joined();
    return sum;
  }
  bool busy_poll_in_vain() const noexcept override {
    return std::any_of(taps_.begin(), taps_.end(), [](const TapSource* tap) {
      return tap->socket().busy_polls() && tap->received() > 0 && !tap->socket().knows_napi();
    });
  }

  std::uint64_t ring_lost() const noexcept override {
    std::uint64_t lost = 0;
    for (const TapSource* tap : taps_) lost += tap->socket().lost();
    return lost;
  }

  void account(Ledger& ledger) const override {
    const Counters counters = program_.counters();
    ledger.add(kernel_stage("xdp", counters));
    Stage ring{.name = "rx_ring", .in = counters[GRAY_CAPTURED]};
    std::uint64_t ring_full = 0;
    std::uint64_t no_frame = 0;
    for (const TapSource* tap : taps_) {
      const xdp_statistics statistics = tap->socket().statistics();
      ring.out += tap->received();
      ring_full += statistics.rx_ring_full;
      no_frame += statistics.rx_dropped;
    }
    ring.drops = {{"ring_full", ring_full, DropKind::Loss}, {"no_frame", no_frame, DropKind::Loss}};
    ledger.add(std::move(ring));
  }

 private:
  void open(const LiveOptions& options, std::uint32_t queue) {
    auto source = bind(options, queue);
    if (options.busy_poll) source->socket().prefer_busy_poll();
    const int fd = source->socket().fd();
    check(bpf_map_update_elem(program_.xsks_fd(), &queue, &fd, BPF_ANY),
          "hand queue " + std::to_string(queue) + " of " + options.interface + " to its socket");
    taps_.push_back(source.get());
    sources_.push_back(std::move(source));
  }

  // The best of the ways that are left. A refusal holds for the queues that follow, too; the UMEM
  // of a refused socket cannot be bound again and goes with it.
  std::unique_ptr<TapSource> bind(const LiveOptions& options, std::uint32_t queue) {
    while (true) {
      try {
        return std::make_unique<TapSource>(options.interface, queue, umem_, ways_.front());
      } catch (const std::system_error& error) {
        if (!bind_refused(error.code().value()) || ways_.size() == 1) throw;
        note_refusal(options, error.code().message());
      }
    }
  }

  void note_refusal(const LiveOptions& options, const std::string& reason) {
    const BindOptions refused = ways_.front();
    ways_.erase(ways_.begin());
    const BindOptions& next = ways_.front();
    if (refused.mode != next.mode) {
      if (options.zero_copy == ZeroCopy::On)
        throw std::runtime_error(options.interface + " has no zero-copy (" + reason +
                                 "): --zero-copy auto falls back to copy");
      facts_.zero_copy_refusal = reason;
      facts_.multi_buffer_refusal.clear();
    } else if (refused.multi_buffer) {
      facts_.multi_buffer_refusal = reason;
    }
  }

  void state_facts() {
    facts_.zero_copy = ways_.front().mode == BindMode::ZeroCopy;
    facts_.multi_buffer = ways_.front().multi_buffer;
    facts_.hardware_clock = clock_ == CaptureClock::Hardware;
    facts_.attached = attachment_->how();
    facts_.umem_bytes = taps_.front()->umem().bytes();
    facts_.huge_pages = std::all_of(taps_.begin(), taps_.end(),
                                    [](const TapSource* tap) { return tap->umem().huge_pages(); });
  }

  TapProgram program_;
  CaptureClock clock_;
  UmemSize umem_;
  std::vector<BindOptions> ways_;  // to bind a socket, the best first; those refused are gone
  LiveFacts facts_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<TapSource*> taps_;  // the same
  std::optional<Promiscuous> promiscuous_;
  std::unique_ptr<Attachment> attachment_;
};

class HostCapture final : public LiveCapture {
 public:
  HostCapture(const LiveOptions& options, const InterfaceFacts& interface)
      : program_(options.program) {
    auto source =
        std::make_unique<HostSource>(interface.name, options.program.snaplen, program_.ring_fds());
    host_ = source.get();
    sources_.push_back(std::move(source));
    attachment_ = program_.attach(interface.index, interface.name, options.xdp);
    if (options.program.xdp_ingress) facts_.xdp_ingress = attachment_->how();
    facts_.attached = options.program.xdp_ingress ? "tcx" : attachment_->how();
  }

  std::span<const std::unique_ptr<Source>> sources() override { return sources_; }
  const LiveFacts& facts() const noexcept override { return facts_; }
  Program& program() noexcept override { return program_; }
  void set_filter(const Filter& filter) override { program_.set_filter(filter, attachment_.get()); }
  void stop() noexcept override {
    attachment_.reset();
    host_->stop();
  }

  void account(Ledger& ledger) const override {
    const Counters counters = program_.counters();
    ledger.add(kernel_stage(facts_.xdp_ingress.empty() ? "tc" : "xdp_tc", counters));
    ledger.add({.name = "ring_buffer", .in = counters[GRAY_CAPTURED], .out = host_->received()});
  }

 private:
  HostProgram program_;
  LiveFacts facts_;
  std::vector<std::unique_ptr<Source>> sources_;
  HostSource* host_ = nullptr;  // the same
  std::unique_ptr<Attachment> attachment_;
};

}  // namespace

std::unique_ptr<LiveCapture> open_live(const LiveOptions& options) {
  const InterfaceFacts interface = read_interface(options.interface);
  if (!interface.ethernet)
    throw UsageError(interface.name +
                     " has no Ethernet frames, and others are not captured live yet: choose the "
                     "interface below it");
  if (options.mode == CaptureMode::Host) {
    if (!options.queues.empty()) throw UsageError("--queues is for --mode tap");
    if (options.clock == CaptureClock::Hardware)
      throw UsageError("--clock hardware is for --mode tap: tc is told of no hardware time");
    if (options.with_dispatcher) throw UsageError("--with-dispatcher is for --mode tap");
    if (options.program.xdp_ingress)
      refuse_other_xdp(interface, "let tc have the ingress (--ingress tc)");
    return std::make_unique<HostCapture>(options, interface);
  }
  if (options.program.xdp_ingress) throw UsageError("--ingress is for --mode host");
  if (options.with_dispatcher && options.clock == CaptureClock::Hardware)
    throw UsageError("--with-dispatcher and --clock hardware exclude each other");
  if (!interface.up)
    throw UsageError(interface.name + " is down: ip link set " + interface.name + " up");
  if (!options.with_dispatcher)
    refuse_other_xdp(interface, "join it by libxdp's dispatcher (--with-dispatcher)");
  if (!options.force) refuse_if_in_use(interface);
  return std::make_unique<TapCapture>(options, interface);
}

}  // namespace gray
