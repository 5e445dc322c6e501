// The options by which a capture goes on in a new file: tcpdump's -C, -G and -W.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <string>

#include "userspace/pcapng/rotation.h"

namespace gray {

struct RotationFlags {
  std::string size;
  std::string seconds;
  std::uint32_t files = 0;

  void add_to(CLI::App& app);
  /// Throws UsageError for what cannot be.
  Rotation rotation() const;
  /// Whether that makes sense for `file`, empty when none is written. Throws UsageError.
  void check(const std::string& file) const;
};

}  // namespace gray
