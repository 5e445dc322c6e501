#include "userspace/kernel/filter/filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "userspace/base/errors.h"
#include "userspace/lab/temp_dir.h"
#include "userspace/packet/build.h"

namespace gray {
namespace {

std::string complaint(const std::string& expression) {
  try {
    const Filter filter(expression);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

Frame frame_of(const PacketBuilder::Bytes& bytes, LinkType link) {
  return {.bytes = bytes, .wire_len = static_cast<std::uint32_t>(bytes.size()), .link = link};
}

TEST(Filter, RemembersTheExpressionAsItWasWritten) {
  EXPECT_EQ(Filter("  tcp port 80\n").expression(), "tcp port 80");
  EXPECT_FALSE(Filter("tcp port 80").program().empty());
  EXPECT_TRUE(Filter().empty());
  EXPECT_TRUE(Filter(" \t\n").empty());
}

TEST(Filter, SaysInOneLineWhatIsWrong) {
  const char* wrong[] = {"tcp porty 80", "host 10.0.0.999",    "port 70000",
                         "(tcp",         "ether host 1:2:3:4", "tcp[",
                         "len >"};
  for (const char* expression : wrong) {
    const std::string text = complaint(expression);
    EXPECT_NE(text.find(std::string("'") + expression + "'"), std::string::npos) << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 0) << text;
  }
  EXPECT_NE(complaint(std::string("tcp\0udp", 7)), "");
}

TEST(FrameMatcher, DecidesForEveryLinkType) {
  const auto ethernet = PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 80).bytes();
  const PacketBuilder::Bytes raw(ethernet.begin() + 14, ethernet.end());
  PacketBuilder::Bytes cooked{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0};
  cooked.insert(cooked.end(), raw.begin(), raw.end());
  PacketBuilder::Bytes cooked2{8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0};
  cooked2.insert(cooked2.end(), raw.begin(), raw.end());
  PacketBuilder::Bytes loopback{2, 0, 0, 0};
  loopback.insert(loopback.end(), raw.begin(), raw.end());
  const std::pair<LinkType, PacketBuilder::Bytes> frames[] = {
      {LinkType::Ethernet, ethernet}, {LinkType::Raw, raw},           {LinkType::Ipv4, raw},
      {LinkType::LinuxSll, cooked},   {LinkType::LinuxSll2, cooked2}, {LinkType::Null, loopback}};
  FrameMatcher yes(Filter("tcp port 80")), no(Filter("udp or tcp port 81")), all{Filter()};
  for (const auto& [link, bytes] : frames) {
    SCOPED_TRACE(static_cast<int>(link));
    EXPECT_TRUE(yes.matches(frame_of(bytes, link)));
    EXPECT_FALSE(no.matches(frame_of(bytes, link)));
    EXPECT_TRUE(all.matches(frame_of(bytes, link)));
  }
}

TEST(FrameMatcher, RefusesWhatAFrameDoesNotTell) {
  const PacketBuilder::Bytes bytes(60);
  FrameMatcher ether(Filter("ether src 02:00:00:00:00:01")), inbound(Filter("inbound"));
  EXPECT_THROW(ether.matches(frame_of(bytes, LinkType::Raw)), UsageError);
  EXPECT_FALSE(ether.matches(frame_of(bytes, LinkType::Ethernet)));
  EXPECT_THROW(inbound.matches(frame_of(bytes, LinkType::Ethernet)), UsageError);
}

TEST(FrameMatcher, ComparesLengthsOfTheWire) {
  FrameMatcher longer(Filter("len > 1000"));
  const PacketBuilder::Bytes bytes(60);
  Frame frame = frame_of(bytes, LinkType::Ethernet);
  EXPECT_FALSE(longer.matches(frame));
  frame.wire_len = 1500;
  EXPECT_TRUE(longer.matches(frame));
}

TEST(ReadFilter, JoinsLinesAndLeavesCommentsOut) {
  const TempDir dir;
  std::ofstream(dir / "web") << "# the shop\ntcp port 80 # plain\n  or tcp port 443\n";
  EXPECT_EQ(read_filter(dir / "web").program().size(),
            Filter("tcp port 80 or tcp port 443").program().size());
  std::ofstream(dir / "empty") << "# nothing\n";
  EXPECT_TRUE(read_filter(dir / "empty").empty());
  std::ofstream(dir / "wrong") << "tcp porty\n";
  EXPECT_THROW(read_filter(dir / "wrong"), UsageError);
  EXPECT_THROW(read_filter(dir / "gone"), std::system_error);
  EXPECT_THROW(read_filter(dir / "."), std::system_error);
  std::ofstream(dir / "huge") << std::string(2 << 20, 'x');
  EXPECT_THROW(read_filter(dir / "huge"), UsageError);
}

}  // namespace
}  // namespace gray
