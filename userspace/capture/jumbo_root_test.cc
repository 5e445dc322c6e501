// Frames that no UMEM chunk holds, on a tap: whole, byte for byte, and with every chunk given back,
// over a veth of MTU 9000 and as GSO super-frames.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstring>
#include <sstream>
#include <thread>
#include <vector>

#include "userspace/base/errors.h"
#include "userspace/base/fd.h"
#include "userspace/capture/live.h"
#include "userspace/capture/workers.h"
#include "userspace/lab/lab.h"
#include "userspace/packet/build.h"

namespace gray {
namespace {

using std::chrono::milliseconds;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint32_t kJumbo = 9014;  // MTU 9000 and the Ethernet header
constexpr std::size_t kNumberAt = 42;   // behind the UDP header

// Frame number `number`, every byte of its payload by rule.
Bytes numbered(std::uint32_t number, std::size_t size) {
  Bytes frame =
      PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).filler(size - 42).bytes();
  for (std::size_t i = kNumberAt + 4; i < size; ++i)
    frame[i] = static_cast<std::uint8_t>(number * 31 + i);
  std::memcpy(frame.data() + kNumberAt, &number, sizeof(number));
  return frame;
}

// Below a chunk, around its end, around the ends of the second and third, and the longest.
std::size_t size_of(std::uint32_t number) {
  constexpr std::array<std::size_t, 12> kSizes = {64,   1514, 3839, 3840, 3841, 4096,
                                                  7679, 7680, 7681, 8000, 9013, kJumbo};
  return kSizes[number % kSizes.size()];
}

class Receiver final : public FrameConsumer {
 public:
  void consume(std::span<const Frame> frames) noexcept override {
    for (const Frame& frame : frames) {
      std::uint32_t number = 0;
      if (frame.bytes.size() >= kNumberAt + 4)
        std::memcpy(&number, frame.bytes.data() + kNumberAt, sizeof(number));
      const Bytes wanted = numbered(number, size_of(number));
      if (!std::equal(wanted.begin(), wanted.end(), frame.bytes.begin(), frame.bytes.end()) ||
          frame.wire_len != wanted.size() || number < next_)
        ++strange;
      next_ = number + 1;
      ++total;
    }
  }
  std::atomic<std::uint32_t> total{0};
  std::uint64_t strange = 0;

 private:
  std::uint32_t next_ = 0;
};

class Keeper final : public FrameConsumer {
 public:
  void consume(std::span<const Frame> frames) noexcept override {
    for (const Frame& frame : frames) kept.emplace_back(frame.bytes.begin(), frame.bytes.end());
  }
  std::vector<Bytes> kept;
};

class Jumbo : public ::testing::Test {
 protected:
  void open(const LinkOptions& link, LiveOptions options) {
    lab_.link(sender_, "va", port_, "vb", link);
    options.interface = "vb";
    options.mode = CaptureMode::Tap;
    port_.enter([&] { live_ = open_live(options); });
  }

  template <class Send>
  Ledger capture(FrameConsumer& consumer, const Send& send) {
    Workers workers(live_->sources(), consumer);
    std::atomic<bool> sent{false};
    std::exception_ptr failure;
    std::thread thread([&] {
      try {
        sender_.enter(send);
      } catch (...) {
        failure = std::current_exception();
      }
      sent = true;
    });
    workers.run(sent);
    thread.join();
    if (failure) std::rethrow_exception(failure);
    live_->stop();
    const std::atomic<bool> never{false};
    workers.run(never);
    Ledger ledger;
    live_->account(ledger);
    workers.account(ledger);
    std::ostringstream text;
    print(text, ledger);
    EXPECT_TRUE(ledger.balanced()) << text.str();
    return ledger;
  }

  Lab lab_;
  Namespace& sender_ = lab_.ns("sender");
  Namespace& port_ = lab_.ns("port");
  std::unique_ptr<LiveCapture> live_;
};

Fd packet_socket() {
  Fd fd(check_errno(socket(AF_PACKET, SOCK_RAW, 0), "open a packet socket"));
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex("va"));
  check_errno(bind(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)), "bind to va");
  return fd;
}

void send_frame(const Fd& fd, const Bytes& frame) {
  while (send(fd.get(), frame.data(), frame.size(), 0) < 0) {
    if (errno != ENOBUFS && errno != EAGAIN) throw_errno(errno, "send a frame");
    std::this_thread::sleep_for(milliseconds(1));
  }
}

// At most `window` frames are under way. False when none arrives for ten seconds.
bool send_in_window(std::uint32_t count, std::uint32_t window,
                    const std::atomic<std::uint32_t>& arrived) {
  const Fd fd = packet_socket();
  for (std::uint32_t number = 0; number < count; ++number) {
    for (int i = 0; number - arrived >= window; ++i) {
      if (i == 10'000) return false;
      std::this_thread::sleep_for(milliseconds(1));
    }
    send_frame(fd, numbered(number, size_of(number)));
  }
  return true;
}

TEST_F(Jumbo, TheSameMemoryHoldsTwiceTheFramesOfAnEthernetMtu) {
  LiveOptions options;
  options.umem_bytes = 4 << 20;
  open({.mtu = 1500}, options);
  EXPECT_EQ(live_->facts().umem_bytes, 4U << 20);
  EXPECT_EQ(live_->sources().front()->ring_frames(), 2048U);
}

TEST_F(Jumbo, ALongerMtuNeedsTheLongerChunks) {
  LiveOptions options;
  options.umem_bytes = 4 << 20;
  open({.mtu = 1800}, options);
  EXPECT_EQ(live_->sources().front()->ring_frames(), 1024U);
}

TEST_F(Jumbo, EverySizeArrivesWholeAndEveryChunkIsGivenBack) {
  // 2.2 chunks a frame on average: the UMEM is used up forty times.
  constexpr std::uint32_t kFrames = 20'000;
  LiveOptions options;
  options.umem_bytes = 4 << 20;
  open({.mtu = 9000}, options);
  ASSERT_TRUE(live_->facts().multi_buffer) << live_->facts().multi_buffer_refusal;
  Receiver receiver;
  bool all = false;
  const Ledger ledger =
      capture(receiver, [&] { all = send_in_window(kFrames, 300, receiver.total); });
  EXPECT_TRUE(all);
  EXPECT_EQ(receiver.total, kFrames);
  EXPECT_EQ(receiver.strange, 0u);
  EXPECT_EQ(ledger.lost(), 0u);
  EXPECT_GT(live_->joined(), kFrames / 2);
}

TEST_F(Jumbo, WhenTheReaderIsLateFramesAreLostWholeAndByName) {
  LiveOptions options;
  options.umem_bytes = 4 << 20;
  open({.mtu = 9000}, options);
  constexpr std::uint32_t kFrames = 20'000;
  // Looks at nothing before all has been sent: the UMEM is full long before.
  class Late final : public FrameConsumer {
   public:
    void consume(std::span<const Frame> frames) noexcept override {
      all_sent.wait(false);
      inner.consume(frames);
    }
    std::atomic<bool> all_sent{false};
    Receiver inner;
  } late;
  struct Release {
    ~Release() {
      all_sent = true;
      all_sent.notify_all();
    }
    std::atomic<bool>& all_sent;
  };
  const Ledger ledger = capture(late, [&] {
    const Release release{late.all_sent};
    const Fd fd = packet_socket();
    for (std::uint32_t number = 0; number < kFrames; ++number)
      send_frame(fd, numbered(number, size_of(number)));
  });
  EXPECT_EQ(late.inner.strange, 0u);
  EXPECT_GT(ledger.lost(), 0u);
  EXPECT_EQ(late.inner.total + ledger.lost(), kFrames);
}

// A UDP socket that hands `size` bytes to the device at once, to be cut into `segment`s.
void send_super_frame(const Bytes& payload, int segment) {
  const Fd fd(check_errno(socket(AF_INET, SOCK_DGRAM, 0), "open a UDP socket"));
  check_errno(setsockopt(fd.get(), SOL_UDP, 103 /* UDP_SEGMENT */, &segment, sizeof(segment)),
              "set UDP_SEGMENT");
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  inet_pton(AF_INET, "10.0.0.2", &to.sin_addr);
  check_errno(static_cast<int>(sendto(fd.get(), payload.data(), payload.size(), 0,
                                      reinterpret_cast<sockaddr*>(&to), sizeof(to))),
              "send a super-frame");
}

TEST_F(Jumbo, ASuperFrameIsOneFrame) {
  LiveOptions options;
  options.xdp = XdpMode::Generic;  // native XDP makes the other end cut it
  open({}, options);
  lab_.address("va", "10.0.0.1/24");
  sender_.must_run({"ip", "neigh", "add", "10.0.0.2", "lladdr", "02:00:00:00:00:02", "dev", "va"});
  ASSERT_TRUE(live_->facts().multi_buffer) << live_->facts().multi_buffer_refusal;
  Bytes payload(50'000);
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::uint8_t>(i % 251);
  Keeper keeper;
  const Ledger ledger = capture(keeper, [&] { send_super_frame(payload, 1000); });
  EXPECT_EQ(ledger.lost(), 0u);
  ASSERT_EQ(keeper.kept.size(), 1u);
  ASSERT_EQ(keeper.kept[0].size(), 42 + payload.size());
  EXPECT_TRUE(std::equal(payload.begin(), payload.end(), keeper.kept[0].begin() + 42));
}

}  // namespace
}  // namespace gray
