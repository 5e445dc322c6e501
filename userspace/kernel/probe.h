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
  std::string name;
  bool ok = false;
  std::string found;       ///< "6.18.1", "yes", or the kernel's reason
  std::string needed_for;  ///< empty: nice to have
  std::string mend;        ///< what to do when it is not ok; a command where there is one
};
std::vector<Probe> probe_kernel();

}  // namespace gray
