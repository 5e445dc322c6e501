#include "tools/grayxdp/stop.h"

#include <unistd.h>

#include <csignal>

namespace gray {
namespace {

std::atomic<bool> stop_requested{false};
std::atomic<bool> signalled{false};
static_assert(std::atomic<bool>::is_always_lock_free, "used by a signal handler");

void on_signal(int number) {
  if (signalled.exchange(true)) _exit(128 + number);
  stop_requested.store(true);
}

void set_handler(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

Stop::Stop() {
  stop_requested = false;
  signalled = false;
  set_handler(on_signal);
}

Stop::~Stop() {
  set_handler(SIG_DFL);
}

void Stop::request() noexcept {
  stop_requested.store(true);
}

bool Stop::interrupted() const noexcept {
  return signalled.load();
}

const std::atomic<bool>& Stop::flag() const noexcept {
  return stop_requested;
}

}  // namespace gray
