// What the two programs share: configuration, counters and the flow table, by map.
#include "userspace/kernel/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>

#include "userspace/base/errors.h"
#include "userspace/base/units.h"

namespace gray {
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
  change([enabled](gray_config& now) { now.enabled = enabled ? 1 : 0; });
}

void Program::set_share(double share) {
  change([share](gray_config& now) { now.sample_max = share_threshold(share); });
}

// The pause and the share are changed by different threads.
void Program::change(const std::function<void(gray_config&)>& edit) {
  const std::lock_guard lock(changing_);
  gray_config now = config();
  edit(now);
  configure(now);
}

Counters Program::counters() const {
  const auto cpus = static_cast<std::size_t>(check(libbpf_num_possible_cpus(), "count the CPUs"));
  std::vector<Counters> per_cpu(cpus);
  const std::uint32_t key = 0;
  check(bpf_map_lookup_elem(maps_.counters, &key, per_cpu.data()), "read the BPF counters");

  Counters sums{};
  for (const Counters& counted : per_cpu)
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += counted[i];
  return sums;
}

std::vector<FlowRecord> Program::flows() const {
  std::vector<FlowRecord> records;
  FlowRecord record;
  for (std::uint32_t slot = 0; slot < flow_map().slots(); ++slot)
    if (flow_map().read(slot, record)) records.push_back(record);
  return records;
}

}  // namespace gray
