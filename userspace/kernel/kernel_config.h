// The configuration that the running kernel was built with, where the machine shows it.
#pragma once

#include <map>
#include <string>

namespace gray {

struct KernelConfig {
  std::string source;                         ///< the file; "" when none can be read
  std::map<std::string, std::string> values;  ///< "CONFIG_BPF" → "y"; what is not set is not there

  bool has(const std::string& name) const { return values.count(name) != 0; }
};

/// From /proc/config.gz, /boot/config-RELEASE or /lib/modules/RELEASE/config.
KernelConfig read_kernel_config();

/// Lines "CONFIG_X=value"; all others are skipped.
std::map<std::string, std::string> parse_kernel_config(const std::string& text);

}  // namespace gray
