// The verb `requests`: lists the exchanges found in capture files, in order of their first bytes.
// The lines are held until the files have been read, because a slow exchange that began early ends
// late.

#include <fcntl.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "replay/compare/printable.h"
#include "replay/protocol/extractor.h"
#include "tools/grayxdp/exchange_json.h"
#include "tools/grayxdp/files_and_filter.h"
#include "tools/grayxdp/live_flags.h"
#include "tools/grayxdp/stop.h"
#include "tools/grayxdp/verbs.h"
#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/fd.h"
#include "userspace/base/units.h"
#include "userspace/capture/file_source.h"

namespace gray {
namespace {

struct RequestsVerb {
  std::vector<std::string> arguments;  ///< files, then the words of an expression
  std::string filter;
  std::string bodies;
  std::vector<std::string> protocols;
  TunnelOptions tunnels;
  unsigned threads = 1;
  bool headers = false;
  bool json = false;
};

std::string shown(std::string_view text) {
  return printable(text, 4096);
}

std::string url(const Request& request) {
  const bool whole = !request.target.starts_with('/');
  return shown(whole ? request.target : request.authority + request.target);
}

std::string size_of(const Message& message) {
  return format_bytes(message.body_bytes) + (message.complete ? "" : "+");
}

std::string text_line(const Exchange& exchange) {
  const Request& request = exchange.request;
  const bool asked = !request.method.empty();
  const bool answered = exchange.response.has_value();
  return fmt::format("{}  {:<21} {:<21} {:<7} {:>3} {:>8} {:>8} {:>8}  {}\n",
                     iso8601(began_ns(exchange)), exchange.client.to_string(),
                     exchange.server.to_string(), asked ? shown(request.method) : "-",
                     answered ? std::to_string(exchange.response->status) : "-",
                     asked && answered ? format_duration(exchange.latency_ns()) : "-",
                     asked ? size_of(request) : "-", answered ? size_of(*exchange.response) : "-",
                     asked ? url(request) : "(request not seen)");
}

constexpr std::string_view kTitles =
    "TIME                            CLIENT                SERVER                METHOD  "
    "STA  LATENCY  REQUEST RESPONSE  URL\n";

std::string header_lines(const Headers& headers, char mark) {
  std::string text;
  for (const Header& header : headers)
    text += fmt::format("    {} {}: {}\n", mark, shown(header.name), shown(header.value));
  return text;
}

/// Keeps a line of each exchange, writes bodies out at once.
class RequestList final : public ExchangeSink {
 public:
  explicit RequestList(const RequestsVerb& verb) : verb_(verb) {}

  void exchange(Exchange&& exchange) override {
    if (!verb_.bodies.empty()) write_bodies(exchange);
    lines_.push_back({began_ns(exchange), exchange.stream, exchange.position, line(exchange)});
  }

  void print(std::ostream& out) {
    std::ranges::stable_sort(lines_, {}, [](const Line& line) {
      return std::tuple(line.time_ns, line.stream, line.position);
    });
    if (!verb_.json && !lines_.empty()) out << kTitles;
    for (const Line& line : lines_) out << line.text;
    out.flush();
    if (!out) throw std::system_error(errno, std::generic_category(), "write to stdout");
  }

  /// Of the first body that could not be written; empty when all were.
  const std::string& failure() const noexcept { return failure_; }

 private:
  struct Line {
    std::uint64_t time_ns;
    std::uint64_t stream;
    std::uint32_t position;
    std::string text;
  };

  std::string line(const Exchange& exchange) const {
    if (verb_.json) return to_json(exchange, verb_.headers).dump() + '\n';
    std::string text = text_line(exchange);
    if (!verb_.headers) return text;
    text += header_lines(exchange.request.headers, '>');
    if (exchange.response) text += header_lines(exchange.response->headers, '<');
    return text;
  }

  void write_bodies(const Exchange& exchange) {
    const std::string base = verb_.bodies + "/" + exchange.id.hex();
    write_body(base + ".request", exchange.request);
    if (exchange.response) write_body(base + ".response", *exchange.response);
  }

  void write_body(const std::string& path, const Message& message) {
    if (message.body.empty() || !failure_.empty()) return;
    const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    std::string_view rest = message.body;
    while (file && !rest.empty()) {
      const ssize_t written = ::write(file.get(), rest.data(), rest.size());
      if (written <= 0) break;
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
    if (!rest.empty())
      failure_ = fmt::format("write {}: {}", path, std::generic_category().message(errno));
  }

  const RequestsVerb& verb_;
  std::vector<Line> lines_;
  std::string failure_;
};

void check_usage(const RequestsVerb& verb) {
  for (const std::string& name : verb.protocols)
    if (name != "http1")
      throw UsageError(fmt::format("requests: --protocol {}: http1 is what can be read", name));
  check_tunnels(verb.tunnels);
}

void read_all(FileSource& source, Extractor& extractor, const Stop& stop) {
  std::array<Frame, 256> frames;
  while (!source.ended() && !stop.requested()) {
    const std::size_t count = source.receive(frames, std::chrono::milliseconds(100));
    extractor.frames(std::span(frames).first(count));
    source.recycle(std::span(frames).first(count));
  }
  extractor.finish();
}

void print_summary(const ExtractorSummary& summary) {
  std::string opaque;
  std::uint64_t sum = 0;
  for (const auto& [reason, count] : summary.opaque) {
    opaque += fmt::format("{}{} {}", opaque.empty() ? " (" : ", ", reason, count);
    sum += count;
  }
  if (!opaque.empty()) opaque += ')';
  std::cerr << fmt::format(
      "requests: {} packets, {} streams, {} exchanges, {} streams opaque{}, {} gaps ({})\n",
      summary.packets, summary.streams, summary.exchanges, sum, opaque, summary.gaps,
      format_bytes(summary.gap_bytes));
}

int list_requests(const RequestsVerb& verb) {
  check_usage(verb);
  const FilesAndFilter what = files_and_filter(verb.arguments, verb.filter);
  FileSource source(what.files, what.filter);
  RequestList list(verb);
  Extractor extractor({.hash_bodies = verb.json,
                       .community_ids = verb.json,
                       .tunnels = verb.tunnels,
                       .threads = verb.threads},
                      list);
  Stop stop;
  read_all(source, extractor, stop);
  list.print(std::cout);
  if (source.cut()) std::cerr << "grayxdp: " << source.warning() << '\n';
  print_summary(extractor.summary());
  if (list.failure().empty()) return kExitFine;
  std::cerr << "grayxdp: " << list.failure() << '\n';
  return kExitFailed;
}

}  // namespace

void add_requests(CLI::App& app, Action& action) {
  auto verb = std::make_shared<RequestsVerb>();
  CLI::App* sub = app.add_subcommand("requests", "lists the exchanges found in captures");
  sub->add_option("FILE", verb->arguments,
                  "pcap or pcapng, - is stdin; then, perhaps, a tcpdump expression")
      ->required();
  sub->add_option("--filter", verb->filter, "tcpdump expression, whatever files are called")
      ->type_name("EXPRESSION");
  sub->add_flag("--headers", verb->headers, "list headers too");
  sub->add_option("--bodies", verb->bodies, "write bodies to DIR/ID.request and DIR/ID.response")
      ->type_name("DIR")
      ->check(CLI::ExistingDirectory);
  sub->add_option("--protocol", verb->protocols, "only these: http1")
      ->type_name("NAME")
      ->delimiter(',');
  add_tunnel_options(*sub, verb->tunnels);
  sub->add_option("--threads", verb->threads, "that read; the list is the same for any number (1)")
      ->type_name("N")
      ->check(CLI::Range(1U, 64U));
  sub->add_flag("--json", verb->json, "one JSON object a line");
  sub->footer(
      "Examples:\n"
      "  grayxdp requests prod.pcapng\n"
      "  grayxdp requests monday.pcap tuesday.pcap tcp port 80 and host 10.0.0.1\n"
      "  grayxdp requests prod.pcapng --json --headers | jq .request.target\n"
      "  tcpdump -i eth1 -w - port 80 | grayxdp requests -");
  sub->callback([verb, &action] { action = [verb] { return list_requests(*verb); }; });
}

}  // namespace gray
