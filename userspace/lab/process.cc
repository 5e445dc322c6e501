// Processes by posix_spawn: no fork of a program that has threads, no shell in between.
#include "userspace/lab/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <filesystem>
#include <stdexcept>
#include <utility>

#include "userspace/base/errors.h"

namespace gray {
namespace {

// Appending, because a program may open /dev/stderr a second time.
Fd open_output(const std::string& path) {
  const int fd = path.empty()
                     ? memfd_create("output", MFD_CLOEXEC)
                     : open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_APPEND, 0600);
  Fd result(check_errno(fd, "open output " + path));
  if (path.empty()) check_errno(fcntl(fd, F_SETFL, O_APPEND), "append to a memory file");
  return result;
}

Fd open_input(const std::string& text) {
  if (text.empty()) return Fd(check_errno(open("/dev/null", O_RDONLY | O_CLOEXEC), "open null"));
  Fd result(check_errno(memfd_create("input", MFD_CLOEXEC), "create a memory file"));
  std::size_t done = 0;
  while (done < text.size()) {
    const auto n = write(result.get(), text.data() + done, text.size() - done);
    if (n < 0) throw_errno(errno, "fill a memory file");
    done += static_cast<std::size_t>(n);
  }
  check_errno(static_cast<int>(lseek(result.get(), 0, SEEK_SET)), "rewind a memory file");
  return result;
}

std::string contents(const Fd& fd) {
  std::string text;
  char buffer[65536];
  while (fd) {
    const auto n = pread(fd.get(), buffer, sizeof(buffer), static_cast<off_t>(text.size()));
    if (n <= 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const std::string& s : strings) result.push_back(const_cast<char*>(s.c_str()));
  result.push_back(nullptr);
  return result;
}

// Ours, with `more` in front: the first of two equal names counts.
std::vector<std::string> environment(const std::vector<std::string>& more) {
  std::vector<std::string> result = more;
  for (char** entry = environ; *entry != nullptr; ++entry) result.emplace_back(*entry);
  return result;
}

class Actions {
 public:
  Actions() { check(-posix_spawn_file_actions_init(&actions_), "prepare a process"); }
  ~Actions() { posix_spawn_file_actions_destroy(&actions_); }
  Actions(const Actions&) = delete;
  void redirect(const Fd& from, int to) {
    check(-posix_spawn_file_actions_adddup2(&actions_, from.get(), to), "redirect a process");
  }
  const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// A process group of its own, no signal blocked or ignored.
class Attributes {
 public:
  Attributes() {
    check(-posix_spawnattr_init(&attributes_), "prepare a process");
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  const posix_spawnattr_t* get() const noexcept { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

std::string joined(const Argv& argv) {
  std::string line;
  for (const std::string& word : argv) line += (line.empty() ? "" : " ") + word;
  return line;
}

}  // namespace

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      status_(other.status_),
      pidfd_(std::move(other.pidfd_)),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(status_, other.status_);
  pidfd_.swap(other.pidfd_);
  out_.swap(other.out_);
  err_.swap(other.err_);
  return *this;
}

Process::~Process() {
  kill();
}

bool Process::running() {
  return pid_ > 0 && !wait(std::chrono::milliseconds(0));
}

void Process::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

void Process::kill() noexcept {
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  status_ = 128 + SIGKILL;
  pid_ = -1;
}

std::optional<int> Process::wait(std::chrono::milliseconds timeout) {
  if (pid_ <= 0) return status_;
  pollfd ended{pidfd_.get(), POLLIN, 0};
  if (poll(&ended, 1, static_cast<int>(timeout.count())) <= 0) return std::nullopt;
  int status = 0;
  check_errno(waitpid(pid_, &status, 0), "wait for a process");
  pid_ = -1;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

std::string Process::out() const {
  return contents(out_);
}
std::string Process::err() const {
  return contents(err_);
}

Process spawn(const Argv& argv, const SpawnOptions& options) {
  if (argv.empty()) throw std::invalid_argument("spawn of nothing");
  Process process;
  process.out_ = open_output(options.out_path);
  process.err_ = open_output(options.err_path);
  const Fd input = open_input(options.stdin_text);
  Actions actions;
  actions.redirect(input, STDIN_FILENO);
  actions.redirect(process.out_, STDOUT_FILENO);
  actions.redirect(process.err_, STDERR_FILENO);
  const Attributes attributes;
  const std::vector<std::string> env = environment(options.env);
  check(-posix_spawnp(&process.pid_, argv[0].c_str(), actions.get(), attributes.get(),
                      pointers(argv).data(), pointers(env).data()),
        "start " + argv[0]);
  process.pidfd_ = Fd(
      check_errno(static_cast<int>(syscall(SYS_pidfd_open, process.pid_, 0)), "watch " + argv[0]));
  return process;
}

RunResult run(const Argv& argv, std::chrono::milliseconds timeout, const SpawnOptions& options) {
  Process process = spawn(argv, options);
  const std::optional<int> status = process.wait(timeout);
  if (!status) process.kill();
  return {status.value_or(-1), !status, process.out(), process.err()};
}

std::string must_run(const Argv& argv, std::chrono::milliseconds timeout) {
  RunResult result = run(argv, timeout);
  if (result.ok()) return std::move(result.out);
  throw std::runtime_error(joined(argv) + ": " + (result.timed_out ? "timed out" : "status ") +
                           (result.timed_out ? "" : std::to_string(result.status)) + ": " +
                           result.err);
}

std::string built_binary(const std::string& name) {
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  const std::filesystem::path binary = self.parent_path().parent_path() / name;
  if (!std::filesystem::exists(binary))
    throw std::runtime_error(binary.string() + " has not been built");
  return binary.string();
}

}  // namespace gray
