// A laboratory for tests: network namespaces with veth pairs between them, all of our own making
// and all gone with the Lab, also after a SIGKILL of the test: a guardian process holds the end of
// a pipe and clears away when our end closes. Needs root and iproute2. One thread uses a Lab.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "userspace/base/fd.h"
#include "userspace/lab/process.h"
#include "userspace/lab/temp_dir.h"

namespace gray {

struct InterfaceCounters {
  std::uint64_t rx_packets = 0;
  std::uint64_t rx_bytes = 0;
  std::uint64_t rx_dropped = 0;
  std::uint64_t tx_packets = 0;
  std::uint64_t tx_bytes = 0;
  std::uint64_t tx_dropped = 0;
};

struct LinkOptions {
  unsigned queues = 1;  ///< RX and TX, both ends
  unsigned mtu = 1500;
};

/// A network namespace, with lo up. Lives as long as its Lab.
class Namespace {
 public:
  explicit Namespace(std::string name);

  const std::string& name() const noexcept { return name_; }

  /// Runs `job` to its end on a thread that is in this namespace; passes its exception on. Sockets
  /// made there stay in the namespace.
  void enter(const std::function<void()>& job) const;

  Process spawn(const Argv& argv, const SpawnOptions& options = {}) const;
  RunResult run(const Argv& argv, std::chrono::milliseconds timeout = kRunTimeout,
                const SpawnOptions& options = {}) const;
  std::string must_run(const Argv& argv, std::chrono::milliseconds timeout = kRunTimeout) const;

  /// Writes /proc/sys/PATH: sysctl("net/ipv6/conf/default/disable_ipv6", "1").
  void sysctl(const std::string& path, const std::string& value) const;
  InterfaceCounters counters(const std::string& interface) const;

 private:
  std::string name_;
  Fd fd_;
};

class Lab {
 public:
  Lab();
  ~Lab();
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  /// A new namespace, named gx-PID-N-NAME. Without IPv6 unless asked for, so that no frame is on
  /// its wires that the test did not send.
  Namespace& ns(const std::string& name);
  Namespace& ns_with_ipv6(const std::string& name);

  /// A veth pair, both ends up. Interface names are unique in a Lab.
  void link(Namespace& a, const std::string& a_interface, Namespace& b,
            const std::string& b_interface, const LinkOptions& options = {});
  /// "10.0.0.1/24" on an interface made by link().
  void address(const std::string& interface, const std::string& cidr);
  Namespace& where(const std::string& interface) const;
  InterfaceCounters counters(const std::string& interface) const;

 private:
  Namespace& make(const std::string& name, bool ipv6);

  Fd to_guardian_;
  pid_t guardian_ = -1;
  std::vector<std::unique_ptr<Namespace>> namespaces_;
  std::map<std::string, Namespace*> interfaces_;
};

}  // namespace gray
