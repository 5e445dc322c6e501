// From a recorded frame to what goes on the wire: chooses the interface, rewrites, cuts what is too
// long, and counts what cannot be sent by name. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "replay/inject/batch.h"
#include "replay/rewrite/rewriter.h"
#include "replay/rewrite/segment.h"
#include "replay/rewrite/sides.h"
#include "userspace/base/ledger.h"

namespace gray {

struct PrepareOptions {
  RewriteOptions rewrite;
  SidesOptions sides;
  bool two_ports = false;  ///< server to client goes out of the second one
  std::size_t mtu = 1500;  ///< the smaller one of two
  bool truncate = false;   ///< what is too long is cut off at the MTU
  bool fragment = false;   ///< what is too long and not TCP is sent in IP fragments
};

class Preparer {
 public:
  /// Throws UsageError.
  explicit Preparer(const PrepareOptions& options);

  /// Appends what comes of `frame` to `batch`: nothing, one frame, or several.
  void prepare(const Frame& frame, FrameBatch& batch);

  /// Bytes of the longest frame that comes out.
  static std::size_t max_frame(std::size_t mtu) noexcept;

  /// Adds "rewrite" and "segment".
  void account(Ledger& ledger) const;
  std::uint64_t snapped() const noexcept { return snapped_; }      ///< sent, cut by a snap length
  std::uint64_t truncated() const noexcept { return truncated_; }  ///< sent, cut off at the MTU
  std::uint64_t cut() const noexcept { return cut_; }              ///< super-frames
  std::uint64_t pieces() const noexcept { return pieces_; }        ///< made of them

 private:
  bool sendable(const Frame& frame) noexcept;
  bool rewrite(const Frame& frame, Way way, std::uint32_t& wire_length);
  void segment(const Frame& frame, std::uint32_t wire_length, std::uint8_t port, FrameBatch& batch);
  bool too_long(std::span<const std::uint8_t> frame) const noexcept;

  PrepareOptions options_;
  Rewriter rewriter_;
  Segmenter segmenter_;
  Sides sides_;
  std::vector<std::uint8_t> room_;   // the frame at hand, with room for a VLAN tag
  std::vector<std::uint8_t> piece_;  // of it
  std::uint64_t in_ = 0;
  std::uint64_t rewritten_ = 0;
  std::uint64_t segmented_ = 0;
  std::uint64_t link_type_ = 0;
  std::uint64_t runt_ = 0;
  std::array<std::uint64_t, kRewriteRefusals> rewrite_refused_{};
  std::array<std::uint64_t, kCutRefusals> cut_refused_{};
  std::uint64_t snapped_ = 0;
  std::uint64_t truncated_ = 0;
  std::uint64_t cut_ = 0;
  std::uint64_t pieces_ = 0;
};

}  // namespace gray
