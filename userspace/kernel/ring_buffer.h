// The reading end of a BPF ring buffer (Documentation/bpf/ringbuf.rst). Unlike libbpf's reader it
// lends records: they stay in the ring until they are given back, in any order, and the kernel gets
// the space back as far as all older ones are returned. One thread uses it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gray {

struct RingRecord {
  std::span<const std::uint8_t> bytes;
  std::uint64_t ticket = 0;  ///< to give it back by
};

class RingBuffer {
 public:
  /// `map_fd`: a BPF_MAP_TYPE_RINGBUF, which outlives this object. Passes over discarded records
  /// that are in it: HostProgram leaves them.
  explicit RingBuffer(int map_fd);
  RingBuffer(const RingBuffer&) = delete;
  RingBuffer& operator=(const RingBuffer&) = delete;
  ~RingBuffer();

  /// Lends up to out.size() records, in order. Never blocks. At most kMaxLent are lent at a time.
  std::size_t take(std::span<RingRecord> out) noexcept;
  void give_back(std::uint64_t ticket) noexcept;

  /// take() would lend a record.
  bool readable() const noexcept;
  /// Nothing committed and nothing being written is left to take.
  bool empty() const noexcept;
  std::size_t lent() const noexcept { return next_ - oldest_; }
  std::size_t size() const noexcept { return size_; }
  int fd() const noexcept { return fd_; }  ///< for poll(2)

  static constexpr std::size_t kMaxLent = 1 << 16;

 private:
  struct Slot {
    std::uint64_t end = 0;  // the position behind the record
    bool returned = false;
  };

  std::uint32_t header(std::uint64_t position) const noexcept;
  static std::uint64_t behind(std::uint64_t position, std::uint32_t word) noexcept;
  void pass_discarded() noexcept;
  void release() noexcept;

  int fd_;
  std::size_t page_;
  std::size_t size_ = 0;
  std::uint64_t* consumer_ = nullptr;       // its own page, ours to write
  const std::uint8_t* producer_ = nullptr;  // its page, then the data, mapped twice in a row
  const std::uint8_t* data_ = nullptr;
  std::uint64_t position_ = 0;  // where the next record to take begins
  std::vector<Slot> slots_;     // of the lent records, by ticket
  std::uint64_t oldest_ = 0;    // tickets
  std::uint64_t next_ = 0;
};

}  // namespace gray
