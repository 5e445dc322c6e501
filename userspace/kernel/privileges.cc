// What this process may do: capabilities, and what confines it.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <string>

#include "userspace/kernel/probe.h"

namespace gray {
namespace {

// A line "NAME:\tVALUE" of /proc/self/status.
std::string status_value(const std::string& name) {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line))
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  return {};
}

struct Capability {
  unsigned bit;  // <linux/capability.h>
  const char* name;
  const char* purpose;
  const char* needed_for;  // empty: it does without
};
// Loading BPF programs needs CAP_PERFMON, too: the verifier then lets them keep pointers in maps.
constexpr std::array kCapabilities{
    Capability{39, "CAP_BPF", "load BPF programs and maps", "capture, flows -i, mirror"},
    Capability{38, "CAP_PERFMON", "let the verifier trust pointer arithmetic",
               "capture, flows -i, mirror"},
    Capability{12, "CAP_NET_ADMIN", "attach programs to interfaces", "capture, flows -i, mirror"},
    Capability{13, "CAP_NET_RAW", "open AF_XDP and packet sockets",
               "capture --mode tap, replay -i"},
    Capability{21, "CAP_SYS_ADMIN", "join libxdp's dispatcher, name other programs", ""},
    Capability{14, "CAP_IPC_LOCK", "lock memory beyond the memlock limit", ""},
    Capability{23, "CAP_SYS_NICE", "send at real-time priority", ""},
};
constexpr unsigned kSysAdmin = 21;

Probe probe_capability(std::uint64_t held, const Capability& capability) {
  // CAP_SYS_ADMIN was all of BPF's before Linux 5.8, and still is.
  const bool covers = capability.bit == 38 || capability.bit == 39;
  const bool has = (held >> capability.bit & 1) != 0 || (covers && (held >> kSysAdmin & 1) != 0);
  return {.name = capability.name,
          .label = capability.name,
          .ok = has,
          .found = fmt::format("{}: to {}", has ? "held" : "not held", capability.purpose),
          .needed_for = capability.needed_for,
          .mend = "sudo, or: setcap cap_bpf,cap_perfmon,cap_net_admin,cap_net_raw+ep grayxdp"};
}

Probe probe_container() {
  std::string found = "none seen";
  if (access("/.dockerenv", F_OK) == 0) found = "Docker (/.dockerenv)";
  if (access("/run/.containerenv", F_OK) == 0) found = "Podman (/run/.containerenv)";
  if (getenv("KUBERNETES_SERVICE_HOST") != nullptr) found = "Kubernetes (KUBERNETES_SERVICE_HOST)";
  return {.name = "container",
          .label = "container",
          .ok = true,
          .found = found,
          .needed_for = "",
          .mend = ""};
}

// The namespace that the kernel starts with has this inode (PROC_NET_INIT_INO differs by version),
// so init's is compared; who may not look at init's cannot know.
Probe probe_network_namespace() {
  struct stat ours {};
  struct stat inits {};
  const bool known = stat("/proc/self/ns/net", &ours) == 0 && stat("/proc/1/ns/net", &inits) == 0;
  const bool same = known && ours.st_ino == inits.st_ino && ours.st_dev == inits.st_dev;
  return {.name = "network_namespace",
          .label = "network namespace",
          .ok = true,
          .found = !known ? "not known (init's cannot be looked at)"
                   : same ? "that of process 1"
                          : "not that of process 1: only its own interfaces are seen",
          .needed_for = "",
          .mend = ""};
}

Probe probe_seccomp() {
  const std::string mode = status_value("Seccomp");
  const bool filtered = mode == "2";
  return {.name = "seccomp",
          .label = "seccomp",
          .ok = !filtered,
          .found = filtered ? "a filter is on: it may refuse bpf() or AF_XDP" : "no filter",
          .needed_for = "",
          .mend = "run the container with --security-opt seccomp=unconfined, if something fails"};
}

}  // namespace

std::vector<Probe> probe_capabilities() {
  const std::string held = status_value("CapEff");
  const std::uint64_t bits = held.empty() ? 0 : std::stoull(held, nullptr, 16);
  std::vector<Probe> probes;
  for (const Capability& capability : kCapabilities)
    probes.push_back(probe_capability(bits, capability));
  return probes;
}

std::vector<Probe> probe_confinement() {
  return {probe_container(), probe_network_namespace(), probe_seccomp()};
}

}  // namespace gray
