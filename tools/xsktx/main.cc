// xsktx: the smallest AF_XDP transmit loop there can be, by libxdp: frames that are in the UMEM
// before it starts, nothing looked at, nothing paced. The bound that packet replay at top speed is
// measured against. A laboratory's tool.

#include <fmt/core.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <xdp/xsk.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstring>
#include <string>

#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/owned.h"
#include "userspace/base/tool_main.h"

namespace gray {
namespace {

constexpr std::uint32_t kFrames = 2048;
constexpr std::uint32_t kChunk = 2048;
constexpr std::uint32_t kMostBytes = 1514;
constexpr int kTxBudget = 9;  // XDP_MAX_TX_SKB_BUDGET, Linux 6.18
constexpr int kSendBuffer = 64 << 20;

struct Options {
  std::string interface;
  std::uint64_t count = 1'000'000;
  std::uint32_t size = 64;
  std::uint32_t batch = 64;
};

struct Loop {
  explicit Loop(const Options& options);
  void run(const Options& options);

  std::uint8_t* area;
  xsk_ring_prod fill{};  // zeroed: libxdp 1.3 reads before it writes
  xsk_ring_cons completion{};
  xsk_ring_prod tx{};
  Owned<xsk_umem, xsk_umem__delete> umem;
  Owned<xsk_socket, xsk_socket__delete> socket;
};

Loop::Loop(const Options& options) {
  void* memory = mmap(nullptr, std::size_t{kFrames} * kChunk, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) throw_errno(errno, "map memory for frames");
  area = static_cast<std::uint8_t*>(memory);
  constexpr std::uint8_t kHeader[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
  for (std::uint32_t i = 0; i < kFrames; ++i)
    std::memcpy(area + std::size_t{i} * kChunk, kHeader, sizeof(kHeader));

  xsk_umem_config umem_config{};
  umem_config.fill_size = kFrames;
  umem_config.comp_size = kFrames;
  umem_config.frame_size = kChunk;
  xsk_umem* new_umem = nullptr;
  check(xsk_umem__create(&new_umem, area, std::uint64_t{kFrames} * kChunk, &fill, &completion,
                         &umem_config),
        "register memory for frames");
  umem.reset(new_umem);
  xsk_socket_config config{};
  config.tx_size = kFrames;
  config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
  config.bind_flags = XDP_USE_NEED_WAKEUP;
  xsk_socket* new_socket = nullptr;
  check(xsk_socket__create(&new_socket, options.interface.c_str(), 0, umem.get(), nullptr, &tx,
                           &config),
        "open an AF_XDP socket on " + options.interface);
  socket.reset(new_socket);
  const int fd = xsk_socket__fd(socket.get());
  const std::uint32_t budget = kFrames;
  setsockopt(fd, SOL_XDP, kTxBudget, &budget, sizeof(budget));
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &kSendBuffer, sizeof(kSendBuffer));
}

void Loop::run(const Options& options) {
  const int fd = xsk_socket__fd(socket.get());
  std::uint64_t sent = 0;
  std::uint64_t completed = 0;
  std::uint32_t next = 0;
  while (completed < options.count) {
    std::uint32_t index = 0;
    const bool more = sent < options.count && sent - completed + options.batch <= kFrames;
    if (more && xsk_ring_prod__reserve(&tx, options.batch, &index) == options.batch) {
      for (std::uint32_t i = 0; i < options.batch; ++i) {
        xdp_desc& descriptor = *xsk_ring_prod__tx_desc(&tx, index + i);
        descriptor = {std::uint64_t{next++ % kFrames} * kChunk, options.size, 0};
      }
      xsk_ring_prod__submit(&tx, options.batch);
      sent += options.batch;
    }
    if (xsk_ring_prod__needs_wakeup(&tx) != 0) sendto(fd, nullptr, 0, MSG_DONTWAIT, nullptr, 0);
    const std::uint32_t done = xsk_ring_cons__peek(&completion, kFrames, &index);
    if (done > 0) xsk_ring_cons__release(&completion, done);
    completed += done;
  }
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app{"Sends frames as fast as AF_XDP takes them."};
  app.add_option("-i,--interface", options.interface, "interface to send out of")->required();
  app.add_option("--count", options.count, "frames to send, about");
  app.add_option("--size", options.size, "bytes a frame")->check(CLI::Range(14U, kMostBytes));
  app.add_option("--batch", options.batch, "frames a call")->check(CLI::Range(1U, kFrames));
  if (!parse_command_line(app, argc, argv)) return 0;
  Loop loop(options);
  const std::uint64_t start = monotonic_ns();
  loop.run(options);
  const double seconds = static_cast<double>(monotonic_ns() - start) / 1e9;
  fmt::print("{:.0f}\n", static_cast<double>(options.count) / seconds);
  return 0;
}

}  // namespace
}  // namespace gray

int main(int argc, char** argv) {
  return gray::tool_main("xsktx", gray::run, argc, argv);
}
