#include "tools/grayxdp/filter_reload.h"

#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <iostream>

#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr std::chrono::milliseconds kLook{50};

}  // namespace

FilterReload::FilterReload(const LiveFlags& flags, Stop& stop, LiveCapture& capture)
    : flags_(flags), stop_(stop), capture_(capture) {
  if (!flags_.rereads()) return;
  thread_ = std::thread([this] { run(); });
}

FilterReload::~FilterReload() {
  ends_ = true;
  if (thread_.joinable()) thread_.join();
}

void FilterReload::run() noexcept {
  for (unsigned seen = 0; !ends_.load(); std::this_thread::sleep_for(kLook)) {
    const unsigned hangups = stop_.hangups();
    if (hangups != seen && !flags_.filter_file.empty()) reload_filter();
    if (hangups != seen && flags_.sample_in_file()) reload_sample();
    seen = hangups;
  }
}

void FilterReload::reload_filter() noexcept {
  try {
    const Filter filter = read_filter(flags_.filter_file);
    capture_.set_filter(filter);
    std::cerr << fmt::format("grayxdp: {} is read again, the filter is now '{}'\n",
                             flags_.filter_file, filter.expression());
  } catch (const std::exception& error) {
    std::cerr << fmt::format("grayxdp: the filter stays as it is: {}\n", describe(error));
  }
}

void FilterReload::reload_sample() noexcept {
  try {
    const double share = flags_.share();
    capture_.program().set_share(share);
    std::cerr << fmt::format("grayxdp: the sample is now {:g}%\n", share * 100);
  } catch (const std::exception& error) {
    std::cerr << fmt::format("grayxdp: the sample stays as it is: {}\n", describe(error));
  }
}

}  // namespace gray
