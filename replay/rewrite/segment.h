// Cuts frames that are larger than the wire takes: TCP super-frames (GSO, TSO, GRO) into segments
// as a network card would, other datagrams into IP fragments when that is asked for. Nothing is
// allocated: a plan is made of a frame, and each piece of it is written where the caller wants it.
// A Segmenter is constant; any thread may use it.
//
//   const CutPlan plan = segmenter.plan(frame.bytes, frame.wire_len, frame.link);
//   for (std::uint32_t i = 0; i < plan.pieces; ++i) length = segmenter.write(plan, bytes, i, out);
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "userspace/packet/packet.h"

namespace gray {

enum class CutRefusal : std::uint8_t {
  None,
  Cut,       ///< a snap length took a part of it
  NotTcp,    ///< too large, and neither TCP nor may it be fragmented
  Fragment,  ///< too large, and a fragment already
  Odd,       ///< too large, and its headers cannot be followed, or leave no room for data
};
/// The ledger's name for it: "snapped", "not_tcp", "fragment", "odd".
std::string_view to_string(CutRefusal refusal) noexcept;
inline constexpr std::size_t kCutRefusals = 5;

/// How one frame is cut. Offsets are into the frame; the link header is what stands before `ip`.
struct CutPlan {
  CutRefusal refusal = CutRefusal::None;
  std::uint32_t pieces = 1;       ///< 1: it goes out as it is; 0: refused
  std::uint32_t piece_data = 0;   ///< payload bytes of every piece but the last
  std::uint32_t ip = 0;           ///< where the IP header begins,
  std::uint32_t upper = 0;        ///< the TCP header, or what is fragmented
  std::uint32_t data = 0;         ///< the payload that is cut,
  std::uint32_t end = 0;          ///< and where it ends
  std::uint32_t destination = 0;  ///< the address that checksums count
  std::uint32_t jumbo = 0;        ///< bytes of a jumbogram's option, which no piece needs
  bool v4 = false;
  bool tcp = false;
  bool udp = false;
};

enum class OtherThanTcp : std::uint8_t { Refuse, Fragment };

class Segmenter {
 public:
  /// `mtu`: bytes of the largest IP packet, at least 576. Throws UsageError.
  explicit Segmenter(std::size_t mtu, OtherThanTcp others = OtherThanTcp::Refuse);

  std::size_t mtu() const noexcept { return mtu_; }

  /// What is to be done with a frame. Frames without an IP header fit when they have at most mtu
  /// bytes behind an Ethernet header (a VLAN tag not counted).
  CutPlan plan(std::span<const std::uint8_t> frame, std::uint32_t wire_length,
               LinkType link) const noexcept;

  /// Writes piece `index` (< plan.pieces) into `out` and returns its length, 0 when it does not
  /// fit: link header + mtu is always enough, and so is the frame's own length for the one piece
  /// of a frame that goes out as it is. Lengths, sequence numbers, IP ids, flags and full checksums
  /// are the piece's own.
  std::size_t write(const CutPlan& plan, std::span<const std::uint8_t> frame, std::uint32_t index,
                    std::span<std::uint8_t> out) const noexcept;

 private:
  CutPlan divide(CutPlan plan, std::span<const std::uint8_t> frame) const noexcept;

  std::size_t mtu_;
  OtherThanTcp others_;
};

}  // namespace gray
