// Memory mapped from the kernel, unmapped with its owner.
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "userspace/base/errors.h"

namespace gray {

class Mapping {
 public:
  Mapping() = default;
  /// Throws std::system_error; `what` is a noun for its message.
  Mapping(std::size_t size, int flags, int fd, off_t offset, const std::string& what)
      : bytes_(mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, fd, offset)), size_(size) {
    if (bytes_ == MAP_FAILED) throw_errno(errno, "map " + what);
  }
  Mapping(Mapping&& other) noexcept
      : bytes_(std::exchange(other.bytes_, MAP_FAILED)), size_(other.size_) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Mapping() {
    if (bytes_ != MAP_FAILED) munmap(bytes_, size_);
  }

  std::uint8_t* data() const noexcept { return static_cast<std::uint8_t*>(bytes_); }
  std::size_t size() const noexcept { return bytes_ == MAP_FAILED ? 0 : size_; }

 private:
  void* bytes_ = MAP_FAILED;
  std::size_t size_ = 0;
};

}  // namespace gray
