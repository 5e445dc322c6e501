#include "userspace/kernel/flow_map.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "userspace/base/errors.h"

namespace gray {
namespace {

// Three quarters full, a flow with two buckets to choose from practically always finds a way free.
constexpr std::uint32_t kFlowsABucket = 6;

}  // namespace

MappedArray::MappedArray(int map_fd, std::size_t bytes) : bytes_(bytes) {
  void* address = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, map_fd, 0);
  if (address == MAP_FAILED) throw_errno(errno, "map the flow table");
  address_ = address;
}

MappedArray::MappedArray(MappedArray&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)), bytes_(other.bytes_) {}

MappedArray& MappedArray::operator=(MappedArray&& other) noexcept {
  std::swap(address_, other.address_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedArray::~MappedArray() {
  if (address_ != nullptr) munmap(address_, bytes_);
}

std::uint32_t FlowMap::buckets_for(std::uint32_t entries) noexcept {
  return std::max(1U, (entries + kFlowsABucket - 1) / kFlowsABucket);
}

FlowMap::FlowMap(const Fds& fds, std::uint32_t buckets)
    : buckets_(buckets),
      marks_(fds.marks, std::size_t{buckets} * sizeof(std::uint64_t)),
      sides_(fds.sides, std::size_t{2} * slots() * sizeof(gray_flow_side)),
      ids_(fds.ids, std::size_t{slots()} * sizeof(gray_flow_id)) {}

bool FlowMap::read(std::uint32_t slot, FlowRecord& into) const noexcept {
  const auto mark = marks_.as<std::uint8_t>() + slot;
  if (__atomic_load_n(mark, __ATOMIC_RELAXED) == 0) return false;
  const gray_flow_id* id = ids_.as<gray_flow_id>() + slot;
  const std::uint64_t tag = __atomic_load_n(&id->tag, __ATOMIC_ACQUIRE);
  into.id = *id;
  into.flow = {.tag = tag,
               .first_ns = into.id.first_ns,
               .last_ns = into.id.first_ns,
               .first_side = into.id.first_side,
               .icmp = into.id.icmp,
               .icmp_type = into.id.icmp_type,
               .icmp_code = into.id.icmp_code};
  for (const int side : {0, 1}) add_side(slot, side, into.flow);
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return tag != 0 && __atomic_load_n(&id->tag, __ATOMIC_RELAXED) == tag;
}

void FlowMap::add_side(std::uint32_t slot, int side, FlowTotals& into) const noexcept {
  const gray_flow_side* sent =
      sides_.as<gray_flow_side>() + static_cast<std::size_t>(side) * slots() + slot;
  if (__atomic_load_n(&sent->tag, __ATOMIC_ACQUIRE) != into.tag) return;
  const std::uint64_t packets = __atomic_load_n(&sent->packets, __ATOMIC_RELAXED);
  into.packets[side] = packets & ((std::uint64_t{1} << GRAY_FLOW_FLAGS_SHIFT) - 1);
  into.tcp_flags[side] = static_cast<std::uint8_t>(packets >> GRAY_FLOW_FLAGS_SHIFT);
  into.bytes[side] = __atomic_load_n(&sent->bytes, __ATOMIC_RELAXED);
  into.last_ns = std::max<std::uint64_t>(into.last_ns, sent->last_ns);
}

std::uint64_t FlowMap::held() const noexcept {
  const auto* marks = marks_.as<std::uint8_t>();
  return slots() - static_cast<std::uint64_t>(std::count(marks, marks + slots(), 0));
}

}  // namespace gray
