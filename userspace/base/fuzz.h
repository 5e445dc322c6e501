// For libFuzzer targets (X_fuzz.cc): what must hold on every input, bytes taken from an input one
// after the other, and an input as a file.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

#include "userspace/base/fd.h"

namespace gray {

/// Ends the run as a crash when `fact` does not hold; libFuzzer keeps the input.
inline void require(bool fact, const char* what) noexcept {
  if (fact) return;
  std::fprintf(stderr, "require: %s\n", what);
  std::abort();
}

/// Takes values from the front of an input; zeros when it is used up.
class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size) noexcept : rest_(data, size) {}

  bool empty() const noexcept { return rest_.empty(); }
  std::uint8_t byte() noexcept {
    const auto one = bytes(1);
    return one.empty() ? std::uint8_t{0} : one[0];
  }
  std::uint16_t word() noexcept {
    const std::uint8_t high = byte();
    return static_cast<std::uint16_t>(high << 8 | byte());
  }
  /// At most `count` of them.
  std::span<const std::uint8_t> bytes(std::size_t count) noexcept {
    const auto taken = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  std::span<const std::uint8_t> rest() noexcept { return bytes(rest_.size()); }

 private:
  std::span<const std::uint8_t> rest_;
};

/// The bytes as a file that has a path, in memory.
class FuzzFile {
 public:
  FuzzFile(const std::uint8_t* data, std::size_t size) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    require(fd_ && ::write(fd_.get(), data, size) == static_cast<ssize_t>(size), "write memfd");
    require(::lseek(fd_.get(), 0, SEEK_SET) == 0, "seek memfd");
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }

 private:
  Fd fd_;
};

}  // namespace gray
