// What the two programs share: configuration, counters and the flow table, by map.
#include "userspace/kernel/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <array>

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
  Counters sums{};
  std::vector<std::uint64_t> per_cpu(
      static_cast<std::size_t>(check(libbpf_num_possible_cpus(), "count the CPUs")));
  for (std::uint32_t id = 0; id < sums.size(); ++id) {
    check(bpf_map_lookup_elem(maps_.counters, &id, per_cpu.data()), "read the BPF counters");
    for (const std::uint64_t value : per_cpu) sums[id] += value;
  }
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
