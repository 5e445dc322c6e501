// What this machine's kernel can do for grayxdp, found by trying it: `doctor` shows it. Nothing is
// attached, nothing stays.
#pragma once

#include <string>
#include <vector>

namespace gray {

struct LibraryVersions {
  std::string libbpf;
  std::string libxdp;
  std::string libpcap;
};
LibraryVersions library_versions();

/// One thing that was tried. `needed_for` names the verbs or modes that cannot do without it.
struct Probe {
  std::string name;   ///< for programs, never changed: "bpf_jit"
  std::string label;  ///< for people: "BPF JIT"
  bool ok = false;
  std::string found;       ///< "6.18.1", "yes", or the kernel's reason
  std::string needed_for;  ///< empty: nice to have
  std::string mend;        ///< what to do when it is not ok; a command where there is one
};
/// Kernel, its configuration, limits, and the BPF features that grayxdp's programs need.
std::vector<Probe> probe_kernel();
/// One for each capability, with what it is needed for.
std::vector<Probe> probe_capabilities();
/// What stands between us and the machine: container, network namespace, seccomp.
std::vector<Probe> probe_confinement();

}  // namespace gray
