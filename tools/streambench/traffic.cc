#include "tools/streambench/traffic.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

#include "userspace/packet/build.h"

namespace gray {
namespace {

constexpr std::size_t kHeaders = 14 + 20 + 20;
constexpr std::size_t kIp = 14;
constexpr std::size_t kTcp = kIp + 20;
constexpr std::size_t kPorts = 64'000;
constexpr std::uint64_t kStart = 1'700'000'000'000'000'000;
constexpr std::size_t kSegment = 1460;

void put_u16(std::uint8_t* at, std::size_t value) noexcept {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}

void put_u32(std::uint8_t* at, std::size_t value) noexcept {
  put_u16(at, value >> 16);
  put_u16(at + 2, value & 0xffff);
}

/// Writes segments of connections into a capture. The checksums of the template stay in the frames,
/// and are wrong: whoever reads captures must not mind, since offloads leave them so.
class Writer {
 public:
  explicit Writer(std::size_t flows) : next_(flows, {1000, 5000}) {
    const auto frame = PacketBuilder().eth().ipv4("10.0.0.0", "192.0.2.1").tcp(0, 80).bytes();
    std::copy_n(frame.begin(), kHeaders, template_.begin());
  }

  void segment(MemoryCapture& to, std::size_t flow, unsigned from, std::string_view payload,
               std::uint8_t flags) {
    now_ += 1000;
    const auto frame = to.add(kHeaders + payload.size(), now_);
    std::copy(template_.begin(), template_.end(), frame.begin());
    if (!payload.empty()) std::memcpy(&frame[kHeaders], payload.data(), payload.size());
    put_u16(&frame[kIp + 2], 40 + payload.size());
    put_u32(&frame[kIp + (from == 0 ? 12 : 16)], 0x0a000000 + flow / kPorts);
    put_u32(&frame[kIp + (from == 0 ? 16 : 12)], 0xc0000201);
    put_u16(&frame[kTcp + (from == 0 ? 0 : 2)], 1024 + flow % kPorts);
    put_u16(&frame[kTcp + (from == 0 ? 2 : 0)], 80);
    auto& next = next_[flow];
    put_u32(&frame[kTcp + 4], next[from]);
    put_u32(&frame[kTcp + 8], (flags & kTcpAck) != 0 ? next[1 - from] : 0);
    frame[kTcp + 13] = flags;
    const bool counts = (flags & (kTcpSyn | kTcpFin)) != 0;
    next[from] += static_cast<std::uint32_t>(payload.size()) + (counts ? 1U : 0U);
  }

  void handshake(MemoryCapture& to, std::size_t flow) {
    segment(to, flow, 0, {}, kTcpSyn);
    segment(to, flow, 1, {}, kTcpSyn | kTcpAck);
    segment(to, flow, 0, {}, kTcpAck);
  }

 private:
  std::array<std::uint8_t, kHeaders> template_{};
  std::vector<std::array<std::uint32_t, 2>> next_;
  std::uint64_t now_ = kStart;
};

}  // namespace

Frame MemoryCapture::operator[](std::size_t index) const noexcept {
  const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
  Frame frame;
  frame.bytes = std::span(bytes_).subspan(begin, ends_[index] - begin);
  frame.wire_len = static_cast<std::uint32_t>(frame.bytes.size());
  frame.time_ns = times_[index];
  return frame;
}

std::span<std::uint8_t> MemoryCapture::add(std::size_t length, std::uint64_t time_ns) {
  bytes_.resize(bytes_.size() + length);
  ends_.push_back(bytes_.size());
  times_.push_back(time_ns);
  return std::span(bytes_).last(length);
}

void MemoryCapture::reserve(std::size_t frames, std::size_t bytes) {
  bytes_.reserve(bytes);
  ends_.reserve(frames);
  times_.reserve(frames);
}

Traffic make_traffic(std::size_t flows, std::size_t packets, std::size_t payload) {
  Traffic traffic;
  Writer writer(flows);
  traffic.opening.reserve(3 * flows, 3 * flows * kHeaders);
  for (std::size_t flow = 0; flow < flows; ++flow) writer.handshake(traffic.opening, flow);
  const std::string text(payload, 'x');
  traffic.first.reserve(flows, flows * (kHeaders + 1));
  for (std::size_t flow = 0; flow < flows; ++flow)
    writer.segment(traffic.first, flow, 0, "x", kTcpAck | kTcpPsh);
  std::mt19937_64 random(1);
  traffic.steady.reserve(packets, packets * (kHeaders + payload));
  for (std::size_t i = 0; i < packets; ++i) {
    const std::uint64_t chosen = random();
    writer.segment(traffic.steady, (chosen >> 1) % flows, chosen & 1, text, kTcpAck | kTcpPsh);
  }
  return traffic;
}

MemoryCapture make_http(std::size_t flows, std::size_t exchanges, std::size_t body) {
  MemoryCapture capture;
  Writer writer(flows);
  for (std::size_t flow = 0; flow < flows; ++flow) writer.handshake(capture, flow);
  const std::string answer =
      "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\n"
      "Content-Length: " +
      std::to_string(body) + "\r\nConnection: keep-alive\r\nVary: Accept-Encoding\r\n\r\n" +
      std::string(body, 'b');
  for (std::size_t i = 0; i < exchanges; ++i) {
    const std::size_t flow = i * 7919 % flows;
    const std::string request =
        "GET /shop/item/" + std::to_string(i) +
        "?view=full HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux "
        "x86_64; rv:115.0) Gecko/20100101 Firefox/115.0\r\nAccept: "
        "text/html,application/xhtml+xml\r\n"
        "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate\r\nConnection: "
        "keep-alive\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n\r\n";
    writer.segment(capture, flow, 0, request, kTcpAck | kTcpPsh);
    for (std::size_t at = 0; at < answer.size(); at += kSegment)
      writer.segment(capture, flow, 1, std::string_view(answer).substr(at, kSegment), kTcpAck);
    writer.segment(capture, flow, 0, {}, kTcpAck);
  }
  return capture;
}

}  // namespace gray
