// Slots are used in turn, so that what waits for sendmmsg(2) lies in one piece of the message array
// (or in two, at its end).
#include "userspace/kernel/packet_socket.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr int kSendBuffer = 64 << 20;

// ENOBUFS is how a packet socket tells of a full device queue.
bool worth_another_try(int error) noexcept {
  return error == EAGAIN || error == ENOBUFS || error == EINTR || error == ENOMEM;
}

// Of the frame, not of the port: longer than the MTU, or nothing that can be an Ethernet frame.
bool refused(int error) noexcept {
  return error == EMSGSIZE || error == EINVAL;
}

}  // namespace

PacketSocket::PacketSocket(const TxOptions& options, std::string why_not_xdp)
    : fd_(check_errno(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "open a packet socket")),
      slot_size_(options.max_frame),
      bytes_(kSlots * options.max_frame),
      parts_(kSlots),
      messages_(kSlots) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;  // protocol 0: it receives nothing
  address.sll_ifindex = static_cast<int>(if_nametoindex(options.interface.c_str()));
  check_errno(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              "bind a packet socket to " + options.interface);
  const int on = 1;
  check_errno(setsockopt(fd_.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)),
              "let a packet socket go around the qdisc");
  setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kSendBuffer, sizeof(kSendBuffer));
  for (std::size_t i = 0; i < kSlots; ++i) {
    parts_[i].iov_base = bytes_.data() + i * slot_size_;
    messages_[i].msg_hdr.msg_iov = &parts_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }
  facts_.why_not = std::move(why_not_xdp);
}

std::optional<std::uint32_t> PacketSocket::stage(std::span<const std::uint8_t> frame) noexcept {
  if (staged_ - reaped_ == kSlots || frame.empty() || frame.size() > slot_size_)
    return std::nullopt;
  const auto slot = static_cast<std::uint32_t>(staged_++ % kSlots);
  std::memcpy(parts_[slot].iov_base, frame.data(), frame.size());
  parts_[slot].iov_len = frame.size();
  return slot;
}

void PacketSocket::send() noexcept {
  handed_over_ = staged_;
  while (failure_ == 0 && sent_ < handed_over_) {
    const std::size_t first = sent_ % kSlots;
    const std::size_t count = std::min<std::size_t>(handed_over_ - sent_, kSlots - first);
    const int taken =
        sendmmsg(fd_.get(), messages_.data() + first, static_cast<unsigned>(count), MSG_DONTWAIT);
    if (taken > 0) {
      sent_ += static_cast<unsigned>(taken);
    } else if (refused(errno)) {
      ++sent_;
      ++counts_.rejected;
    } else if (worth_another_try(errno)) {
      return;
    } else {
      failure_ = errno;
    }
  }
}

void PacketSocket::cancel() noexcept {
  staged_ = handed_over_;
}

std::size_t PacketSocket::reap(std::span<Departure> out) noexcept {
  std::size_t count = 0;
  for (; count < out.size() && reaped_ < sent_; ++count)
    out[count] = {static_cast<std::uint32_t>(reaped_++ % kSlots), 0};
  counts_.completed = sent_ - counts_.rejected;
  return count;
}

}  // namespace gray
