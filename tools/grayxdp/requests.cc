// The verb `requests`: lists the exchanges found in capture files, in order of their first bytes,
// or what they come to by endpoint; cuts their packets out. Reads the files once, and with -w a
// second time.

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "replay/protocol/extractor.h"
#include "tools/grayxdp/body_files.h"
#include "tools/grayxdp/endpoint_stats.h"
#include "tools/grayxdp/exchange_json.h"
#include "tools/grayxdp/extractor_caps.h"
#include "tools/grayxdp/files_and_filter.h"
#include "tools/grayxdp/line_order.h"
#include "tools/grayxdp/live_flags.h"
#include "tools/grayxdp/packet_cut.h"
#include "tools/grayxdp/rare_options.h"
#include "tools/grayxdp/request_text.h"
#include "tools/grayxdp/requests_summary.h"
#include "tools/grayxdp/stop.h"
#include "tools/grayxdp/verbs.h"
#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/fd.h"
#include "userspace/capture/file_source.h"
#include "userspace/pcapng/writer.h"

namespace gray {
namespace {

constexpr std::size_t kLookAhead = 256u << 20;           // bytes of lines held to be in order
constexpr std::uint64_t kPatienceNs = 5 * kNsPerSecond;  // and for how long, of a pipe
constexpr std::size_t kBatch = 256;                      // frames read at a time

struct RequestsVerb {
  std::vector<std::string> arguments;  ///< files, then the words of an expression
  std::string filter;
  std::string bodies;
  std::string out;  ///< capture file with the packets of what is listed
  std::vector<std::string> protocols;
  std::vector<std::string> descriptors;
  TunnelOptions tunnels;
  ExtractorCaps caps;
  unsigned threads = 1;
  bool headers = false;
  bool stats = false;
  bool json = false;
};

/// Whether `name` of --protocol takes the exchange. A gRPC call is an exchange of HTTP/2, and a
/// WebSocket begins as one of HTTP/1: they answer to both names.
bool is_of(const Exchange& exchange, std::string_view name) {
  if (name == "grpc") return exchange.grpc.has_value();
  if (name == "websocket") return exchange.websocket.has_value();
  const bool h2 = exchange.protocol.starts_with("http/2");
  return name == "http2" ? h2 : !h2;
}

bool colour_wanted() {
  return isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
}

/// Takes the exchanges that are asked for: a line of each in order, or counts of them; their bodies
/// and what is to be cut out at once.
class RequestList final : public ExchangeSink {
 public:
  RequestList(const RequestsVerb& verb, std::ostream& out)
      : verb_(verb),
        out_(out),
        descriptors_(verb.descriptors),
        bodies_(verb.bodies),
        order_(out, kLookAhead),
        colour_(colour_wanted()) {}

  void exchange(Exchange&& exchange) override {
    if (!wanted(exchange)) return;
    ++listed_;
    bodies_.write(exchange, descriptors_.schemas());
    if (!verb_.out.empty()) cut_.add(exchange);
    if (verb_.stats) return stats_.add(exchange);
    if (listed_ == 1 && !verb_.json) out_ << request_titles();
    order_.add({began_ns(exchange), exchange.stream, exchange.position}, line(exchange));
  }

  /// Of a pipe, whose reader waits: what began before `time_ns` is given out.
  void release(std::uint64_t time_ns) { order_.release(time_ns); }
  /// Of a pipe, which may go on for days: descriptors that changed are read again.
  void reload() {
    for (const std::string& problem : descriptors_.reload())
      std::cerr << "grayxdp: " << problem << '\n';
  }

  void finish() {
    if (verb_.stats && verb_.json) stats_.print_json(out_);
    if (verb_.stats && !verb_.json) stats_.print(out_);
    order_.finish();
    if (!out_) throw std::system_error(errno, std::generic_category(), "write to stdout");
  }

  /// Of the first body that could not be written; empty when all were.
  const std::string& failure() const noexcept { return bodies_.failure(); }
  std::uint64_t listed() const noexcept { return listed_; }
  std::uint64_t late() const noexcept { return order_.late(); }
  PacketCut& cut() noexcept { return cut_; }

 private:
  bool wanted(const Exchange& exchange) const {
    return verb_.protocols.empty() ||
           std::ranges::any_of(verb_.protocols,
                               [&](const std::string& name) { return is_of(exchange, name); });
  }

  std::string line(const Exchange& exchange) const {
    const bool messages = verb_.headers || !verb_.descriptors.empty();
    const Schemas* schemas = messages ? &descriptors_.schemas() : nullptr;
    if (verb_.json) return to_json(exchange, verb_.headers, schemas).dump() + '\n';
    return request_text(exchange,
                        {.headers = verb_.headers, .schemas = schemas, .colour = colour_});
  }

  const RequestsVerb& verb_;
  std::ostream& out_;
  DescriptorFiles descriptors_;
  BodyFiles bodies_;
  LineOrder order_;
  EndpointStats stats_;
  PacketCut cut_;
  const bool colour_;
  std::uint64_t listed_ = 0;
};

bool is_pipe(const std::string& path) {
  struct stat status {};
  return path == "-" || (stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode));
}

void check_usage(const RequestsVerb& verb, const std::vector<std::string>& files) {
  constexpr std::array<std::string_view, 4> kNames{"http1", "http2", "grpc", "websocket"};
  for (const std::string& name : verb.protocols)
    if (std::ranges::find(kNames, name) == kNames.end())
      throw UsageError(fmt::format("requests: --protocol {}: {} are what can be read", name,
                                   fmt::join(kNames, ", ")));
  check_tunnels(verb.tunnels);
  if (verb.stats && verb.headers) throw UsageError("requests: --stats shows no --headers");
  if (verb.stats && verb.bodies.empty() && !verb.descriptors.empty())
    throw UsageError("requests: --stats shows no messages: leave --descriptors out");
  if (verb.out.empty()) return;
  if (verb.out == "-") throw UsageError("requests: -w -: stdout has the list; give a file");
  for (const std::string& file : files) {
    if (is_pipe(file))
      throw UsageError(fmt::format(
          "requests: -w reads the files twice, which {} does not allow: save it to a file first",
          file == "-" ? "stdin" : file));
    std::error_code absent;
    if (std::filesystem::equivalent(file, verb.out, absent))
      throw UsageError(fmt::format("requests: {} cannot be read and written at once", file));
  }
}

/// Calls each(frames) with every batch, and behind it pause(time of the last frame).
template <class Each, class Pause>
void read_all(FileSource& source, const Stop& stop, Each each, Pause pause) {
  std::array<Frame, kBatch> frames;
  while (!source.ended() && !stop.requested()) {
    const std::size_t count = source.receive(frames, std::chrono::milliseconds(100));
    each(std::span<const Frame>(frames).first(count));
    if (count > 0) pause(frames[count - 1].time_ns);
    source.recycle(std::span(frames).first(count));
  }
}

/// The second pass, into `out`. Throws std::system_error when the file cannot be written.
std::uint64_t cut_packets(const RequestsVerb& verb, Fd out, const FilesAndFilter& what,
                          std::span<const Interface> found, PacketCut& cut, const Stop& stop) {
  cut.sort();
  std::vector<InterfaceInfo> interfaces;
  for (const Interface& interface : found)
    interfaces.push_back({.name = interface.name,
                          .description = interface.description,
                          .link = interface.link,
                          .snaplen = interface.snaplen});
  FileSource source(what.files, what.filter);
  PcapngWriter writer(std::move(out), {.application = "grayxdp requests", .os = {}, .clock = {}},
                      interfaces);
  read_all(
      source, stop,
      [&](std::span<const Frame> frames) {
        for (const Frame& frame : frames)
          if (cut.wants(decode(frame, verb.tunnels))) writer.write(frame);
      },
      [](std::uint64_t) {});
  writer.finish({});
  if (writer.failure()) throw std::system_error(writer.failure(), "write " + verb.out);
  return writer.frames_safe();
}

int list_requests(const RequestsVerb& verb) {
  const FilesAndFilter what = files_and_filter(verb.arguments, verb.filter);
  check_usage(verb, what.files);
  FileSource source(what.files, what.filter);
  // Now, not when all has been read in vain.
  Fd out = verb.out.empty() ? Fd() : create_capture(verb.out);
  RequestList list(verb, std::cout);
  const bool hashes = verb.json && !verb.stats;
  ExtractorOptions options{.hash_bodies = hashes,
                           .community_ids = hashes,
                           .tunnels = verb.tunnels,
                           .threads = verb.threads};
  verb.caps.apply(options);
  Extractor extractor(options, list);
  Stop stop;
  const bool pipe = std::ranges::any_of(what.files, is_pipe);
  read_all(
      source, stop,
      [&](std::span<const Frame> frames) {
        if (pipe) list.reload();
        extractor.frames(frames);
      },
      [&](std::uint64_t now) {
        if (pipe && now > kPatienceNs) list.release(now - kPatienceNs);
      });
  extractor.finish();
  list.finish();
  if (source.cut()) std::cerr << "grayxdp: " << source.warning() << '\n';
  std::cerr << requests_summary(extractor.summary(), list.listed(), list.late());
  if (!verb.out.empty())
    std::cerr << fmt::format(
        "requests: {} packets of them are in {}\n",
        cut_packets(verb, std::move(out), what, source.interfaces(), list.cut(), stop), verb.out);
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
  sub->add_option("--descriptors", verb->descriptors,
                  "what gRPC messages mean: FileDescriptorSets; shows the messages")
      ->type_name("FILE");
  sub->add_option("--bodies", verb->bodies, "write bodies to DIR/ID.request and DIR/ID.response")
      ->type_name("DIR")
      ->check(CLI::ExistingDirectory);
  sub->add_option("--protocol", verb->protocols, "only these: http1, http2, grpc, websocket")
      ->type_name("NAME")
      ->delimiter(',');
  sub->add_flag("--stats", verb->stats, "counts and latencies by endpoint instead of a list");
  sub->add_option("-w", verb->out, "their packets, cut out into a pcapng file; reads FILE twice")
      ->type_name("OUT");
  add_tunnel_options(*sub, verb->tunnels);
  sub->add_option("--threads", verb->threads, "that read; the list is the same for any number (1)")
      ->type_name("N")
      ->check(CLI::Range(1U, 64U));
  sub->add_flag("--json", verb->json, "one JSON object a line");
  verb->caps.add_to(*sub);
  leave_out_of_help(*sub, {"--max-flows", "--max-memory"});
  sub->footer(
      "Examples:\n"
      "  grayxdp requests prod.pcapng\n"
      "  grayxdp requests prod.pcapng --stats\n"
      "  grayxdp requests prod.pcapng --protocol websocket -w websockets.pcapng\n"
      "  grayxdp requests monday.pcap tuesday.pcap tcp port 80 and host 10.0.0.1\n"
      "  grayxdp requests prod.pcapng --json --headers | jq .request.target\n"
      "  tcpdump -i eth1 -w - port 80 | grayxdp requests -");
  sub->callback([verb, &action] { action = [verb] { return list_requests(*verb); }; });
}

}  // namespace gray
