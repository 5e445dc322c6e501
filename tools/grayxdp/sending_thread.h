// The thread that a ReplayRun sends on, while another one feeds or watches it. However the scope is
// left, the sending ends and the thread is joined.
#pragma once

#include <atomic>
#include <thread>

#include "replay/report/run.h"

namespace gray {

class SendingThread {
 public:
  explicit SendingThread(ReplayRun& run)
      : run_(run), thread_([this] {
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
