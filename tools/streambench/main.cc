// streambench: measures reassembly beside libtins, on captures made in memory; or writes the
// streams of a capture file as both put them together.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "tools/streambench/follow.h"
#include "tools/streambench/measure.h"
#include "userspace/base/errors.h"
#include "userspace/base/tool_main.h"

namespace gray {
namespace {

struct Options {
  std::size_t packets = 2'000'000;
  std::size_t payload = 128;
  std::size_t flows = 1'000;
  std::size_t many = 1'000'000;
  std::size_t exchanges = 100'000;
  unsigned rounds = 5;
  std::string follow;  ///< capture file: its streams, instead of a measurement
  std::string into;
};

std::string spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return fmt::format("{:.0f} ({:.0f}…{:.0f})", values[values.size() / 2], values.front(),
                     values.back());
}

int measure(const Options& options) {
  const Traffic few = make_traffic(options.flows, options.packets, options.payload);
  const Traffic many = make_traffic(options.many, options.packets, options.payload);
  const MemoryCapture http = make_http(options.flows, options.exchanges, 3000);
  std::vector<double> decoded, few_ns, many_ns, open_ns, first_ns, tins_ns, http_ns, http2_ns;
  for (unsigned round = 0; round < options.rounds; ++round) {
    decoded.push_back(measure_decode(few.steady));
    few_ns.push_back(measure_reassembly(few, options.flows).steady_ns);
    const Pass pass = measure_reassembly(many, options.many);
    many_ns.push_back(pass.steady_ns);
    open_ns.push_back(pass.opening_ns);
    first_ns.push_back(pass.first_ns);
    tins_ns.push_back(measure_tins(few).steady_ns);
    http_ns.push_back(measure_extractor(http, options.exchanges, 1));
    http2_ns.push_back(measure_extractor(http, options.exchanges, 2));
  }
  fmt::print("decode {}\nfew {}\nmany {}\nopen {}\nfirst {}\ntins {}\nhttp {}\nhttp2 {}\n",
             spread(decoded), spread(few_ns), spread(many_ns), spread(open_ns), spread(first_ns),
             spread(tins_ns), spread(http_ns), spread(http2_ns));
  return 0;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app{"Measures TCP reassembly, or writes streams."};
  app.add_option("--packets", options.packets, "packets with payload");
  app.add_option("--payload", options.payload, "bytes of it");
  app.add_option("--rounds", options.rounds, "rounds")->check(CLI::Range(1U, 100U));
  CLI::Option* into = app.add_option("--into", options.into, "for --follow: a folder")
                          ->check(CLI::ExistingDirectory);
  app.add_option("--follow", options.follow, "write the streams of this capture, measure nothing")
      ->needs(into);
  if (!parse_command_line(app, argc, argv)) return 0;
  if (options.follow.empty()) return measure(options);
  follow(options.follow, options.into);
  return 0;
}

}  // namespace
}  // namespace gray

int main(int argc, char** argv) {
  return gray::tool_main("streambench", gray::run, argc, argv);
}
