// Both programs under BPF_PROG_TEST_RUN, seen alike: a frame goes in, an Outcome comes out. Tests
// only; one thread.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/if_xdp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bpf/shared.h"
#include "bpf/tag.h"
#include "userspace/base/errors.h"
#include "userspace/base/fd.h"
#include "userspace/base/owned.h"
#include "userspace/kernel/programs.h"

namespace gray {

using Bytes = std::vector<std::uint8_t>;

struct Record {
  gray_frame_meta meta{};
  Bytes bytes;
};

/// What became of one frame.
struct Outcome {
  std::uint32_t verdict = 0;  ///< what the program returned
  Bytes frame;                ///< the frame as the program left it, without metadata
  std::vector<Record> records;
  Counters counted{};  ///< what the frame added

  /// Of a captured frame.
  const gray_frame_meta& meta() const { return records.at(0).meta; }
};

/// The counters a frame bumped beside those that every frame does: "captured", "filtered",
/// "odd_ip_header malformed".
inline std::string reasons(const Counters& counted) {
  static constexpr const char* kNames[] = {
#define GRAY_COUNTER_NAME(id, name, kind) name,
      GRAY_COUNTERS(GRAY_COUNTER_NAME)
#undef GRAY_COUNTER_NAME
  };
  std::string text;
  for (std::size_t i = 0; i < counted.size(); ++i) {
    if (i == GRAY_SEEN || i == GRAY_SEEN_BYTES || i == GRAY_CAPTURED_BYTES || i == GRAY_FLOW_NEW ||
        i == GRAY_FLOW_EVICTED)
      continue;
    for (std::uint64_t n = 0; n < counted[i]; ++n)
      text += (text.empty() ? "" : " ") + std::string(kNames[i]);
  }
  return text;
}

inline gray_flow_key key_of(Endpoint a, Endpoint b, std::uint8_t proto) {
  if (b < a) std::swap(a, b);
  gray_flow_key key{};
  std::memcpy(key.addr[0], a.address.bytes.data(), 16);
  std::memcpy(key.addr[1], b.address.bytes.data(), 16);
  key.port[0] = __builtin_bswap16(a.port);
  key.port[1] = __builtin_bswap16(b.port);
  key.proto = proto;
  key.family = a.address.is_v4() ? 4 : 6;
  return key;
}

/// One program under test.
class Bench {
 public:
  static constexpr std::uint64_t kSeed = 0x5eed;

  virtual ~Bench() = default;
  virtual Program& program() = 0;
  /// What it returns for a frame that is captured, and for one that is not.
  virtual std::uint32_t verdict(bool captured) const = 0;
  /// Whether a test run of this kind takes `frame`: at least an Ethernet header.
  virtual bool takes(const Bytes& frame) const { return frame.size() >= 14; }

  void configure(ProgramOptions options) {
    options.seed = kSeed;
    program().configure(make_config(options));
  }
  void configure(const Selection& selection) { configure(ProgramOptions{.selection = selection}); }

  /// Runs the program once over a frame that it takes, and checks the law of the counters.
  Outcome run(const Bytes& frame) {
    const Counters before = program().counters();
    Outcome outcome = run_once(frame);
    outcome.counted = program().counters();
    for (std::size_t i = 0; i < before.size(); ++i) outcome.counted[i] -= before[i];
    EXPECT_TRUE(kernel_stage("test", outcome.counted).balanced()) << reasons(outcome.counted);
    EXPECT_EQ(outcome.counted[GRAY_SEEN], 1U);
    EXPECT_EQ(outcome.counted[GRAY_SEEN_BYTES], frame.size());
    EXPECT_EQ(outcome.records.size(), outcome.counted[GRAY_CAPTURED]);
    EXPECT_EQ(outcome.verdict, verdict(outcome.counted[GRAY_CAPTURED] > 0));
    return outcome;
  }

  /// Whether the frame is not filtered. Quicker than run(): without the counters, where it can.
  bool passes(const Bytes& frame) {
    if (frame.size() > kLong) return run(frame).counted[GRAY_FILTERED] == 0;
    return !run_once(frame).records.empty();
  }

  /// Nanoseconds a frame, over `repeat` runs in the kernel.
  std::uint32_t time(const Bytes& frame, int repeat) {
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = frame.data();
    options.data_size_in = static_cast<std::uint32_t>(frame.size());
    options.repeat = repeat;
    check(bpf_prog_test_run_opts(fd(), &options), "run a BPF program");
    return options.duration;
  }

 protected:
  /// A frame that is longer may not be captured, selected or not.
  static constexpr std::size_t kLong = 3500;

  virtual int fd() const = 0;
  virtual Outcome run_once(const Bytes& frame) = 0;

  /// The verdict, and in `frame` all that the program left: metadata and frame.
  Outcome test_run(const Bytes& frame) const {
    Outcome outcome;
    outcome.frame.resize(frame.size() + 256);
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = frame.data();
    options.data_size_in = static_cast<std::uint32_t>(frame.size());
    options.data_out = outcome.frame.data();
    options.data_size_out = static_cast<std::uint32_t>(outcome.frame.size());
    options.repeat = 1;
    check(bpf_prog_test_run_opts(fd(), &options), "run a BPF program");
    outcome.verdict = options.retval;
    outcome.frame.resize(options.data_size_out);
    return outcome;
  }

  static Record to_record(const std::uint8_t* data, std::size_t size) {
    Record record;
    std::memcpy(&record.meta, data, sizeof(record.meta));
    record.bytes.assign(data + sizeof(record.meta),
                        data + std::min(size, sizeof(record.meta) + record.meta.cap_len));
    return record;
  }
};

/// bpf/tap.bpf.c. Test runs come from queue 0 of the loopback device.
class TapBench final : public Bench {
 public:
  static constexpr std::uint32_t kDrop = 1, kPass = 2, kRedirect = 4;

  explicit TapBench(ProgramOptions options = {}) : program_(options) { plug(true); }
  TapProgram& program() override { return program_; }
  std::uint32_t verdict(bool captured) const override {
    if (captured) return kRedirect;
    return program_.config().pass_unselected != 0 ? kPass : kDrop;
  }
  /// Puts a socket behind queue 0, or takes it away.
  void plug(bool in) {
    const std::uint32_t queue = 0;
    socket_ = in ? Fd(check_errno(socket(AF_XDP, SOCK_RAW, 0), "open an AF_XDP socket")) : Fd();
    const int socket = socket_.get();
    if (in)
      check(bpf_map_update_elem(program_.xsks_fd(), &queue, &socket, BPF_ANY), "plug a socket");
    else
      bpf_map_delete_elem(program_.xsks_fd(), &queue);
  }

 protected:
  int fd() const override { return program_.program_fd(); }
  Outcome run_once(const Bytes& frame) override {
    Outcome outcome = test_run(frame);
    if (outcome.verdict != kRedirect) return outcome;
    outcome.records.push_back(to_record(outcome.frame.data(), outcome.frame.size()));
    outcome.frame.erase(outcome.frame.begin(), outcome.frame.begin() + sizeof(gray_frame_meta));
    return outcome;
  }

 private:
  TapProgram program_;
  Fd socket_;
};

/// bpf/host.bpf.c, or for ingress bpf/host_xdp.bpf.c, one direction, and the ring buffers filled.
class HostBench final : public Bench {
 public:
  static constexpr std::uint32_t kNext = ~0U, kPass = 2;

  explicit HostBench(ProgramOptions options = {})
      : program_(options),
        xdp_(options.xdp_ingress),
        rings_(ring_buffer__new(program_.ring_fds()[0], &take, this, nullptr)) {
    if (!rings_) throw_errno(errno, "open the ring buffer");
    for (std::size_t i = 1; i < program_.ring_fds().size(); ++i)
      check(ring_buffer__add(rings_.get(), program_.ring_fds()[i], &take, this), "open a ring");
  }
  HostProgram& program() override { return program_; }
  std::uint32_t verdict(bool) const override { return xdp_ && !egress_ ? kPass : kNext; }
  /// The kernel makes no test skb of an IP header that is cut, nor of what a page does not hold.
  bool takes(const Bytes& frame) const override {
    if (frame.size() < 14 || frame.size() > 3700) return false;
    const int type = frame[12] << 8 | frame[13];
    const std::size_t header = type == 0x0800 ? 20 : type == 0x86dd ? 40 : 0;
    return frame.size() >= 14 + header;
  }
  void use_egress(bool egress) { egress_ = egress; }
  /// What waits in the rings.
  std::vector<Record> drain() {
    ring_buffer__consume(rings_.get());
    return std::exchange(taken_, {});
  }
  /// As run(), but leaves the rings as they are.
  Outcome run_undrained(const Bytes& frame) { return test_run(frame); }

 protected:
  int fd() const override { return egress_ ? program_.egress_fd() : program_.ingress_fd(); }
  Outcome run_once(const Bytes& frame) override {
    Outcome outcome = test_run(frame);
    outcome.records = drain();
    return outcome;
  }

 private:
  static int take(void* self, void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    static_cast<HostBench*>(self)->taken_.push_back(to_record(bytes, size));
    return 0;
  }

  HostProgram program_;
  bool xdp_;
  std::vector<Record> taken_;
  Owned<ring_buffer, ring_buffer__free> rings_;
  bool egress_ = false;
};

}  // namespace gray
