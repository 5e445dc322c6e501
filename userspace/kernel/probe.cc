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
          .ok = major > 6 || (major == 6 && minor >= 1),
          .found = kernel.release,
          .needed_for = "capture, flows, mirror",
          .mend = "use Linux 6.1 or later"};
}

Probe probe_btf() {
  const bool there = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
  return {.name = "BTF",
          .ok = there,
          .found = there ? "/sys/kernel/btf/vmlinux" : "none",
          .needed_for = "",
          .mend = "a kernel with CONFIG_DEBUG_INFO_BTF"};
}

Probe probe_jit() {
  const std::string value = first_line("/proc/sys/net/core/bpf_jit_enable");
  return {.name = "BPF JIT",
          .ok = value != "0",
          .found = value == "0"    ? "off"
                   : value.empty() ? "unknown (always on, or not readable)"
                                   : "on",
          .needed_for = "",
          .mend = "sysctl -w net.core.bpf_jit_enable=1"};
}

Probe probe_memlock() {
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  const bool unlimited = limit.rlim_cur == RLIM_INFINITY;
  // Since 5.11 BPF memory is accounted to the cgroup; the UMEM of a tap still counts here.
  return {.name = "memlock",
          .ok = unlimited || limit.rlim_cur >= (64U << 20) || geteuid() == 0,
          .found = unlimited ? "unlimited" : format_bytes(limit.rlim_cur),
          .needed_for = "capture --mode tap",
          .mend = "ulimit -l unlimited"};
}

Probe probe_capabilities() {
  std::ifstream status("/proc/self/status");
  std::string line;
  unsigned long long held = 0;
  while (std::getline(status, line))
    if (line.starts_with("CapEff:")) held = std::stoull(line.substr(7), nullptr, 16);
  struct Capability {
    unsigned bit;
    const char* name;
  };
  constexpr Capability kWanted[] = {{12, "CAP_NET_ADMIN"}, {13, "CAP_NET_RAW"}, {39, "CAP_BPF"}};
  const bool sys_admin = (held >> 21 & 1) != 0;
  std::string missing;
  for (const Capability& wanted : kWanted)
    if ((held >> wanted.bit & 1) == 0 && !(wanted.bit == 39 && sys_admin))
      missing += (missing.empty() ? "" : " ") + std::string(wanted.name);
  return {.name = "capabilities",
          .ok = missing.empty(),
          .found = missing.empty() ? "all that are needed" : "without " + missing,
          .needed_for = "capture, flows -i, mirror",
          .mend = "run with sudo"};
}

Probe probe_af_xdp() {
  const Fd socket(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
  return {.name = "AF_XDP",
          .ok = static_cast<bool>(socket),
          .found = socket ? "yes" : std::strerror(errno),
          .needed_for = "capture --mode tap",
          .mend = "a kernel with CONFIG_XDP_SOCKETS and CAP_NET_RAW; --mode host does without"};
}

Probe probed(const char* name, int result, const char* needed_for) {
  return {.name = name,
          .ok = result == 1,
          .found = result == 1   ? "yes"
                   : result == 0 ? "no"
                                 : std::string("not known: ") + std::strerror(-result),
          .needed_for = needed_for,
          .mend = "run with sudo; else a kernel that has it"};
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
      probe_capabilities(),
      probe_btf(),
      probe_jit(),
      probe_memlock(),
      probed("XDP programs", libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, nullptr),
             "capture --mode tap"),
      probed("tc programs", libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SCHED_CLS, nullptr),
             "capture --mode host, mirror"),
      probe_af_xdp(),
      probed("XSKMAP", libbpf_probe_bpf_map_type(BPF_MAP_TYPE_XSKMAP, nullptr),
             "capture --mode tap"),
      probed("BPF ring buffer", libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, nullptr),
             "capture --mode host, mirror"),
      probed("TAI clock in BPF",
             libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_ktime_get_tai_ns, nullptr),
             "capture, mirror"),
  };
}

}  // namespace gray
