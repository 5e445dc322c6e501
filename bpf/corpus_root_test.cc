// Every Ethernet frame of a folder of captures, through both programs and through user space: the
// same tag, the same key, the same direction. The folder is $GRAYXDP_CORPUS; without one there is
// nothing to compare. What can only be tested
// with frames of our own making is in tunnel_root_test.cc.
#include <cstdlib>
#include <filesystem>
#include <map>

#include "bpf/agreement.h"
#include "bpf/test_run.h"
#include "userspace/pcapng/reader.h"

namespace gray {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> corpus() {
  const char* named = std::getenv("GRAYXDP_CORPUS");
  const fs::path folder = named != nullptr ? named : "";
  std::vector<fs::path> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none))
    if (entry.path().extension() == ".pcap" || entry.path().extension() == ".pcapng")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// What the kernel's table holds is what user space found, flow by flow.
void expect_flows(const Program& program, const std::map<std::uint64_t, gray_flow_key>& keys) {
  std::size_t found = 0;
  for (const FlowRecord& record : program.flows()) {
    const auto expected = keys.find(record.flow.tag);
    ASSERT_NE(expected, keys.end());
    ASSERT_EQ(std::memcmp(&record.id.key, &expected->second, sizeof(gray_flow_key)), 0);
    ++found;
  }
  EXPECT_EQ(found, keys.size());
}

template <class T>
class Corpus : public testing::Test {};
using Programs = testing::Types<TapBench, HostBench>;
TYPED_TEST_SUITE(Corpus, Programs);

TYPED_TEST(Corpus, KernelAndUserSpaceFindTheSameFlows) {
  const std::vector<fs::path> files = corpus();
  if (files.empty()) GTEST_SKIP() << "no corpus: set GRAYXDP_CORPUS to a folder of captures";
  TypeParam bench;
  bench.configure(Selection{});
  FragmentTracker tracker;
  std::map<std::uint64_t, gray_flow_key> keys;
  std::size_t compared = 0, tunnelled = 0, fragments = 0, other = 0;
  for (const fs::path& file : files) {
    SCOPED_TRACE(file.filename());
    CaptureReader reader(file.string());
    for (Frame frame; reader.next(frame); reader.give_back(frame)) {
      const Bytes bytes(frame.bytes.begin(), frame.bytes.end());
      // The kernel sees frames whole: one that was cut when it was captured is a shorter one.
      const Frame whole{.bytes = bytes, .wire_len = static_cast<std::uint32_t>(bytes.size())};
      if (frame.link != LinkType::Ethernet || !bench.takes(bytes) ||
          bytes.size() > GRAY_TAP_CHUNK) {
        ++other;
        continue;
      }
      std::optional<FlowKey> flow;
      ASSERT_NO_FATAL_FAILURE(expect_agreement(bench, tracker, whole, &flow))
          << "frame " << reader.frames();
      const Packet packet = decode(whole);
      ++compared;
      tunnelled += packet.tunnels > 0 ? 1 : 0;
      fragments += packet.fragment ? 1 : 0;
      if (flow) keys[gray_flow_tag(&flow->key, Bench::kSeed)] = flow->key;
    }
  }
  expect_flows(bench.program(), keys);
  std::printf("%zu frames compared, %zu of them tunnelled, %zu fragments; %zu others passed over\n",
              compared, tunnelled, fragments, other);
  EXPECT_GT(compared, 0U);
}

}  // namespace
}  // namespace gray
