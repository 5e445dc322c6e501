// grpclab: the gRPC peers of the laboratory and of the demo, over gRPC's own C++ library: a server
// that may be a canary which differs, and a client that logs what it did.

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdint>
#include <exception>
#include <iostream>

#include "tools/grpclab/client.h"
#include "tools/grpclab/server.h"

namespace gray::grpclab {
namespace {

constexpr const char* kMethods[] = {"Get", "Search", "Buy", "Talk"};

CLI::IsMember a_method() {
  return CLI::IsMember(std::vector<std::string>(std::begin(kMethods), std::end(kMethods)));
}

void add_server(CLI::App& app, ServerOptions& options) {
  CLI::App* sub = app.add_subcommand("server", "serve shop.Shop until SIGINT");
  sub->add_option("--listen", options.listen, "ADDRESS:PORT")->capture_default_str();
  sub->add_option("--log", options.log, "write a JSON line for each call to this file");
  sub->add_flag("--gzip", options.gzip, "compress answers");
  sub->add_option("--price-add", options.price_add, "change Item.cents by so much");
  sub->add_flag("--without-left", options.without_left, "leave Item.left out");
  sub->add_option("--origin", options.origin, "set Item.origin, which only v2/shop.proto has");
  sub->add_option("--slow", options.slow, "this method waits --slow-ms")->check(a_method());
  sub->add_option("--slow-ms", options.slow_ms, "before its first answer");
  sub->add_option("--fail", options.fail, "this method ends with UNAVAILABLE")->check(a_method());
  sub->callback([&options] { serve(options); });
}

void add_client(CLI::App& app, ClientOptions& options, std::uint64_t& unexpected) {
  CLI::App* sub = app.add_subcommand(
      "client", "call it over one connection; a JSON line for each call on stdout");
  sub->add_option("--server", options.server, "ADDRESS:PORT")->capture_default_str();
  sub->add_option("--methods", options.methods, "called in turns")
      ->delimiter(',')
      ->check(a_method());
  sub->add_option("--calls", options.calls, "how many; 0: until --seconds are over");
  sub->add_option("--seconds", options.seconds, "how long; 0: until --calls are made");
  sub->add_option("--rate", options.rate, "calls a second; 0: no waiting");
  sub->add_option("--at-once", options.at_once, "calls under way at a time")
      ->check(CLI::Range(1, 1000));
  sub->add_option("--messages", options.messages, "in each stream")->capture_default_str();
  sub->add_option("--gap-ms", options.gap_ms, "after each message of a stream from the client");
  sub->add_option("--note-bytes", options.note_bytes, "in each message of such a stream");
  sub->add_option("--fail-every", options.fail_every, "each so manieth call is to fail");
  sub->add_option("--deadline-ms", options.deadline_ms, "of each call")->capture_default_str();
  sub->add_flag("--gzip", options.gzip, "compress requests");
  sub->callback([&options, &unexpected] {
    if (options.calls == 0 && options.seconds <= 0)
      throw CLI::RequiredError("--calls or --seconds");
    unexpected = run_client(options, std::cout);
  });
}

int run(int argc, char** argv) {
  CLI::App app("gRPC peers for the laboratory", "grpclab");
  app.require_subcommand(1);
  ServerOptions server;
  ClientOptions client;
  std::uint64_t unexpected = 0;
  add_server(app, server);
  add_client(app, client, unexpected);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  if (unexpected > 0)
    std::cerr << "grpclab: " << unexpected << " calls ended with another status than they should\n";
  return unexpected > 0 ? 1 : 0;
}

}  // namespace
}  // namespace gray::grpclab

int main(int argc, char** argv) {
  // gRPC's threads get this mask, so that the server's own thread is the one that is told to end.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  try {
    return gray::grpclab::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "grpclab: cannot " << error.what() << '\n';
    return 1;
  }
}
