// The thread that a ReplayRun sends on, while another one feeds or watches it. However the scope is
// left, the sending ends and the thread is joined. It goes before the other threads, where that is
// permitted, since its deadlines are what is measured.
#pragma once

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "replay/report/run.h"

namespace gray {

inline void be_punctual() noexcept {
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), -10);
}

/// Of a thread that works ahead and can wait.
inline void be_patient() noexcept {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), 5);
}

class SendingThread {
 public:
  explicit SendingThread(ReplayRun& run)
      : run_(run), thread_([this] {
          be_punctual();
          run_.send();
          done_ = true;
        }) {}
  SendingThread(const SendingThread&) = delete;
  SendingThread& operator=(const SendingThread&) = delete;
  ~SendingThread() {
    if (!done_) run_.abort();
    thread_.join();
  }

  /// Everything has its outcome.
  bool done() const noexcept { return done_; }

 private:
  ReplayRun& run_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace gray
