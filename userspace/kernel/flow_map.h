// The kernel's flow table (bpf/flow.h), read where it lies: its three arrays are mapped, so a
// million flows cost neither copies nor system calls. The kernel goes on writing meanwhile. Any
// thread may read.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bpf/shared.h"

namespace gray {

/// Of both endpoints of a flow; [0]: sent by endpoint 0 of the key. Times in ns, of the clock that
/// stamps the frames.
struct FlowTotals {
  std::uint64_t tag = 0;
  std::uint64_t first_ns = 0;
  std::uint64_t last_ns = 0;
  std::uint64_t packets[2]{};
  std::uint64_t bytes[2]{};
  std::uint8_t tcp_flags[2]{};  ///< all flags seen, or-ed
  std::uint8_t first_side = 0;  ///< which endpoint sent the first frame
  std::uint8_t icmp = 0;        ///< 1: the first frame was an ICMP message of this type and code
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
};

struct FlowRecord {
  FlowTotals flow{};
  gray_flow_id id{};
};

/// A map of BPF_F_MMAPABLE, for reading.
class MappedArray {
 public:
  MappedArray() = default;
  /// Throws std::system_error.
  MappedArray(int map_fd, std::size_t bytes);
  MappedArray(MappedArray&& other) noexcept;
  MappedArray& operator=(MappedArray&& other) noexcept;
  ~MappedArray();

  template <class T>
  const T* as() const noexcept {
    return static_cast<const T*>(address_);
  }

 private:
  void* address_ = nullptr;
  std::size_t bytes_ = 0;
};

class FlowMap {
 public:
  struct Fds {
    int marks = -1;
    int sides = -1;
    int ids = -1;
  };

  /// Buckets of a table in which `entries` flows find room.
  static std::uint32_t buckets_for(std::uint32_t entries) noexcept;

  FlowMap() = default;
  FlowMap(const Fds& fds, std::uint32_t buckets);

  std::uint32_t slots() const noexcept { return buckets_ * GRAY_FLOW_WAYS; }
  /// False when the slot is empty, or changes hands just now.
  bool read(std::uint32_t slot, FlowRecord& into) const noexcept;
  /// How many flows there are now.
  std::uint64_t held() const noexcept;

 private:
  void add_side(std::uint32_t slot, int side, FlowTotals& into) const noexcept;

  std::uint32_t buckets_ = 0;
  MappedArray marks_;
  MappedArray sides_;
  MappedArray ids_;
};

}  // namespace gray
