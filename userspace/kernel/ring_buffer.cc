// Positions only grow; the kernel's two are read and written as the header words are, with acquire
// and release, because the other side is the kernel on another CPU.
#include "userspace/kernel/ring_buffer.h"

#include <bpf/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "userspace/base/errors.h"

namespace gray {
namespace {

std::size_t map_size(int map_fd) {
  bpf_map_info info{};
  std::uint32_t length = sizeof(info);
  check(bpf_obj_get_info_by_fd(map_fd, &info, &length), "read the size of a BPF ring buffer");
  if (info.type != BPF_MAP_TYPE_RINGBUF) throw_errno(EINVAL, "read a BPF ring buffer");
  return info.max_entries;
}

std::uint64_t load(const void* position) noexcept {
  return __atomic_load_n(static_cast<const std::uint64_t*>(position), __ATOMIC_ACQUIRE);
}

}  // namespace

RingBuffer::RingBuffer(int map_fd)
    : fd_(map_fd),
      page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))),
      size_(map_size(map_fd)),
      slots_(kMaxLent) {
  void* consumer = mmap(nullptr, page_, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
  if (consumer == MAP_FAILED) throw_errno(errno, "map a BPF ring buffer");
  void* producer =
      mmap(nullptr, page_ + 2 * size_, PROT_READ, MAP_SHARED, map_fd, static_cast<off_t>(page_));
  if (producer == MAP_FAILED) {
    const int error = errno;
    munmap(consumer, page_);
    throw_errno(error, "map the data of a BPF ring buffer");
  }
  consumer_ = static_cast<std::uint64_t*>(consumer);
  producer_ = static_cast<const std::uint8_t*>(producer);
  data_ = producer_ + page_;
  position_ = load(consumer_);
  pass_discarded();
}

RingBuffer::~RingBuffer() {
  munmap(const_cast<std::uint8_t*>(producer_), page_ + 2 * size_);
  munmap(consumer_, page_);
}

std::uint32_t RingBuffer::header(std::uint64_t position) const noexcept {
  const void* word = data_ + (position & (size_ - 1));
  return __atomic_load_n(static_cast<const std::uint32_t*>(word), __ATOMIC_ACQUIRE);
}

bool RingBuffer::empty() const noexcept {
  return position_ == load(producer_);
}

bool RingBuffer::readable() const noexcept {
  return !empty() && (header(position_) & BPF_RINGBUF_BUSY_BIT) == 0 && lent() < kMaxLent;
}

std::size_t RingBuffer::take(std::span<RingRecord> out) noexcept {
  std::size_t count = 0;
  while (count < out.size() && readable()) {
    const std::uint32_t word = header(position_);
    const std::uint32_t length = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
    const std::uint8_t* bytes = data_ + (position_ & (size_ - 1)) + BPF_RINGBUF_HDR_SZ;
    position_ = behind(position_, word);
    const bool discarded = (word & BPF_RINGBUF_DISCARD_BIT) != 0;
    slots_[next_ & (kMaxLent - 1)] = {position_, discarded};
    if (!discarded) out[count++] = {{bytes, length}, next_};
    ++next_;
  }
  release();
  return count;
}

std::uint64_t RingBuffer::behind(std::uint64_t position, std::uint32_t word) noexcept {
  const std::uint64_t length = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
  return position + ((length + BPF_RINGBUF_HDR_SZ + 7) & ~std::uint64_t{7});
}

void RingBuffer::pass_discarded() noexcept {
  while (readable() && (header(position_) & BPF_RINGBUF_DISCARD_BIT) != 0)
    position_ = behind(position_, header(position_));
  __atomic_store_n(consumer_, position_, __ATOMIC_RELEASE);
}

void RingBuffer::give_back(std::uint64_t ticket) noexcept {
  if (ticket < oldest_ || ticket >= next_) return;
  slots_[ticket & (kMaxLent - 1)].returned = true;
  if (ticket == oldest_) release();
}

void RingBuffer::release() noexcept {
  std::uint64_t end = 0;
  while (oldest_ < next_ && slots_[oldest_ & (kMaxLent - 1)].returned)
    end = slots_[oldest_++ & (kMaxLent - 1)].end;
  if (end != 0) __atomic_store_n(consumer_, end, __ATOMIC_RELEASE);
}

}  // namespace gray
