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
      flows_(fds.flows, std::size_t{slots()} * sizeof(gray_flow)),
      ids_(fds.ids, std::size_t{slots()} * sizeof(gray_flow_id)) {}

bool FlowMap::read(std::uint32_t slot, FlowRecord& into) const noexcept {
  const auto mark = marks_.as<std::uint8_t>() + slot;
  if (__atomic_load_n(mark, __ATOMIC_RELAXED) == 0) return false;
  const gray_flow* flow = flows_.as<gray_flow>() + slot;
  const std::uint64_t tag = __atomic_load_n(&flow->tag, __ATOMIC_ACQUIRE);
  into.flow = *flow;
  into.id = ids_.as<gray_flow_id>()[slot];
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return tag != 0 && __atomic_load_n(&flow->tag, __ATOMIC_RELAXED) == tag;
}

std::uint64_t FlowMap::held() const noexcept {
  const auto* marks = marks_.as<std::uint8_t>();
  return slots() - static_cast<std::uint64_t>(std::count(marks, marks + slots(), 0));
}

}  // namespace gray
