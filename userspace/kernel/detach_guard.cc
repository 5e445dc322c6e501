#include "userspace/kernel/detach_guard.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>

#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr char kUndone = 'u';
constexpr int kPipe = 3;

// Only the pipe stays: a socket that stayed open here would live on after us.
void keep_only(int pipe) {
  dup2(pipe, kPipe);
  close_range(kPipe + 1, ~0U, 0);
}

// For this thread, and for what it forks.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

// Signals stay blocked: Ctrl-C goes to the whole process group, a terminal's end to the session.
[[noreturn]] void guard(int pipe, const std::function<void()>& undo) {
  setsid();
  keep_only(pipe);
  char word = 0;
  ssize_t size = 0;
  do {
    size = read(kPipe, &word, 1);
  } while (size < 0 && errno == EINTR);
  try {
    if (size != 1 || word != kUndone) undo();
  } catch (const std::exception&) {
    _exit(1);  // nobody is left to tell
  }
  _exit(0);
}

}  // namespace

DetachGuard::DetachGuard(const std::function<void()>& undo) {
  int ends[2];
  check_errno(pipe2(ends, O_CLOEXEC), "make a pipe");
  Fd from_us(ends[0]);
  to_guard_ = Fd(ends[1]);
  const AllSignalsBlocked blocked;
  guard_ = check_errno(fork(), "start the process that detaches after us");
  if (guard_ > 0) return;
  to_guard_.reset();
  guard(from_us.get(), undo);
}

DetachGuard::~DetachGuard() {
  // Of SIGPIPE we hear as EPIPE: the guard was killed. Else, should the word not reach it, it finds
  // the pipe closed, and what it would undo undone.
  const auto before = signal(SIGPIPE, SIG_IGN);
  [[maybe_unused]] const ssize_t told = write(to_guard_.get(), &kUndone, 1);
  to_guard_.reset();
  signal(SIGPIPE, before);
  waitpid(guard_, nullptr, 0);
}

}  // namespace gray
