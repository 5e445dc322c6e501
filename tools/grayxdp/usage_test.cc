// Wrong use, as a person meets it: each gives one line that says what to do, and the documented
// exit code. Nothing here needs root.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "userspace/lab/process.h"
#include "userspace/lab/temp_dir.h"

namespace gray {
namespace {

RunResult grayxdp(Argv arguments) {
  arguments.insert(arguments.begin(), built_binary("grayxdp"));
  return run(arguments);
}

// The header of a classic pcap file without frames.
constexpr std::string_view kEmptyCapture{
    "\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x01\x00\x00"
    "\x00",
    24};

struct WrongUse {
  const char* sentence;
  Argv arguments;
  int status;
  const char* says;
};

class Usage : public testing::TestWithParam<WrongUse> {};

TEST_P(Usage, IsOneLineThatHelps) {
  const WrongUse& wrong = GetParam();
  const TempDir dir;
  std::ofstream(dir / "x.pcap", std::ios::binary) << kEmptyCapture;
  Argv arguments = wrong.arguments;
  std::replace(arguments.begin(), arguments.end(), std::string("x.pcap"), dir / "x.pcap");
  const RunResult result = grayxdp(arguments);
  EXPECT_EQ(result.status, wrong.status) << wrong.sentence << "\n" << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_TRUE(result.err.starts_with("grayxdp: ")) << result.err;
  EXPECT_NE(result.err.find(wrong.says), std::string::npos) << result.err;
  EXPECT_EQ(result.out, "");
}

const WrongUse kWrongUses[] = {
    {"no verb", {}, 2, "subcommand"},
    {"an unknown verb", {"captur", "-i", "lo"}, 2, "captur"},
    {"an unknown option", {"capture", "-i", "lo", "--colour"}, 2, "--colour"},
    {"capture without an interface", {"capture"}, 2, "interface"},
    {"an unknown mode", {"capture", "-i", "lo", "--mode", "span"}, 2, "span"},
    {"a bad network", {"capture", "-i", "lo", "--net", "10.0.0.0/33"}, 2, "10.0.0.0/33"},
    {"a bad protocol", {"capture", "-i", "lo", "--proto", "http"}, 2, "http"},
    {"a bad share", {"capture", "-i", "lo", "--sample", "5"}, 2, "5%"},
    {"a bad duration", {"capture", "-i", "lo", "--duration", "5"}, 2, "5s"},
    {"an expression that is none", {"capture", "-i", "lo", "tcp", "porty"}, 2, "'tcp porty'"},
    {"an expression that the kernel cannot run",
     {"capture", "-i", "lo", "ip6", "protochain", "6"},
     2,
     "loops"},
    {"an expression of flows", {"flows", "-r", "x.pcap", "and"}, 2, "'and'"},
    {"a filter file that is not there",
     {"capture", "-i", "lo", "-F", "/nonexistent.filter"},
     1,
     "/nonexistent.filter"},
    {"a filter file and an expression", {"capture", "-i", "lo", "-F", "x", "tcp"}, 2, "give one"},
    {"neither a file nor an expression", {"requests", "x.pcap", "and"}, 2, "no file and"},
    {"an expression that is asked for", {"requests", "x.pcap", "--filter", "tcp ("}, 2, "tcp ("},
    {"a file behind a file", {"requests", "x.pcap", "gone.pcap"}, 1, "gone.pcap"},
    {"a port that is none", {"capture", "-i", "lo", "--port", "70000"}, 2, "70000"},
    {"a ring without a size", {"capture", "-i", "lo", "-w", "x", "-W", "3"}, 2, "-C or -G"},
    {"a rotation without a file", {"capture", "-i", "lo", "-C", "100"}, 2, "-w"},
    {"a rotation of stdout", {"capture", "-i", "lo", "-w", "-", "-G", "60"}, 2, "-w"},
    {"files of no size", {"capture", "-i", "lo", "-w", "x", "-C", "0"}, 2, "-C 0"},
    {"no whole second", {"capture", "-i", "lo", "-w", "x", "-G", "10ms"}, 2, "whole seconds"},
    {"an unknown compression", {"capture", "-i", "lo", "-w", "x", "--compress", "lzma"}, 2, "lzma"},
    {"a compressed nothing", {"capture", "-i", "lo", "--compress", "zstd"}, 2, "-w"},
    {"tunnels too deep", {"capture", "-i", "lo", "--tunnel-depth", "9"}, 2, "--tunnel-depth"},
    {"a port of two tunnels", {"flows", "-r", "x.pcap", "--vxlan-port", "6081"}, 2, "6081"},
    {"a tunnel's port that is none", {"requests", "x.pcap", "--gtp-port", "0"}, 2, "port 0"},
    {"no such interface", {"capture", "-i", "nosuch0"}, 2, "nosuch0"},
    {"flows of nothing", {"flows"}, 2, "-r FILE"},
    {"no memory to read with", {"requests", "x.pcap", "--max-memory", "1KB"}, 2, "64KiB"},
    {"no connections to read", {"requests", "x.pcap", "--max-flows", "0"}, 2, "--max-flows"},
    {"requests of no file", {"requests"}, 2, "FILE"},
    {"a file that is not there", {"requests", "/nonexistent.pcap"}, 1, "/nonexistent.pcap"},
    {"replay to nowhere", {"replay", "x.pcap"}, 2, "--to"},
    {"a target that is no URL", {"replay", "x.pcap", "--to", "canary"}, 2, "canary"},
    {"a scheme that is not HTTP", {"replay", "x.pcap", "--to", "ftp://127.0.0.1"}, 2, "ftp"},
    {"a file behind a target is a file",
     {"replay", "--to", "http://127.0.0.1:1", "/nonexistent.pcap"},
     1,
     "/nonexistent.pcap"},
    {"two paces", {"replay", "x.pcap", "--to", "http://127.0.0.1", "-t", "-x", "2"}, 2, "-x"},
    {"a rules file that is not there",
     {"replay", "x.pcap", "--to", "http://127.0.0.1", "--scrub", "/nonexistent.yaml"},
     2,
     "/nonexistent.yaml"},
    {"rewriting nothing", {"rewrite", "x.pcap", "y.pcapng"}, 2, "nothing to do"},
    {"a file rewritten onto itself", {"rewrite", "x.pcap", "x.pcap", "--ttl", "9"}, 2, "at once"},
    {"a bad map", {"rewrite", "x.pcap", "-", "--pnat", "10.0.0.0/8"}, 2, "NETWORK:NETWORK"},
    {"families mixed", {"rewrite", "x.pcap", "-", "--pnat", "10.0.0.0/8:[::1]/8"}, 2, "--pnat"},
    {"two rules for addresses",
     {"rewrite", "x.pcap", "-", "--seed", "1", "--pnat", "10.0.0.0/8:11.0.0.0/8"},
     2,
     "--seed"},
    {"a tag without an id", {"rewrite", "x.pcap", "-", "--enet-vlan", "add"}, 2, "--enet-vlan-tag"},
    {"a port that is none to map", {"rewrite", "x.pcap", "-", "--portmap", "80"}, 2, "80:8080"},
    {"a bad MAC", {"rewrite", "x.pcap", "-", "--enet-smac", "2:0:0:0:0:1"}, 2, "02:00:00"},
    {"a bad regex", {"replay", "x.pcap", "--to", "http://127.0.0.1", "--allow-url", "("}, 2, "("},
};

INSTANTIATE_TEST_SUITE_P(Table, Usage, testing::ValuesIn(kWrongUses),
                         [](const testing::TestParamInfo<WrongUse>& use) {
                           std::string name = use.param.sentence;
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return !isalnum(c); }, '_');
                           return name;
                         });

class BadFiles : public testing::TestWithParam<const char*> {};

TEST_P(BadFiles, AreRefusedByName) {
  const TempDir dir;
  const std::string path = dir / "bad.pcap";
  std::ofstream(path, std::ios::binary) << GetParam();
  for (const char* verb : {"requests", "flows"}) {
    Argv arguments{verb};
    if (std::string(verb) == "flows") arguments.push_back("-r");
    arguments.push_back(path);
    const RunResult result = grayxdp(arguments);
    EXPECT_EQ(result.status, 1) << verb << ": " << result.err;
    EXPECT_NE(result.err.find("bad.pcap"), std::string::npos) << result.err;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, BadFiles,
                         testing::Values("", "garbage garbage garbage garbage garbage",
                                         "\xd4\xc3\xb2\xa1", "\n\r\r\n"));

TEST(Help, OfEveryVerbEndsWithExamples) {
  for (const char* verb : {"capture", "flows", "requests", "replay", "mirror", "rewrite", "scrub",
                           "doctor", "version"}) {
    const RunResult result = grayxdp({verb, "--help"});
    EXPECT_EQ(result.status, 0) << verb;
    EXPECT_NE(result.out.find("Examples:"), std::string::npos) << verb;
    EXPECT_LE(std::count(result.out.begin(), result.out.end(), '\n'), 60) << verb;
  }
}

TEST(Version, NamesEveryLibrary) {
  const RunResult result = grayxdp({"version"});
  EXPECT_EQ(result.status, 0);
  for (const char* name : {"grayxdp ", "kernel ", "libbpf ", "libxdp ", "libpcap "})
    EXPECT_NE(result.out.find(name), std::string::npos) << name;
}

}  // namespace
}  // namespace gray
