// xskcount: counts the frames of one RX queue in a bare AF_XDP loop, or, with --drop, has XDP drop
// them all. What the machine can do at best: a laboratory's tool, to measure a capture against.
// Prints the count at SIGINT or SIGTERM.

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <array>
#include <atomic>
#include <csignal>
#include <optional>
#include <string>

#include "userspace/base/errors.h"
#include "userspace/base/owned.h"
#include "userspace/base/tool_main.h"
#include "userspace/kernel/interface.h"
#include "userspace/kernel/socket.h"
#include "userspace/kernel/umem.h"
#include "xskcount.skel.h"

namespace gray {
namespace {

constexpr std::size_t kUmemBytes = 64 << 20;  // as a tap has it
constexpr std::size_t kBatch = 256;
constexpr std::uint32_t kQueue = 0;
constexpr std::chrono::milliseconds kWait{100};

std::atomic<bool> stop{false};

struct Options {
  std::string interface;
  bool drop = false;
  bool wait = false;
};

std::uint64_t count_frames(Umem& umem, Socket& socket, bool wait) {
  std::array<xdp_desc, kBatch> descriptors;
  std::uint64_t total = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    const std::size_t count = socket.peek(descriptors);
    for (std::size_t i = 0; i < count; ++i) umem.recycle(descriptors[i].addr);
    socket.take(count);
    if (umem.submit()) socket.wake();
    total += count;
    if (count == 0 && wait) socket.wait(kWait);
  }
  return total;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app{"Counts the frames of an interface's first RX queue."};
  app.add_option("-i,--interface", options.interface, "interface")->required();
  app.add_flag("--drop", options.drop, "drop all frames in XDP and count nothing");
  app.add_flag("--wait", options.wait, "sleep until a frame comes instead of spinning");
  if (!parse_command_line(app, argc, argv)) return 0;
  std::signal(SIGINT, [](int) { stop = true; });
  std::signal(SIGTERM, [](int) { stop = true; });
  libbpf_set_print(nullptr);  // errors are told by us, in one line

  const InterfaceFacts interface = read_interface(options.interface);
  const Owned<xskcount_bpf, xskcount_bpf::destroy> skeleton(xskcount_bpf::open_and_load());
  if (!skeleton) throw_errno(errno, "load the counting program");
  std::optional<Umem> umem;
  std::optional<Socket> socket;
  if (!options.drop) {
    umem.emplace(kUmemBytes, GRAY_TAP_SMALL_FRAME_SIZE);
    socket.emplace(*umem, options.interface, kQueue, BindOptions{});
    const int fd = socket->fd();
    check(bpf_map_update_elem(bpf_map__fd(skeleton->maps.xsks), &kQueue, &fd, BPF_ANY),
          "hand the queue to its socket");
  }
  const Owned<bpf_link, bpf_link__destroy> link(
      bpf_program__attach_xdp(skeleton->progs.to_socket, static_cast<int>(interface.index)));
  if (!link) throw_errno(errno, "attach to " + options.interface);
  fmt::print(stderr, "xskcount: listening on {}\n", options.interface);
  if (options.drop)
    while (!stop) pause();
  else
    fmt::print("{} frames\n", count_frames(*umem, *socket, options.wait));
  return 0;
}

}  // namespace
}  // namespace gray

int main(int argc, char** argv) {
  return gray::tool_main("xskcount", gray::run, argc, argv);
}
