// Namespaces and links through iproute2. Clearing away is always the guardian's work, whether the
// Lab ends or its process is killed, so the way that matters after a crash is taken every time.
#include "userspace/lab/lab.h"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>

#include <atomic>
#include <exception>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "userspace/base/errors.h"

namespace gray {
namespace {

std::atomic<unsigned> next_number{0};

// Reads namespace names until the Lab's end of the pipe closes. A program of its own, not a fork:
// so it holds none of the test's files, maps and namespaces.
constexpr const char* kGuardian = R"(
while read -r name; do names="$names $name"; done
for name in $names; do
  ip netns pids "$name" | xargs -r kill -KILL
  ip netns del "$name"
done)";

pid_t start_guardian(int read_end) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, read_end, STDIN_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  posix_spawnattr_init(&attributes);
  // A session of its own: Ctrl-C and a kill of the test's process group are not for it.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  std::string arguments[] = {"sh", "-c", kGuardian};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, "sh", &actions, &attributes, argv, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  check(-error, "start the guardian of the lab");
  return pid;
}

}  // namespace

Namespace::Namespace(std::string name) : name_(std::move(name)) {
  gray::must_run({"ip", "netns", "add", name_});
  fd_ = Fd(check_errno(open(("/run/netns/" + name_).c_str(), O_RDONLY | O_CLOEXEC),
                       "open network namespace " + name_));
}

void Namespace::enter(const std::function<void()>& job) const {
  std::exception_ptr failure;
  std::thread([&] {
    try {
      check_errno(setns(fd_.get(), CLONE_NEWNET), "enter network namespace " + name_);
      job();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

Process Namespace::spawn(const Argv& argv, const SpawnOptions& options) const {
  Process process;
  enter([&] { process = gray::spawn(argv, options); });
  return process;
}

RunResult Namespace::run(const Argv& argv, std::chrono::milliseconds timeout,
                         const SpawnOptions& options) const {
  RunResult result;
  enter([&] { result = gray::run(argv, timeout, options); });
  return result;
}

std::string Namespace::must_run(const Argv& argv, std::chrono::milliseconds timeout) const {
  std::string out;
  enter([&] { out = gray::must_run(argv, timeout); });
  return out;
}

void Namespace::sysctl(const std::string& path, const std::string& value) const {
  enter([&] {
    std::ofstream file("/proc/sys/" + path);
    if (!(file << value << std::flush)) throw_errno(errno, "write /proc/sys/" + path);
  });
}

InterfaceCounters Namespace::counters(const std::string& interface) const {
  InterfaceCounters result;
  enter([&] {
    std::ifstream file("/proc/thread-self/net/dev");
    std::string line;
    while (std::getline(file, line)) {
      std::istringstream words(line);
      std::string name;
      std::uint64_t other = 0;
      if (!(words >> name) || name != interface + ":") continue;
      words >> result.rx_bytes >> result.rx_packets >> other >> result.rx_dropped;
      for (int skipped = 0; skipped < 4; ++skipped) words >> other;
      words >> result.tx_bytes >> result.tx_packets >> other >> result.tx_dropped;
      return;
    }
    throw std::runtime_error("no interface " + interface + " in " + name_);
  });
  return result;
}

Lab::Lab() {
  int ends[2];
  check_errno(pipe2(ends, O_CLOEXEC), "make a pipe");
  const Fd read_end(ends[0]);
  to_guardian_ = Fd(ends[1]);
  guardian_ = start_guardian(read_end.get());
}

Lab::~Lab() {
  namespaces_.clear();
  to_guardian_.reset();
  while (waitpid(guardian_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Namespace& Lab::ns(const std::string& name) {
  return make(name, false);
}
Namespace& Lab::ns_with_ipv6(const std::string& name) {
  return make(name, true);
}

Namespace& Lab::make(const std::string& name, bool ipv6) {
  const std::string unique =
      "gx-" + std::to_string(getpid()) + "-" + std::to_string(next_number++) + "-" + name;
  const std::string line = unique + "\n";
  // Told before it exists: there is no moment at which it would be forgotten.
  if (write(to_guardian_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    throw_errno(errno, "tell the guardian of the lab");
  namespaces_.push_back(std::make_unique<Namespace>(unique));
  Namespace& made = *namespaces_.back();
  if (!ipv6) made.sysctl("net/ipv6/conf/default/disable_ipv6", "1");
  made.must_run({"ip", "link", "set", "lo", "up"});
  return made;
}

void Lab::link(Namespace& a, const std::string& a_interface, Namespace& b,
               const std::string& b_interface, const LinkOptions& options) {
  if (interfaces_.count(a_interface) + interfaces_.count(b_interface) > 0)
    throw std::invalid_argument("interface names must be unique in a lab");
  const std::string queues = std::to_string(options.queues);
  const std::string mtu = std::to_string(options.mtu);
  gray::must_run({"ip",          "link",        "add",   a_interface,   "netns",
                  a.name(),      "mtu",         mtu,     "numrxqueues", queues,
                  "numtxqueues", queues,        "type",  "veth",        "peer",
                  "name",        b_interface,   "netns", b.name(),      "mtu",
                  mtu,           "numrxqueues", queues,  "numtxqueues", queues});
  interfaces_[a_interface] = &a;
  interfaces_[b_interface] = &b;
  a.must_run({"ip", "link", "set", a_interface, "up"});
  b.must_run({"ip", "link", "set", b_interface, "up"});
}

void Lab::address(const std::string& interface, const std::string& cidr) {
  where(interface).must_run({"ip", "address", "add", cidr, "dev", interface});
}

Namespace& Lab::where(const std::string& interface) const {
  const auto found = interfaces_.find(interface);
  if (found == interfaces_.end()) throw std::invalid_argument("no interface " + interface);
  return *found->second;
}

InterfaceCounters Lab::counters(const std::string& interface) const {
  return where(interface).counters(interface);
}

}  // namespace gray
