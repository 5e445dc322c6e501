#include "tools/streambench/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <span>
#include <stdexcept>

#include "replay/protocol/extractor.h"
#include "replay/stream/stream_reader.h"
#include "tools/streambench/tins_follower.h"

namespace gray {
namespace {

class Watch {
 public:
  double ns_of(std::size_t packets) const {
    const std::chrono::duration<double, std::nano> passed = std::chrono::steady_clock::now() - at_;
    return packets == 0 ? 0 : passed.count() / static_cast<double>(packets);
  }

 private:
  std::chrono::steady_clock::time_point at_ = std::chrono::steady_clock::now();
};

/// Counts what comes out.
struct Counting final : StreamSink {
  struct Consumer final : StreamConsumer {
    explicit Consumer(std::uint64_t& sum) : bytes(sum) {}
    void data(unsigned, std::span<const std::uint8_t> piece, std::uint64_t) noexcept override {
      bytes += piece.size();
    }
    void gap(unsigned, std::uint64_t) noexcept override {}
    void end(unsigned) noexcept override {}
    void closed(CloseReason) noexcept override {}
    bool wanted() const noexcept override { return true; }
    std::uint64_t& bytes;
  };
  std::unique_ptr<StreamConsumer> opened(const Connection&) noexcept override {
    return std::make_unique<Consumer>(bytes);
  }
  std::uint64_t bytes = 0;
};

struct CountingExchanges final : ExchangeSink {
  void exchange(Exchange&&) override { ++count; }
  std::size_t count = 0;
};

/// As a Source gives frames out.
template <class Take>
void in_batches(const MemoryCapture& capture, Take&& take) {
  std::array<Frame, 256> frames;
  for (std::size_t at = 0; at < capture.size();) {
    const std::size_t count = std::min(frames.size(), capture.size() - at);
    for (std::size_t i = 0; i < count; ++i) frames[i] = capture[at + i];
    take(std::span<const Frame>(frames).first(count));
    at += count;
  }
}

std::uint64_t payload_of(const MemoryCapture& capture) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < capture.size(); ++i) sum += decode(capture[i]).payload.size();
  return sum;
}

void expect(std::uint64_t got, std::uint64_t wanted) {
  if (got != wanted) throw std::runtime_error(fmt::format("{} came out of {}", got, wanted));
}

}  // namespace

double measure_decode(const MemoryCapture& capture) {
  std::uint64_t sum = 0;
  const Watch watch;
  for (std::size_t i = 0; i < capture.size(); ++i) sum += decode(capture[i]).payload.size();
  const double ns = watch.ns_of(capture.size());
  if (sum == 0) throw std::runtime_error("nothing was decoded");
  return ns;
}

Pass measure_reassembly(const Traffic& traffic, std::size_t flows) {
  Counting sink;
  StreamReader reader({.max_flows = flows + 1}, default_tunnels(), sink);
  const auto feed = [&](const MemoryCapture& capture) {
    const Watch watch;
    in_batches(capture, [&](std::span<const Frame> frames) { reader.frames(frames); });
    return watch.ns_of(capture.size());
  };
  Pass pass;
  pass.opening_ns = feed(traffic.opening);
  pass.first_ns = feed(traffic.first);
  pass.steady_ns = feed(traffic.steady);
  expect(sink.bytes, payload_of(traffic.first) + payload_of(traffic.steady));
  return pass;
}

Pass measure_tins(const Traffic& traffic) {
  TinsFollower follower({.keep_bytes = false});
  const auto feed = [&](const MemoryCapture& capture) {
    const Watch watch;
    for (std::size_t i = 0; i < capture.size(); ++i) follower.ethernet(capture[i]);
    return watch.ns_of(capture.size());
  };
  Pass pass;
  pass.opening_ns = feed(traffic.opening);
  pass.first_ns = feed(traffic.first);
  pass.steady_ns = feed(traffic.steady);
  expect(follower.delivered_bytes(), payload_of(traffic.first) + payload_of(traffic.steady));
  return pass;
}

double measure_extractor(const MemoryCapture& capture, std::size_t exchanges, unsigned threads) {
  CountingExchanges sink;
  Extractor extractor({.threads = threads}, sink);
  const Watch watch;
  in_batches(capture, [&](std::span<const Frame> frames) { extractor.frames(frames); });
  extractor.finish();
  const double ns = watch.ns_of(capture.size());
  expect(sink.count, exchanges);
  return ns;
}

}  // namespace gray
