#include "tools/grayxdp/stop.h"

#include <unistd.h>

#include <csignal>

namespace gray {
namespace {

std::atomic<bool> stop_requested{false};
std::atomic<bool> signalled{false};
std::atomic<bool> pause_wanted{false};
std::atomic<unsigned> hangups_seen{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<unsigned>::is_always_lock_free,
              "used by signal handlers");

void on_signal(int number) {
  if (signalled.exchange(true)) _exit(128 + number);
  stop_requested.store(true);
}

void on_pause(int) {
  pause_wanted.store(!pause_wanted.load());
}

void on_hangup(int) {
  hangups_seen.fetch_add(1);
}

void set_handler(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = number == SIGUSR1 || number == SIGHUP ? SA_RESTART : 0;
  sigaction(number, &action, nullptr);
}

}  // namespace

Stop::Stop() {
  stop_requested = false;
  signalled = false;
  pause_wanted = false;
  set_handler(SIGINT, on_signal);
  set_handler(SIGTERM, on_signal);
  set_handler(SIGUSR1, on_pause);
}

Stop::~Stop() {
  for (const int number : {SIGINT, SIGTERM, SIGUSR1}) set_handler(number, SIG_DFL);
  if (catches_hangups_) set_handler(SIGHUP, SIG_DFL);
}

void Stop::request() noexcept {
  stop_requested.store(true);
}

bool Stop::interrupted() const noexcept {
  return signalled.load();
}

bool Stop::paused() const noexcept {
  return pause_wanted.load(std::memory_order_relaxed);
}

void Stop::catch_hangups() noexcept {
  catches_hangups_ = true;
  set_handler(SIGHUP, on_hangup);
}

unsigned Stop::hangups() const noexcept {
  return hangups_seen.load();
}

const std::atomic<bool>& Stop::flag() const noexcept {
  return stop_requested;
}

}  // namespace gray
