// What the two programs share: configuration, counters and the flow table, by map.
#include "userspace/kernel/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <array>
#include <cerrno>

#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr std::uint32_t kFlowBatch = 4096;  // more than a hash bucket ever holds

}  // namespace

void Program::configure(const gray_config& config) {
  const std::uint32_t key = 0;
  check(bpf_map_update_elem(maps_.config, &key, &config, BPF_ANY), "write the BPF configuration");
}

gray_config Program::config() const {
  const std::uint32_t key = 0;
  gray_config config{};
  check(bpf_map_lookup_elem(maps_.config, &key, &config), "read the BPF configuration");
  return config;
}

void Program::set_enabled(bool enabled) {
  gray_config now = config();
  now.enabled = enabled ? 1 : 0;
  configure(now);
}

Counters Program::counters() const {
  const auto cpus = static_cast<std::size_t>(check(libbpf_num_possible_cpus(), "count the CPUs"));
  std::array<std::uint32_t, GRAY_COUNTER_MAX> ids{};
  std::vector<std::uint64_t> per_cpu(cpus * ids.size());
  std::uint32_t position = 0;
  auto count = static_cast<std::uint32_t>(ids.size());
  const int result = bpf_map_lookup_batch(maps_.counters, nullptr, &position, ids.data(),
                                          per_cpu.data(), &count, nullptr);
  if (result != -ENOENT) check(result, "read the BPF counters");  // ENOENT: and that was the end

  Counters sums{};
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t cpu = 0; cpu < cpus; ++cpu) sums.at(ids[i]) += per_cpu[i * cpus + cpu];
  return sums;
}

std::vector<FlowRecord> Program::flows() const {
  std::vector<FlowRecord> records;
  std::vector<std::uint64_t> tags(kFlowBatch);
  std::vector<gray_flow> values(kFlowBatch);
  std::uint64_t position = 0;
  bool started = false;
  for (bool more = true; more;) {
    std::uint32_t count = kFlowBatch;
    const int result = bpf_map_lookup_batch(maps_.flows, started ? &position : nullptr, &position,
                                            tags.data(), values.data(), &count, nullptr);
    if (result != 0 && result != -ENOENT) check(result, "read the flow table");
    for (std::uint32_t i = 0; i < count; ++i) records.push_back({tags[i], values[i]});
    more = result == 0;
    started = true;
  }
  return records;
}

}  // namespace gray
