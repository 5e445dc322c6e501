#include "replay/send/receive.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "replay/send/scripted_canary.h"
#include "userspace/base/clock.h"

namespace gray {
namespace {

Fd connect_to(const ScriptedCanary& canary) {
  Fd fd(check_errno(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "open a socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(canary.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  check_errno(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              "connect");
  return fd;
}

TEST(Receive, BytesTheEndAndNothingYet) {
  ScriptedCanary canary([](ScriptedCanary::Peer& peer) {
    SeenRequest request;
    if (peer.read(request)) peer.send("abc");
  });
  const Fd fd = connect_to(canary);
  std::array<std::uint8_t, 16> into{};
  EXPECT_EQ(receive(fd.get(), into).error, EAGAIN);
  ASSERT_EQ(::send(fd.get(), "GET\r\n\r\n", 7, 0), 7);
  Received received;
  while ((received = receive(fd.get(), into)).error == EAGAIN) std::this_thread::yield();
  EXPECT_EQ(received.error, 0);
  EXPECT_EQ(received.bytes, 3u);
  EXPECT_EQ(into[2], 'c');
  while ((received = receive(fd.get(), into)).error == EAGAIN) std::this_thread::yield();
  EXPECT_EQ(received.error, 0);
  EXPECT_EQ(received.bytes, 0u);
}

TEST(Receive, ArrivalIsNotTheTimeOfReading) {
  ScriptedCanary canary([](ScriptedCanary::Peer& peer) {
    SeenRequest request;
    while (peer.read(request)) peer.send("abc");
  });
  const Fd fd = connect_to(canary);
  ask_for_arrival_times(fd.get());
  std::array<std::uint8_t, 16> into{};
  // The kernel begins to stamp a moment after it was first asked to.
  std::uint64_t age = 0;
  for (int i = 0; i < 100 && age < 20 * kNsPerMs; ++i) {
    ASSERT_EQ(::send(fd.get(), "GET\r\n\r\n", 7, 0), 7);
    const std::uint64_t asked = monotonic_ns();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    Received received;
    while ((received = receive(fd.get(), into)).error == EAGAIN) std::this_thread::yield();
    EXPECT_EQ(received.bytes, 3u);
    EXPECT_GE(received.arrived_ns + kNsPerMs, asked);
    age = monotonic_ns() - received.arrived_ns;
  }
  EXPECT_GE(age, 20 * kNsPerMs);
}

}  // namespace
}  // namespace gray
