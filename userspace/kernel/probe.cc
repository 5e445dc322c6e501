#include "userspace/kernel/probe.h"

#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include <cstdio>
#include <cstring>
#include <fstream>

#include "userspace/base/fd.h"
#include "userspace/base/units.h"
#include "userspace/kernel/attached.h"
#include "userspace/kernel/kernel_config.h"

// From <pcap/pcap.h>, which defines struct bpf_insn its own way, so that it and <linux/bpf.h>
// cannot both be included.
extern "C" const char* pcap_lib_version(void);

namespace gray {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// libxdp does not tell its version; the name of the file it was loaded from does: libxdp.so.1.3.1.
std::string version_of_loaded_library(const void* symbol) {
  Dl_info info{};
  if (dladdr(symbol, &info) == 0 || info.dli_fname == nullptr) return "unknown";
  char path[4096];
  if (realpath(info.dli_fname, path) == nullptr) return "unknown";
  const std::string name = path;
  const std::size_t at = name.rfind(".so.");
  return at == std::string::npos ? "unknown" : name.substr(at + 4);
}

Probe probe_release() {
  utsname kernel{};
  uname(&kernel);
  int major = 0;
  int minor = 0;
  std::sscanf(kernel.release, "%d.%d", &major, &minor);
  // 6.1: bpf_ktime_get_tai_ns() and what else the programs call.
  return {.name = "kernel",
          .label = "kernel",
          .ok = major > 6 || (major == 6 && minor >= 1),
          .found = kernel.release,
          .needed_for = "capture, flows, mirror",
          .mend =
              "use Linux 6.1 or later; 6.6 for tcx and frames above a page, 6.13 for zero-copy "
              "on virtio_net"};
}

// What the verbs use, by configuration; what is missing is told.
Probe probe_config() {
  constexpr const char* kWanted[] = {
      "CONFIG_BPF_SYSCALL", "CONFIG_BPF_JIT",         "CONFIG_XDP_SOCKETS", "CONFIG_NET_CLS_ACT",
      "CONFIG_NET_CLS_BPF", "CONFIG_NET_SCH_INGRESS", "CONFIG_NET_XGRESS",  "CONFIG_DEBUG_INFO_BTF",
      "CONFIG_HUGETLBFS",   "CONFIG_NET_RX_BUSY_POLL"};
  const KernelConfig config = read_kernel_config();
  std::string missing;
  for (const char* name : kWanted)
    if (!config.has(name)) missing += std::string(missing.empty() ? "" : " ") + (name + 7);
  const bool known = !config.source.empty();
  return {.name = "config",
          .label = "configuration",
          .ok = known && missing.empty(),
          .found = !known            ? "not readable"
                   : missing.empty() ? "all of grayxdp's (" + config.source + ")"
                                     : "without " + missing + " (" + config.source + ")",
          .needed_for = "",
          .mend = known ? "a kernel that has them, if what follows is not enough"
                        : "none: what follows was tried"};
}

Probe probe_btf() {
  const bool there = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
  return {.name = "btf",
          .label = "BTF",
          .ok = there,
          .found = there ? "/sys/kernel/btf/vmlinux" : "none",
          .needed_for = "",
          .mend = "a kernel with CONFIG_DEBUG_INFO_BTF (hardware timestamps, --with-dispatcher)"};
}

Probe probe_jit() {
  const std::string value = first_line("/proc/sys/net/core/bpf_jit_enable");
  return {.name = "bpf_jit",
          .label = "BPF JIT",
          .ok = value != "0",
          .found = value == "0"    ? "off"
                   : value.empty() ? "unknown (always on, or not readable)"
                                   : "on",
          .needed_for = "",
          .mend = "sysctl -w net.core.bpf_jit_enable=1"};
}

// Blinded constants make every program longer and slower.
Probe probe_jit_hardening() {
  const std::string value = first_line("/proc/sys/net/core/bpf_jit_harden");
  return {.name = "bpf_jit_harden",
          .label = "JIT hardening",
          .ok = value != "2",
          .found = value == "2"    ? "for all: programs are slower"
                   : value == "1"  ? "for the unprivileged only"
                   : value.empty() ? "unknown"
                                   : "off",
          .needed_for = "",
          .mend = "sysctl -w net.core.bpf_jit_harden=1, where all who load programs are trusted"};
}

Probe probe_memlock() {
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  const bool unlimited = limit.rlim_cur == RLIM_INFINITY;
  // Since 5.11 BPF memory is accounted to the cgroup; the UMEM of a tap still counts here.
  return {.name = "memlock",
          .label = "memlock",
          .ok = unlimited || limit.rlim_cur >= (64U << 20) || geteuid() == 0,
          .found = unlimited ? "unlimited" : format_bytes(limit.rlim_cur),
          .needed_for = "capture --mode tap",
          .mend = "ulimit -l unlimited"};
}

// A UMEM is 64 MiB a queue: 32 pages of 2 MiB.
Probe probe_huge_pages() {
  std::ifstream file("/proc/meminfo");
  std::string line;
  unsigned long free = 0;
  unsigned long size_kb = 0;
  while (std::getline(file, line)) {
    std::sscanf(line.c_str(), "HugePages_Free: %lu", &free);
    std::sscanf(line.c_str(), "Hugepagesize: %lu", &size_kb);
  }
  return {.name = "huge_pages",
          .label = "huge pages",
          .ok = free > 0,
          .found = fmt::format("{} of {} KiB free", free, size_kb),
          .needed_for = "",
          .mend = "sysctl -w vm.nr_hugepages=32 for each RX queue of a tap"};
}

Probe probe_af_xdp() {
  const Fd socket(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
  return {.name = "af_xdp",
          .label = "AF_XDP",
          .ok = static_cast<bool>(socket),
          .found = socket ? "yes" : std::strerror(errno),
          .needed_for = "capture --mode tap",
          .mend = "a kernel with CONFIG_XDP_SOCKETS and CAP_NET_RAW; --mode host does without"};
}

Probe probe_tcx() {
  const bool there = kernel_has_tcx();
  return {.name = "tcx",
          .label = "tcx",
          .ok = there,
          .found = there ? "yes" : "no: clsact filters, which a kill -9 leaves attached",
          .needed_for = "",
          .mend = "use Linux 6.6 or later"};
}

Probe probed(const char* name, const char* label, int result, const char* needed_for) {
  return {.name = name,
          .label = label,
          .ok = result == 1,
          .found = result == 1   ? "yes"
                   : result == 0 ? "no"
                                 : std::string("not known: ") + std::strerror(-result),
          .needed_for = needed_for,
          .mend = "run with sudo; else a kernel that has it"};
}

// libxdp's dispatcher is made of these; libbpf says whether the kernel knows them, not whether it
// lets us have them, so `--with-dispatcher` may still refuse.
Probe probe_extensions() {
  Probe probe = probed("bpf_extensions", "BPF extensions",
                       libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_EXT, nullptr), "");
  probe.mend = "only capture --with-dispatcher needs them";
  return probe;
}

}  // namespace

LibraryVersions library_versions() {
  std::string pcap = pcap_lib_version();  // "libpcap version 1.10.3 (with TPACKET_V3)"
  constexpr std::string_view kPrefix = "libpcap version ";
  if (pcap.starts_with(kPrefix)) pcap.erase(0, kPrefix.size());
  std::string bpf = libbpf_version_string();
  if (bpf.starts_with('v')) bpf.erase(0, 1);
  return {.libbpf = bpf,
          .libxdp = version_of_loaded_library(reinterpret_cast<const void*>(&libxdp_strerror)),
          .libpcap = pcap.substr(0, pcap.find(' '))};
}

std::vector<Probe> probe_kernel() {
  libbpf_set_print(nullptr);
  return {
      probe_release(),
      probe_config(),
      probe_btf(),
      probe_jit(),
      probe_jit_hardening(),
      probe_memlock(),
      probe_huge_pages(),
      probed("xdp_programs", "XDP programs", libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, nullptr),
             "capture --mode tap"),
      probed("tc_programs", "tc programs",
             libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SCHED_CLS, nullptr),
             "capture --mode host, mirror"),
      probe_tcx(),
      probe_af_xdp(),
      probed("xskmap", "XSKMAP", libbpf_probe_bpf_map_type(BPF_MAP_TYPE_XSKMAP, nullptr),
             "capture --mode tap"),
      probed("ring_buffer", "BPF ring buffer",
             libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, nullptr),
             "capture --mode host, mirror"),
      probed("tai_clock", "TAI clock in BPF",
             libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_ktime_get_tai_ns, nullptr),
             "capture, mirror"),
      probe_extensions(),
  };
}

}  // namespace gray
