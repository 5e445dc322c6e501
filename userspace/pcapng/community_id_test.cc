// The flow of every frame of a folder of captures, tunnels peeled and fragments followed, as tshark
// sees it: the same Community ID. The folder is $GRAYXDP_CORPUS; without one, or
// without tshark, there is nothing to compare.
#include "userspace/packet/community_id.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "userspace/packet/fragment_tracker.h"
#include "userspace/pcapng/reader.h"

namespace gray {
namespace {

namespace fs = std::filesystem;

struct Folder {
  Folder() : path((fs::temp_directory_path() / "grayxdp-community-XXXXXX").string()) {
    if (mkdtemp(path.data()) == nullptr) path.clear();
  }
  ~Folder() {
    std::error_code ignored;
    if (!path.empty()) fs::remove_all(path, ignored);
  }
  std::string path;
};

/// A shell-quoted list of the captures, or nothing.
std::string corpus() {
  const char* named = std::getenv("GRAYXDP_CORPUS");
  std::string files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(named != nullptr ? named : "", none))
    if (entry.path().extension() == ".pcap" || entry.path().extension() == ".pcapng")
      files += " '" + fs::absolute(entry.path()).string() + "'";
  return files;
}

struct Seen {
  std::string id;
  std::string protocols;  ///< "eth:ethertype:ip:udp:vxlan:…"
};

/// What tshark says of each frame.
std::vector<Seen> ask_tshark(const std::string& capture, const std::string& output) {
  const std::string command = "tshark --enable-protocol communityid -r '" + capture +
                              "' -T fields -e communityid -e frame.protocols >'" + output +
                              "' 2>/dev/null";
  std::vector<Seen> frames;
  if (std::system(command.c_str()) != 0) return frames;
  std::ifstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t tab = line.find('\t');
    frames.push_back({line.substr(0, tab), line.substr(tab + 1)});
  }
  return frames;
}

/// What tshark tells otherwise, and why.
bool is_different_by_design(const Seen& seen, const Packet& packet) {
  const auto has = [&](const char* text) { return seen.protocols.find(text) != std::string::npos; };
  // Ports of a fragment are not known to tshark until it has them all.
  if (packet.fragment && (seen.protocols.ends_with("ip:data") || has("ipv6.fraghdr:data")))
    return true;
  // Samples of other flows in a datagram; GTP' on 3386, in which tshark finds IP.
  if (has("sflow") || has("gtpprime")) return true;
  // An inner protocol without ports gets those of the UDP datagram around it.
  return packet.tunnels > 0 && packet.source.port == 0 && packet.ip_proto != 1 &&
         packet.ip_proto != 58;
}

std::string our_id(const Packet& packet, const std::optional<FlowKey>& flow) {
  if (!packet.fragment || !flow) return community_id(packet);
  const auto end = [&](int i) {
    return Endpoint{IpAddress::v6(flow->key.addr[i]), ntohs(flow->key.port[i])};
  };
  return community_id(flow->key.proto, end(0), end(1));
}

TEST(CommunityId, IsTsharksOnTheCorpus) {
  const std::string files = corpus();
  if (files.empty()) GTEST_SKIP() << "no corpus: set GRAYXDP_CORPUS to a folder of captures";
  const Folder folder;
  const std::string all = folder.path + "/all.pcapng";
  if (std::system(("mergecap -a -w '" + all + "'" + files + " 2>/dev/null").c_str()) != 0)
    GTEST_SKIP() << "no mergecap and tshark";
  const std::vector<Seen> seen = ask_tshark(all, folder.path + "/seen");
  ASSERT_FALSE(seen.empty());

  FragmentTracker tracker;
  CaptureReader reader(all);
  std::size_t equal = 0, fragments = 0, tunnelled = 0, different = 0;
  for (Frame frame; reader.next(frame); reader.give_back(frame)) {
    ASSERT_LE(reader.frames(), seen.size());
    const Seen& theirs = seen[reader.frames() - 1];
    const Packet packet = decode(frame);
    const std::string ours = our_id(packet, tracker.flow(packet));
    if (is_different_by_design(theirs, packet)) {
      ++different;
      continue;
    }
    EXPECT_EQ(ours, theirs.id) << "frame " << reader.frames() << ", " << theirs.protocols;
    ++equal;
    fragments += packet.fragment ? 1 : 0;
    tunnelled += packet.tunnels > 0 ? 1 : 0;
  }
  EXPECT_EQ(reader.frames(), seen.size());
  std::printf(
      "%zu frames compared, %zu of them tunnelled, %zu fragments; %zu different by design\n", equal,
      tunnelled, fragments, different);
  EXPECT_GT(equal, different);
}

}  // namespace
}  // namespace gray
