// `mirror`, live: the good canary passes, a bad one fails for the right reasons, and no canary,
// however it behaves, costs production or the account anything.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <thread>

#include "userspace/base/errors.h"
#include "userspace/lab/production.h"

namespace gray {
namespace {

constexpr const char* kShop = R"(
    location /price { return 200 '{"sku":"lamp","price":19.90}'; }
    location /stock { return 200 '{"left":17}'; }
)";
constexpr const char* kBadShop = R"(
    location /price { return 200 '{"sku":"lamp","price":20.90}'; }
    location /stock { return 500 '{"left":17}'; }
)";

void use(const ProductionLab& lab, int rounds) {
  const std::string base = kProductionUrl;
  for (int i = 0; i < rounds; ++i)
    lab.curl({"-o", "/dev/null", base + "/price", "-o", "/dev/null", base + "/stock", "-o",
              "/dev/null", base + "/other"});
}

int packet_socket(const char* interface) {
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
  check_errno(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              std::string("listen to ") + interface);
  return fd;
}

// Everything that passes `from` goes out of `to`, too: the SPAN port of a switch.
class Span {
 public:
  Span(const Namespace& where, const char* from, const char* to) {
    where.enter([&] {
      from_ = Fd(packet_socket(from));
      to_ = Fd(packet_socket(to));
    });
    thread_ = std::jthread([this](const std::stop_token& token) {
      std::vector<char> frame(70'000);
      while (!token.stop_requested()) {
        pollfd ready{from_.get(), POLLIN, 0};
        if (poll(&ready, 1, 20) <= 0) continue;
        const ssize_t length = recv(from_.get(), frame.data(), frame.size(), 0);
        if (length > 0) send(to_.get(), frame.data(), static_cast<std::size_t>(length), 0);
      }
    });
  }

 private:
  Fd from_;
  Fd to_;
  std::jthread thread_;
};

struct Mirrored {
  int status = -1;
  nlohmann::json summary;
  std::string err;
};

Mirrored mirror(const ProductionLab& lab, const Argv& more, const std::function<void()>& traffic) {
  Argv arguments{"mirror", "-i", "vb", "--port", "80", "--to", kCanaryUrl, "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  Process process = lab.start_grayxdp(arguments);
  traffic();
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  Mirrored result;
  result.status = interrupt(process);
  result.err = process.err();
  const auto lines = json_lines(process.out());
  if (!lines.empty()) result.summary = lines.at(0);
  return result;
}

TEST(Mirror, PassesTheGoodCanary) {
  ProductionLab lab;
  const Nginx production(lab.production, "10.9.0.2", kShop);
  const Nginx canary(lab.canary, "10.9.1.2", kShop);
  const Mirrored result = mirror(lab, {}, [&] { use(lab, 10); });
  EXPECT_EQ(result.status, 0) << result.err << result.summary;
  EXPECT_EQ(result.summary["verdict"], "pass") << result.summary;
  EXPECT_EQ(result.summary["compare"]["same"], 30) << result.summary;
  EXPECT_EQ(result.summary["balanced"], true) << result.summary;
  EXPECT_EQ(canary.targets().size(), 30u);
  EXPECT_NE(canary.log().find("gray=1"), std::string::npos) << "not coloured";
}

TEST(Mirror, FailsTheBadCanaryForTheRightReasons) {
  ProductionLab lab;
  const Nginx production(lab.production, "10.9.0.2", kShop);
  const Nginx canary(lab.canary, "10.9.1.2", kBadShop);
  const Mirrored result = mirror(lab, {}, [&] { use(lab, 10); });
  EXPECT_EQ(result.status, 4) << result.err << result.summary;
  EXPECT_EQ(result.summary["verdict"], "fail");
  EXPECT_EQ(result.summary["compare"]["by_field"].dump(), R"({"json.$.price":10,"status":10})");
  EXPECT_EQ(result.summary["compare"]["same"], 10);
  EXPECT_EQ(result.summary["balanced"], true) << result.summary;
}

TEST(Mirror, ADeadCanaryCostsNothingButCountedFailures) {
  ProductionLab lab;
  const Nginx production(lab.production, "10.9.0.2", kShop);
  const Mirrored result = mirror(lab, {"--timeout", "1s"}, [&] { use(lab, 10); });
  EXPECT_EQ(result.status, 4) << result.err;
  EXPECT_EQ(result.summary["exchanges"]["failed"]["connect"], 30) << result.summary;
  EXPECT_EQ(result.summary["balanced"], true) << result.summary;
  EXPECT_EQ(production.targets().size(), 30u);
}

TEST(Mirror, ReplayedTrafficIsNeverMirroredAgain) {
  ProductionLab lab;
  const Nginx production(lab.production, "10.9.0.2", kShop);
  // The canary stands behind the mirrored interface, so all that is replayed passes there, too.
  lab.lab.address("va", "10.9.0.9/24");
  const Nginx canary(lab.users, "10.9.0.9", kShop);
  const Mirrored result = mirror(lab, {"--to", "http://10.9.0.9"}, [&] { use(lab, 10); });
  EXPECT_EQ(result.summary["exchanges"]["read"], 30) << result.summary;
  EXPECT_GT(stage_of(result.summary, "tc")["drops"]["excluded"], 0) << result.summary;
}

TEST(Mirror, RefusesProductionItself) {
  ProductionLab lab;
  const RunResult result = lab.grayxdp({"mirror", "-i", "vb", "--to", kProductionUrl});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("--force"), std::string::npos) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

TEST(Mirror, InTapModeACapturedServerIsRefusedWhenItIsSeen) {
  ProductionLab lab;
  const Nginx production(lab.production, "10.9.0.2", kShop);
  lab.lab.link(lab.users, "span0", lab.production, "span1");
  const Span span(lab.users, "va", "span0");
  Process process = lab.start_grayxdp(
      {"mirror", "-i", "span1", "--mode", "tap", "--to", kProductionUrl, "--allow-method", "GET"});
  use(lab, 1);
  const auto status = process.wait(std::chrono::seconds(10));
  EXPECT_EQ(status, 2) << process.err() << process.out();
  EXPECT_NE(process.err().find("captured server"), std::string::npos) << process.err();
  EXPECT_EQ(production.targets().size(), 3u) << "production was replayed to";
}

}  // namespace
}  // namespace gray
