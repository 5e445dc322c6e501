// A slot is a chunk of the UMEM: metadata for the kernel, then the frame. Slots are ours (free_),
// or the kernel's from stage() until the completion ring gives them back. In copy mode the kernel
// takes frames inside sendto(), a few dozen at a time; in zero-copy mode the driver takes them by
// itself, and sendto() only wakes it.
#include "userspace/kernel/tx_socket.h"

#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace gray {
namespace {

constexpr std::uint32_t kChunk = 4096;
constexpr std::uint32_t kHeadroom = 64;  // holds the metadata, keeps frames on cache lines
constexpr std::uint32_t kRoom = kChunk - kHeadroom;
// A driver that takes our UMEM for the queue receives into it, too: its frames for the stack.
constexpr std::uint32_t kReceiveChunks = 1024;
constexpr std::uint32_t kCompletions = 4096;
constexpr int kSendBuffer = 64 << 20;

// What Debian 12's headers do not have yet (linux/if_xdp.h of 6.6, 6.8 and 6.18).
constexpr std::uint16_t kUseSg = 1 << 4;            // XDP_USE_SG
constexpr std::uint32_t kContinued = 1 << 0;        // XDP_PKT_CONTD
constexpr std::uint32_t kHasMetadata = 1 << 1;      // XDP_TX_METADATA
constexpr std::uint32_t kUmemHasMetadata = 1 << 2;  // XDP_UMEM_TX_METADATA_LEN
constexpr std::uint64_t kTimestampWanted = 1 << 0;  // XDP_TXMD_FLAGS_TIMESTAMP
constexpr int kTxBudget = 9;                        // XDP_MAX_TX_SKB_BUDGET

struct UmemRegistration {  // struct xdp_umem_reg of 6.8
  std::uint64_t address;
  std::uint64_t length;
  std::uint32_t chunk_size;
  std::uint32_t headroom;
  std::uint32_t flags;
  std::uint32_t metadata_length;
};

struct TxMetadata {  // struct xsk_tx_metadata
  std::uint64_t flags;
  std::uint64_t timestamp;  // after completion; the kernel's union with what may be asked for
  std::uint64_t launch_time;
};
static_assert(sizeof(TxMetadata) <= kHeadroom);

void set_ring_size(int fd, int option, std::uint32_t size, const char* name) {
  check_errno(setsockopt(fd, SOL_XDP, option, &size, sizeof(size)),
              std::string("make the ") + name + " ring of an AF_XDP socket");
}

// libxdp's ring structs are filled here, so that its inline accessors can be used.
template <class Ring>
Mapping map_ring(Ring& ring, int fd, const xdp_ring_offset& at, std::uint32_t size,
                 std::size_t entry, std::uint64_t page_offset, const char* name) {
  Mapping memory(at.desc + size * entry, MAP_SHARED | MAP_POPULATE, fd,
                 static_cast<off_t>(page_offset), std::string("the ") + name + " ring");
  std::uint8_t* base = memory.data();
  ring.mask = size - 1;
  ring.size = size;
  ring.producer = reinterpret_cast<__u32*>(base + at.producer);
  ring.consumer = reinterpret_cast<__u32*>(base + at.consumer);
  ring.flags = reinterpret_cast<__u32*>(base + at.flags);
  ring.ring = base + at.desc;
  return memory;
}

bool worth_another_try(int error) noexcept {
  return error == EAGAIN || error == ENOBUFS || error == EINTR || error == ENOMEM;
}

}  // namespace

TxSocket::TxSocket(const TxOptions& options, BindMode mode)
    : area_(std::size_t{kSlots + kReceiveChunks} * kChunk,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0, "memory for frames"),
      fd_(check_errno(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), "open an AF_XDP socket")),
      use_(kSlots, SlotUse::Head) {
  register_umem(options.timestamps);
  make_rings();
  for (std::uint32_t slot = kSlots; slot > 0; --slot) free_.push_back(slot - 1);
  bind(options, mode);
  if (facts_.zero_copy) feed_receive_queue();
}

void TxSocket::register_umem(bool timestamps) {
  UmemRegistration umem{.address = reinterpret_cast<std::uint64_t>(area_.data()),
                        .length = area_.size(),
                        .chunk_size = kChunk,
                        .headroom = 0,
                        .flags = kUmemHasMetadata,
                        .metadata_length = sizeof(TxMetadata)};
  const auto ask = [&] {
    return setsockopt(fd_.get(), SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem));
  };
  facts_.timestamps = timestamps && ask() == 0;
  if (facts_.timestamps) return;
  umem.flags = umem.metadata_length = 0;  // also for kernels before 6.11
  check_errno(ask(), "register memory for frames with AF_XDP");
}

void TxSocket::make_rings() {
  set_ring_size(fd_.get(), XDP_UMEM_FILL_RING, kReceiveChunks, "fill");
  set_ring_size(fd_.get(), XDP_UMEM_COMPLETION_RING, kCompletions, "completion");
  set_ring_size(fd_.get(), XDP_TX_RING, kSlots, "TX");
  xdp_mmap_offsets at{};
  socklen_t size = sizeof(at);
  check_errno(getsockopt(fd_.get(), SOL_XDP, XDP_MMAP_OFFSETS, &at, &size),
              "ask for the layout of AF_XDP rings");
  const int fd = fd_.get();
  tx_memory_ = map_ring(tx_, fd, at.tx, kSlots, sizeof(xdp_desc), XDP_PGOFF_TX_RING, "TX");
  fill_memory_ = map_ring(fill_, fd, at.fr, kReceiveChunks, sizeof(std::uint64_t),
                          XDP_UMEM_PGOFF_FILL_RING, "fill");
  completion_memory_ = map_ring(completion_, fd, at.cr, kCompletions, sizeof(std::uint64_t),
                                XDP_UMEM_PGOFF_COMPLETION_RING, "completion");
  tx_.cached_cons = kSlots;  // libxdp keeps it a ring's length ahead
  fill_.cached_cons = kReceiveChunks;
}

void TxSocket::bind(const TxOptions& options, BindMode mode) {
  sockaddr_xdp address{};
  address.sxdp_family = AF_XDP;
  address.sxdp_ifindex = if_nametoindex(options.interface.c_str());
  address.sxdp_queue_id = options.queue;
  address.sxdp_flags = static_cast<__u16>(XDP_USE_NEED_WAKEUP |
                                          (mode == BindMode::ZeroCopy ? XDP_ZEROCOPY : XDP_COPY) |
                                          (options.max_frame > kRoom ? kUseSg : 0));
  check_errno(
      ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
      "bind an AF_XDP socket to " + options.interface + " queue " + std::to_string(options.queue));
  facts_.xdp = true;
  facts_.zero_copy = mode == BindMode::ZeroCopy;
  // Both only spare system calls; older kernels and fewer rights do without.
  const std::uint32_t budget = kSlots;
  setsockopt(fd_.get(), SOL_XDP, kTxBudget, &budget, sizeof(budget));
  setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kSendBuffer, sizeof(kSendBuffer));
}

void TxSocket::feed_receive_queue() noexcept {
  std::uint32_t first = 0;
  if (xsk_ring_prod__reserve(&fill_, kReceiveChunks, &first) != kReceiveChunks) return;
  for (std::uint32_t i = 0; i < kReceiveChunks; ++i)
    *xsk_ring_prod__fill_addr(&fill_, first + i) = std::uint64_t{kSlots + i} * kChunk;
  xsk_ring_prod__submit(&fill_, kReceiveChunks);
}

std::uint8_t* TxSocket::slot_bytes(std::uint32_t slot) const noexcept {
  return area_.data() + std::size_t{slot} * kChunk + kHeadroom;
}

void TxSocket::ask_for_timestamp(std::uint8_t* frame) noexcept {
  const TxMetadata metadata{.flags = kTimestampWanted, .timestamp = 0, .launch_time = 0};
  std::memcpy(frame - sizeof(metadata), &metadata, sizeof(metadata));
}

std::uint64_t TxSocket::timestamp_of(std::uint32_t slot) const noexcept {
  if (!facts_.timestamps) return 0;
  TxMetadata metadata;
  std::memcpy(&metadata, slot_bytes(slot) - sizeof(metadata), sizeof(metadata));
  return metadata.timestamp;
}

std::optional<std::uint32_t> TxSocket::stage(std::span<const std::uint8_t> frame) noexcept {
  const auto parts = static_cast<std::uint32_t>((frame.size() + kRoom - 1) / kRoom);
  std::uint32_t index = 0;
  if (parts == 0 || free_.size() < parts || xsk_ring_prod__reserve(&tx_, parts, &index) != parts)
    return std::nullopt;
  const std::uint32_t head = free_.back();
  for (std::uint32_t part = 0; part < parts; ++part) {
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    const auto bytes = frame.first(std::min<std::size_t>(frame.size(), kRoom));
    frame = frame.subspan(bytes.size());
    std::memcpy(slot_bytes(slot), bytes.data(), bytes.size());
    use_[slot] = part == 0 ? SlotUse::Head : SlotUse::Tail;
    xdp_desc& descriptor = *xsk_ring_prod__tx_desc(&tx_, index + part);
    descriptor.addr = std::uint64_t{slot} * kChunk + kHeadroom;
    descriptor.len = static_cast<std::uint32_t>(bytes.size());
    descriptor.options =
        (frame.empty() ? 0 : kContinued) | (part == 0 && facts_.timestamps ? kHasMetadata : 0);
  }
  if (facts_.timestamps) ask_for_timestamp(slot_bytes(head));
  staged_ += parts;
  return head;
}

void TxSocket::send() noexcept {
  if (staged_ > 0) xsk_ring_prod__submit(&tx_, std::exchange(staged_, 0));
  for (std::uint32_t left = waiting(); left > 0 && wake();) {
    const std::uint32_t before = std::exchange(left, waiting());
    if (left == before || facts_.zero_copy) break;
  }
}

void TxSocket::cancel() noexcept {
  for (; staged_ > 0; --staged_) {
    const xdp_desc& descriptor = *xsk_ring_prod__tx_desc(&tx_, --tx_.cached_prod);
    free_.push_back(static_cast<std::uint32_t>(descriptor.addr / kChunk));
  }
}

// Descriptors that the kernel has not taken yet.
std::uint32_t TxSocket::waiting() const noexcept {
  return *tx_.producer - __atomic_load_n(tx_.consumer, __ATOMIC_ACQUIRE);
}

// False: another call at once would not help.
bool TxSocket::wake() noexcept {
  if (failure_ != 0 || xsk_ring_prod__needs_wakeup(&tx_) == 0) return false;
  if (sendto(fd_.get(), nullptr, 0, MSG_DONTWAIT, nullptr, 0) >= 0) return true;
  if (errno == EBUSY) {
    // Copy mode: the device took the frame and let it fall (__dev_direct_xmit: no carrier).
    if (!facts_.zero_copy) ++counts_.dropped;
    return !facts_.zero_copy;
  }
  if (worth_another_try(errno)) return true;
  failure_ = errno;
  return false;
}

std::size_t TxSocket::reap(std::span<Departure> out) noexcept {
  std::uint32_t first = 0;
  const std::uint32_t ready =
      xsk_ring_cons__peek(&completion_, static_cast<std::uint32_t>(out.size()), &first);
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < ready; ++i) {
    const auto slot =
        static_cast<std::uint32_t>(*xsk_ring_cons__comp_addr(&completion_, first + i) / kChunk);
    if (slot >= kSlots) continue;
    if (use_[slot] == SlotUse::Head) out[count++] = {slot, timestamp_of(slot)};
    free_.push_back(slot);
  }
  if (ready > 0) xsk_ring_cons__release(&completion_, ready);
  counts_.completed += count;
  return count;
}

}  // namespace gray
