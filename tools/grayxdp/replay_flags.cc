#include "tools/grayxdp/replay_flags.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "replay/report/html.h"
#include "tools/grayxdp/verbs.h"
#include "userspace/base/errors.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

// "0%" is a fair limit, and no share that could be sampled.
double share_or_none(const std::string& text) {
  return text == "0%" ? 0 : parse_share(text);
}

}  // namespace

void ReplayFlags::add_to(CLI::App& app) {
  app.add_option("--allow-method", methods, "methods that are replayed (default: the safe ones)")
      ->delimiter(',')
      ->type_name("LIST");
  app.add_option("--allow-url", allow_urls, "only targets that match")->type_name("RE");
  app.add_option("--disallow-url", disallow_urls, "no targets that match")->type_name("RE");
  app.add_option("--allow-header", allow_headers, "only with such a header")->type_name("N:RE");
  app.add_option("--sample-by", sample_by, "flow, header:NAME or cookie:NAME")->type_name("KEY");
  app.add_option("--set-header", set_headers, "set on every request")->type_name("'N: v'");
  app.add_option("--rewrite-url", rewrite_urls, "rewrite the target")->type_name("RE:TO");
  app.add_option("--host", host, "Host header: production's, or the target's")
      ->check(CLI::IsMember({"keep", "target"}));
  app.add_option("--color", color, "header that marks replayed requests")->type_name("'N: v'");
  app.add_option("--scrub", scrub, "rules file, builtin or off")->type_name("RULES");
  app.add_option("--descriptors", descriptors, "what gRPC messages mean: FileDescriptorSets")
      ->type_name("FILE");
  app.add_option("--order", order, "what keeps its order: connection, global, none")
      ->type_name("HOW")
      ->check(CLI::IsMember({"connection", "global", "none"}).description(""));
  app.add_option("--concurrency", concurrency, "connections to the canary at most")
      ->type_name("N")
      ->check(CLI::Range(1, 60'000).description(""));
  app.add_option("--timeout", timeout, "for a whole response")->type_name("TIME");
  app.add_option("--ca", ca, "PEM of who vouches for https:// canaries (default: the system's)")
      ->type_name("FILE");
  app.add_flag("--insecure", insecure, "believe any certificate");
  app.add_option("--amplify", amplify, "send each request this many times, as many clients")
      ->type_name("N")
      ->check(CLI::Range(1, 1000).description(""));
  app.add_flag("--learn", learn,
               "give the canary its own cookies, tokens and ids back in place of production's");
  app.add_option("--learn-wait", learn_wait, "how long a request may wait for one")
      ->type_name("TIME");
  app.add_option("--ignore", ignores, "do not compare: header.date, json.$.ts, status, body")
      ->type_name("FIELD");
  app.add_option("--compare", compare_rules, "rules for comparing")->type_name("RULES.yaml");
  app.add_option("--accept", accept, "causes not held against the canary: identifier, timing, …")
      ->delimiter(',')
      ->type_name("CAUSES");
  app.add_option("--baseline", baseline, "a second production instance, to learn noise")
      ->type_name("URL");
  app.add_option("--noise-relative", noise_relative, "noise: differs more by at most")
      ->type_name("SHARE");
  app.add_option("--noise-absolute", noise_absolute, "and by this share of the requests")
      ->type_name("SHARE");
  app.add_option("--max-diff", max_diff, "share of exchanges that may differ")->type_name("SHARE");
  app.add_option("--max-p99", max_p99, "canary's 99th percentile at most")->type_name("TIME");
  app.add_option("--trials", trials, "a JSON line for each exchange")->type_name("FILE");
  app.add_option("--report", html, "the result as a page")->type_name("OUT.html");
}

RunOptions ReplayFlags::options(double share, std::uint64_t seed) const {
  RunOptions run;
  for (const std::string& url : targets) run.send.targets.push_back(Target::parse(url));
  run.select.methods = methods;
  run.select.allow_urls = allow_urls;
  run.select.disallow_urls = disallow_urls;
  run.select.allow_headers = allow_headers;
  run.select.share = share;
  run.select.sample_by = sample_by;
  // The flow tag has the seed in it already: the sample of a file is then the kernel's.
  run.select.seed = sample_by == "flow" ? 0 : seed;
  run.select.color_name = color.substr(0, color.find(':'));
  run.rewrite.color = color;
  run.rewrite.set_headers = set_headers;
  run.rewrite.rewrite_urls = rewrite_urls;
  run.rewrite.host_from_target = host == "target";
  run.scrub = scrub;
  run.descriptors = descriptors;
  run.send.order = order == "global" ? Order::Global
                   : order == "none" ? Order::None
                                     : Order::Connection;
  run.send.concurrency = concurrency;
  run.send.timeout_ns = parse_duration(timeout);
  if (insecure && !ca.empty()) throw UsageError("--ca and --insecure exclude each other");
  run.send.tls = {.ca_file = ca, .insecure = insecure};
  run.send.hold_ns = parse_duration(learn_wait);
  run.amplify = amplify;
  run.learn = learn;
  run.compare.ignores = ignores;
  run.compare.rules = compare_rules;
  if (!baseline.empty()) run.baseline = Target::parse(baseline);
  run.gate.noise.relative = share_or_none(noise_relative);
  run.gate.noise.absolute = share_or_none(noise_absolute);
  for (const std::string& word : accept) {
    const auto cause = parse_cause(word);
    if (!cause)
      throw UsageError("--accept " + word +
                       ": no cause; want status_class, schema, value, ordering, timing, "
                       "identifier, repeated or truncated");
    run.gate.accepted.set(index_of(*cause));
  }
  run.gate.max_diff = share_or_none(max_diff);
  if (!max_p99.empty()) run.gate.max_p99_ns = parse_duration(max_p99);
  run.trials = trials;
  run.limit = limit;
  return run;
}

int conclude(const RunSummary& summary, const ReplayFlags& flags, const Judge& judge,
             const char* verb) {
  if (flags.json)
    std::cout << to_json(summary, verb).dump() << std::endl;
  else
    print(std::cout, summary);
  if (!flags.html.empty()) write_html(flags.html, summary, judge.samples());
  if (const std::error_code failure = judge.trials_failure()) {
    std::cerr << "grayxdp: write " << flags.trials << ": " << failure.message() << " after "
              << judge.trials_written() << " trials\n";
    return kExitFailed;
  }
  return summary.verdict.exit_code;
}

}  // namespace gray
