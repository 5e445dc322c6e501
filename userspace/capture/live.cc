// Puts program, sockets and attachment together, in the order in which nothing is lost: sockets
// first, the attachment last; and apart in the other one.
#include "userspace/capture/live.h"

#include <bpf/bpf.h>

#include <numeric>
#include <system_error>

#include "userspace/base/errors.h"
#include "userspace/capture/host.h"
#include "userspace/capture/tap.h"
#include "userspace/kernel/interface.h"

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

class TapCapture final : public LiveCapture {
 public:
  TapCapture(const LiveOptions& options, const InterfaceFacts& interface)
      : program_(options.program) {
    facts_.queues = wanted_queues(options, interface);
    facts_.zero_copy = options.zero_copy != ZeroCopy::Off;
    for (const std::uint32_t queue : facts_.queues) open(options, queue);
    attachment_ = program_.attach(interface.index, interface.name, options.xdp);
    facts_.attached = attachment_->how();
  }

  std::span<const std::unique_ptr<Source>> sources() override { return sources_; }
  const LiveFacts& facts() const noexcept override { return facts_; }
  Program& program() noexcept override { return program_; }
  void stop() noexcept override {
    attachment_.reset();
    for (const auto& source : sources_) source->stop();
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

  // Zero-copy where it is wanted and to be had. A refusal holds for the queues that follow, too;
  // the UMEM of a refused socket cannot be bound again and goes with it.
  std::unique_ptr<TapSource> bind(const LiveOptions& options, std::uint32_t queue) {
    const auto make = [&](BindMode mode) {
      return std::make_unique<TapSource>(options.interface, queue, options.frames_per_queue, mode);
    };
    if (options.zero_copy == ZeroCopy::Auto && options.xdp == XdpMode::Generic) {
      facts_.zero_copy = false;
      facts_.zero_copy_refusal = "not with generic XDP";
    }
    if (!facts_.zero_copy) return make(BindMode::Copy);
    try {
      return make(BindMode::ZeroCopy);
    } catch (const std::system_error& error) {
      if (!zero_copy_refused(error.code().value())) throw;
      if (options.zero_copy == ZeroCopy::On)
        throw std::runtime_error(options.interface + " has no zero-copy (" +
                                 error.code().message() + "): --zero-copy auto falls back to copy");
      facts_.zero_copy = false;
      facts_.zero_copy_refusal = error.code().message();
    }
    return make(BindMode::Copy);
  }

  TapProgram program_;
  LiveFacts facts_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<TapSource*> taps_;  // the same
  std::unique_ptr<Attachment> attachment_;
};

class HostCapture final : public LiveCapture {
 public:
  HostCapture(const LiveOptions& options, const InterfaceFacts& interface)
      : program_(options.program) {
    auto source =
        std::make_unique<HostSource>(interface.name, options.program.snaplen, program_.ring_fd());
    host_ = source.get();
    sources_.push_back(std::move(source));
    attachment_ = program_.attach(interface.index, interface.name);
    facts_.attached = attachment_->how();
  }

  std::span<const std::unique_ptr<Source>> sources() override { return sources_; }
  const LiveFacts& facts() const noexcept override { return facts_; }
  Program& program() noexcept override { return program_; }
  void stop() noexcept override {
    attachment_.reset();
    host_->stop();
  }

  void account(Ledger& ledger) const override {
    const Counters counters = program_.counters();
    ledger.add(kernel_stage("tc", counters));
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
    return std::make_unique<HostCapture>(options, interface);
  }
  if (!interface.up)
    throw UsageError(interface.name + " is down: ip link set " + interface.name + " up");
  if (interface.xdp_program != 0)
    throw UsageError(interface.name + " runs XDP program " + std::to_string(interface.xdp_program) +
                     " already: detach it (ip link set " + interface.name + " xdp off)");
  if (!options.force) refuse_if_in_use(interface);
  return std::make_unique<TapCapture>(options, interface);
}

}  // namespace gray
