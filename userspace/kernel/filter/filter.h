// A tcpdump expression, to be asked by the kernel of every frame (Program::set_filter) or by us of
// the frames of files (FrameMatcher).
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "userspace/kernel/filter/classic.h"
#include "userspace/packet/packet.h"

namespace gray {

/// Immutable, cheap to copy.
class Filter {
 public:
  /// Every frame passes.
  Filter() = default;
  /// Compiles for Ethernet, to know whether it is an expression; blank passes everything. Throws
  /// UsageError, one line, with what libpcap says against it.
  explicit Filter(const std::string& expression);

  bool empty() const noexcept { return expression_.empty(); }
  /// As the user wrote it.
  const std::string& expression() const noexcept { return expression_; }
  /// For Ethernet frames; of an empty filter, empty.
  const ClassicProgram& program() const noexcept { return *program_; }

 private:
  std::string expression_;
  std::shared_ptr<const ClassicProgram> program_ = std::make_shared<ClassicProgram>();
};

/// Decides as pcap_offline_filter does, for frames of any link type. Used by one thread.
class FrameMatcher {
 public:
  explicit FrameMatcher(Filter filter) : filter_(std::move(filter)) {}

  /// Throws UsageError at the first frame of a link type for which the expression means nothing
  /// ("ether host" on raw IP).
  bool matches(const Frame& frame);

 private:
  struct Compiled {
    LinkType link;
    ClassicProgram program;
  };
  const ClassicProgram& program_for(LinkType link);

  Filter filter_;
  std::vector<Compiled> programs_;  // few: a file seldom has two link types
};

/// What stands in a filter file (tcpdump -F): lines joined, from # to the end of a line left out.
/// Throws std::system_error when it cannot be read, UsageError when it is no expression or longer
/// than an expression can be.
Filter read_filter(const std::string& path);

}  // namespace gray
