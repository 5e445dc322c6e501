// steadyload: HTTP/1.1 GET requests at a steady rate over kept-alive connections, as a benchmark of
// latency wants them: each is due at its time from the start, also when earlier answers are late,
// and its latency counts from when it was due. One thread. It expects a server of the laboratory's:
// answers with Content-Length.

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/fd.h"
#include "userspace/base/tool_main.h"

namespace gray {
namespace {

constexpr std::uint64_t kGiveUpNs = 20 * kNsPerSecond;  // for answers after the last request

struct Options {
  std::string address;
  std::uint16_t port = 80;
  std::string target = "/";
  std::uint64_t rate = 1000;
  std::uint64_t count = 0;
  std::uint64_t warm_up = 0;
  unsigned connections = 16;
};

struct Connection {
  Fd socket;
  std::deque<std::uint64_t> due;  // of requests without an answer yet
  std::string received;
};

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options),
        request_(
            fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", options.target, options.address)),
        epoll_(check_errno(epoll_create1(EPOLL_CLOEXEC), "make an epoll set")),
        connections_(options.connections) {
    for (std::size_t i = 0; i < connections_.size(); ++i) connect(i);
  }

  void run() {
    const std::uint64_t start = monotonic_ns();
    const std::uint64_t total = options_.warm_up + options_.count;
    const std::uint64_t end = start + total * kNsPerSecond / options_.rate + kGiveUpNs;
    std::uint64_t sent = 0;
    while (answered_ < total && monotonic_ns() < end) {
      const std::uint64_t due = start + sent * kNsPerSecond / options_.rate;
      const std::uint64_t now = monotonic_ns();
      if (sent < total && due <= now) {
        send(connections_[sent++ % connections_.size()], due);
        receive(0);
      } else {
        receive(sent < total ? due - now : kNsPerMs);
      }
    }
    unanswered_ = sent - answered_;
  }

  int report() {
    if (latencies_.size() <= options_.warm_up)
      throw std::runtime_error(fmt::format("{} answers to {} requests in time", latencies_.size(),
                                           latencies_.size() + unanswered_));
    latencies_.erase(latencies_.begin(),
                     latencies_.begin() + static_cast<std::ptrdiff_t>(options_.warm_up));
    std::sort(latencies_.begin(), latencies_.end());
    const auto at = [this](double share) {
      const auto index = static_cast<std::size_t>(static_cast<double>(latencies_.size()) * share);
      return latencies_[std::min(index, latencies_.size() - 1)];
    };
    fmt::print(
        "{{\"answered\":{},\"unanswered\":{},\"errors\":{},\"latency_ns\":{{\"p50\":{},\"p90\":{},"
        "\"p99\":{},\"p999\":{},\"max\":{}}}}}\n",
        latencies_.size(), unanswered_, errors_, at(0.5), at(0.9), at(0.99), at(0.999),
        latencies_.back());
    return unanswered_ == 0 && errors_ == 0 ? 0 : 1;
  }

 private:
  void connect(std::size_t index) {
    Fd socket(check_errno(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "open a TCP socket"));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(options_.port);
    if (inet_pton(AF_INET, options_.address.c_str(), &to.sin_addr) != 1)
      throw UsageError("'" + options_.address + "' is no IPv4 address");
    check_errno(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)),
                fmt::format("connect to {}:{}", options_.address, options_.port));
    const int on = 1;
    check_errno(setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)),
                "set TCP_NODELAY");
    check_errno(fcntl(socket.get(), F_SETFL, O_NONBLOCK), "make a socket non-blocking");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    check_errno(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.get(), &event), "watch a socket");
    connections_[index].socket = std::move(socket);
  }

  void send(Connection& connection, std::uint64_t due) {
    const ssize_t sent =
        ::send(connection.socket.get(), request_.data(), request_.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(request_.size()))
      throw std::runtime_error("the server takes no more requests");
    connection.due.push_back(due);
  }

  void receive(std::uint64_t wait_ns) {
    epoll_event events[64];
    const timespec wait{static_cast<time_t>(wait_ns / kNsPerSecond),
                        static_cast<long>(wait_ns % kNsPerSecond)};
    const int count = epoll_pwait2(epoll_.get(), events, 64, &wait, nullptr);
    for (int i = 0; i < count; ++i) read_answers(connections_[events[i].data.u64]);
  }

  void read_answers(Connection& connection) {
    char bytes[65536];
    const ssize_t got = recv(connection.socket.get(), bytes, sizeof(bytes), 0);
    if (got == 0)
      throw std::runtime_error(
          "the server closed a connection: raise its "
          "keepalive_requests");
    if (got < 0) return;
    connection.received.append(bytes, static_cast<std::size_t>(got));
    while (take_answer(connection)) continue;
  }

  // One whole answer off the front, if it is there.
  bool take_answer(Connection& connection) {
    constexpr std::string_view kLength = "Content-Length: ";
    std::string& text = connection.received;
    const std::size_t head = text.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    const std::size_t length = text.find(kLength);
    if (length == std::string::npos || length > head || connection.due.empty())
      throw std::runtime_error("an answer that was not asked for, or without Content-Length");
    const std::size_t whole = head + 4 + std::stoul(text.substr(length + kLength.size(), 10));
    if (text.size() < whole) return false;
    if (text.compare(9, 1, "2") != 0) ++errors_;
    text.erase(0, whole);
    latencies_.push_back(monotonic_ns() - connection.due.front());
    connection.due.pop_front();
    ++answered_;
    return true;
  }

  Options options_;
  std::string request_;
  Fd epoll_;
  std::vector<Connection> connections_;
  std::vector<std::uint64_t> latencies_;
  std::uint64_t answered_ = 0;
  std::uint64_t unanswered_ = 0;
  std::uint64_t errors_ = 0;
};

int run(int argc, char** argv) {
  Options options;
  CLI::App app{"HTTP requests at a steady rate; prints their latencies as JSON."};
  app.add_option("ADDRESS", options.address, "IPv4 address of the server")->required();
  app.add_option("--port", options.port, "");
  app.add_option("--target", options.target, "");
  app.add_option("--rate", options.rate, "requests a second")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}));
  app.add_option("--count", options.count, "requests that are measured")->required();
  app.add_option("--warm-up", options.warm_up, "requests before them that are not");
  app.add_option("--connections", options.connections, "used in turn")
      ->check(CLI::Range(1U, 10'000U));
  if (!parse_command_line(app, argc, argv)) return 0;
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  Load load(options);
  load.run();
  return load.report();
}

}  // namespace
}  // namespace gray

int main(int argc, char** argv) {
  return gray::tool_main("steadyload", gray::run, argc, argv);
}
