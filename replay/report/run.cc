#include "replay/report/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "replay/send/copies.h"
#include "userspace/base/clock.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

std::vector<Drop> as_drops(const std::map<std::string, std::uint64_t>& counts, DropKind kind) {
  std::vector<Drop> drops;
  for (const auto& [name, count] : counts) drops.push_back({name, count, kind});
  return drops;
}

// When it was written, by the clock of the dates in answers.
Trial&& stamped(Trial&& trial) noexcept {
  trial.sent_ns = (trial.canary ? trial.canary->first_byte_ns : utc_ns()) - trial.latency_ns;
  return std::move(trial);
}

}  // namespace

ReplayRun::ReplayRun(const RunOptions& options)
    : options_(options),
      selector_(options.select),
      descriptors_(options.descriptors),
      schemas_(std::make_shared<CurrentSchemas>(descriptors_.schemas())),
      scrubber_(Scrubber::from_option(options.scrub)),
      rewriter_(options.rewrite) {
  scrubber_.use_schemas(schemas_);
  options_.compare.schemas = schemas_;
  judge_ = std::make_unique<Judge>(options_.compare, options.gate, scrubber_, options.trials,
                                   options.baseline.has_value());
  if (options.amplify == 0) throw UsageError("--amplify: want at least 1");
  if (options.baseline && options.amplify > 1)
    throw UsageError("--baseline answers each request once: not with --amplify");
  if (options.learn && !options.dry_run)
    sessions_ = std::make_unique<Sessions>(SessionOptions{.copies = options.amplify});
  options_.send.sessions = sessions_.get();
  sender_ = std::make_unique<Sender>(
      options_.send, [this](Trial&& trial) { judge_->add(stamped(std::move(trial))); });
  if (!options.baseline) return;
  SendOptions send = options.send;
  send.targets = {*options.baseline};
  send.urgent = false;
  if (sessions_) baseline_sessions_ = std::make_unique<Sessions>(SessionOptions{});
  send.sessions = baseline_sessions_.get();
  baseline_ = std::make_unique<Sender>(
      send, [this](Trial&& trial) { judge_->add_baseline(stamped(std::move(trial))); });
}

ReplayRun::~ReplayRun() = default;

const char* ReplayRun::refuse(const Exchange& exchange) noexcept {
  if (!options_.window.contains(exchange.request.first_byte_ns)) return "window";
  if (const char* reason = selector_.refuse(exchange)) return reason;
  if (options_.limit > 0 && selected_.load(std::memory_order_relaxed) >= options_.limit)
    return "limit";
  return nullptr;
}

void ReplayRun::boxed(std::unique_ptr<Exchange> box) {
  Exchange& exchange = *box;
  read_.fetch_add(1, std::memory_order_relaxed);
  if (const char* reason = refuse(exchange)) return skip(select_drops_, reason);
  if (const auto reason = conflict(exchange.server)) {
    skip(select_drops_, "target_is_server");
    const std::lock_guard lock(mutex_);
    refusal_ = *reason;
    return abort();
  }
  selected_.fetch_add(1, std::memory_order_relaxed);
  std::vector<Sessions::Pair> pairs, of_baseline;
  if (sessions_) pairs = sessions_->find(exchange.request);
  if (baseline_sessions_) of_baseline = baseline_sessions_->find(exchange.request);
  if (const char* reason = scrubber_.scrub(exchange.request)) return skip(scrub_drops_, reason);
  scrubbed_.fetch_add(1, std::memory_order_relaxed);
  if (baseline_ && !options_.dry_run) submit_to_baseline(exchange, of_baseline);
  if (options_.amplify == 1 && !sessions_) return submit(std::move(box));
  for (Exchange& copy : copies(std::move(exchange), pairs))
    submit(std::make_unique<Exchange>(std::move(copy)));
}

// What production handed out is noted before the first copy is under way: its answer could come
// at once.
std::vector<Exchange> ReplayRun::copies(Exchange&& exchange,
                                        const std::vector<Sessions::Pair>& pairs) {
  std::vector<Exchange> all;
  all.reserve(options_.amplify);
  std::vector<ExchangeId> ids;
  const std::uint64_t stream = exchange.stream;
  const ExchangeId id = exchange.id;
  for (std::size_t copy = 0; copy < options_.amplify; ++copy) {
    const bool last = copy + 1 == options_.amplify;
    all.push_back(last ? std::move(exchange) : exchange);
    all.back().id = id_of_copy(id, copy);
    all.back().stream = stream * options_.amplify + copy;
    ids.push_back(all.back().id);
    give_own_keys(all.back().request, copy);
    if (sessions_) sessions_->mark(all.back(), pairs, copy);
  }
  if (sessions_ && all[0].response) sessions_->handed_out(*all[0].response, ids);
  return all;
}

void ReplayRun::submit(std::unique_ptr<Exchange> copy) {
  ++copies_;
  const auto& targets = options_.send.targets;
  rewriter_.rewrite(copy->request, targets[target_of(copy->stream, targets)].authority);
  if (options_.dry_run) {
    ++dry_;
    return options_.dry_run(copy->request);
  }
  if (options_.wait_for_room) sender_->wait_for_room();
  if (!sender_->submit(std::move(copy)) && sessions_) sessions_->answered(*copy, nullptr);
}

// What the baseline cannot take is judged without it.
void ReplayRun::submit_to_baseline(const Exchange& exchange,
                                   const std::vector<Sessions::Pair>& pairs) {
  Exchange copy = exchange;
  if (baseline_sessions_) {
    baseline_sessions_->mark(copy, pairs, 0);
    if (copy.response) baseline_sessions_->handed_out(*copy.response, {copy.id});
  }
  rewriter_.rewrite(copy.request, options_.baseline->authority);
  if (options_.wait_for_room) baseline_->wait_for_room();
  if (!baseline_->submit(std::move(copy)) && baseline_sessions_)
    baseline_sessions_->answered(copy, nullptr);
}

void ReplayRun::connection_end(std::uint64_t stream) {
  for (std::size_t copy = 0; copy < options_.amplify; ++copy)
    sender_->connection_end(stream * options_.amplify + copy);
  if (baseline_) baseline_->connection_end(stream);
}

std::vector<std::string> ReplayRun::reload_descriptors() {
  const Schemas before = descriptors_.schemas();
  std::vector<std::string> news = descriptors_.reload();
  if (descriptors_.schemas() == before) return news;
  schemas_->set(descriptors_.schemas());
  news.emplace_back("descriptors that changed are read again");
  return news;
}

void ReplayRun::close() {
  sender_->close();
  if (baseline_) baseline_->close();
}

void ReplayRun::send() {
  std::jthread beside;
  if (baseline_) beside = std::jthread([this] { baseline_->run(); });
  sender_->run();
}

void ReplayRun::abort() noexcept {
  sender_->abort();
  if (baseline_) baseline_->abort();
}

std::optional<std::string> ReplayRun::conflict(const Endpoint& server) const {
  if (options_.force) return std::nullopt;
  const auto is_server = [&](const Target& target) {
    return std::find(target.endpoints.begin(), target.endpoints.end(), server) !=
           target.endpoints.end();
  };
  for (const Target& target : options_.send.targets)
    if (is_server(target))
      return fmt::format(
          "target {} is a captured server: a canary must be another one (--force sends all the "
          "same)",
          target.url);
  if (options_.baseline && is_server(*options_.baseline))
    return fmt::format(
        "baseline {} is a captured server: it must be another instance (--force sends all the "
        "same)",
        options_.baseline->url);
  return std::nullopt;
}

std::string ReplayRun::refusal() const {
  const std::lock_guard lock(mutex_);
  return refusal_;
}

ReplayRun::Status ReplayRun::status() const {
  return {.read = read_.load(),
          .selected = selected_.load(),
          .different = judge_->different(),
          .send = sender_->stats()};
}

void ReplayRun::add_stages(Ledger& ledger) const {
  ledger.add({.name = "select",
              .unit = "exchanges",
              .in = read_.load(),
              .out = selected_.load(),
              .drops = as_drops(select_drops_, DropKind::Selection)});
  ledger.add({.name = "scrub",
              .unit = "exchanges",
              .in = selected_.load(),
              .out = scrubbed_.load(),
              .drops = as_drops(scrub_drops_, DropKind::Loss)});
  if (options_.amplify > 1)
    ledger.add({.name = "amplify",
                .unit = "copies",
                .in = scrubbed_.load() * options_.amplify,
                .out = copies_});
  if (options_.dry_run)
    ledger.add({.name = "dry_run",
                .unit = "exchanges",
                .in = copies_,
                .out = 0,
                .drops = {{"not_sent", dry_, DropKind::Selection}}});
  sender_->account(ledger);
  judge_->account(ledger);
  if (baseline_) add_baseline_stage(ledger);
}

// Not in the row of the others: what the baseline did not answer is missing to nobody but itself.
void ReplayRun::add_baseline_stage(Ledger& ledger) const {
  const SendStats stats = baseline_->stats();
  ledger.add({.name = "baseline",
              .unit = "requests to the baseline",
              .in = stats.submitted,
              .out = stats.answered,
              .drops = {{"queue_full", stats.queue_full, DropKind::Selection},
                        {"connect", stats.connect, DropKind::Selection},
                        {"timeout", stats.timeout, DropKind::Selection},
                        {"reset", stats.reset, DropKind::Selection},
                        {"garbage", stats.garbage, DropKind::Selection},
                        {"aborted", stats.aborted, DropKind::Selection},
                        {"unsendable", stats.unsendable, DropKind::Selection},
                        {"refused", stats.refused, DropKind::Selection}},
              .held = stats.queued + stats.in_flight});
}

std::vector<SchemaStep> ReplayRun::schema_steps() const {
  const Schemas& sets = descriptors_.schemas();
  std::vector<SchemaStep> steps;
  for (const SchemaPair& pair : version_pairs(sets))
    steps.push_back({options_.descriptors[pair.before], options_.descriptors[pair.after],
                     schema_changes(*sets[pair.before], *sets[pair.after], pair.packages)});
  return steps;
}

RunSummary ReplayRun::finish(const Ledger& upstream) {
  judge_->finish();
  const SendStats sent = sender_->stats();
  RunSummary summary;
  summary.read = read_.load();
  summary.selected = selected_.load();
  summary.skipped = select_drops_;
  for (const auto& [name, count] : scrub_drops_) summary.skipped[name] += count;
  summary.tally = judge_->gate().tally();
  summary.sent = summary.tally.sent;
  summary.answered = summary.tally.answered;
  summary.failed = summary.tally.failed;
  summary.lateness = sent.lateness;
  summary.seconds = sent.seconds;
  summary.ledger = upstream;
  add_stages(summary.ledger);
  summary.verdict = judge_->gate().verdict(summary.tally);
  summary.confidence = judge_->gate().confidence(summary.tally);
  if (options_.baseline) summary.baseline = options_.baseline->url;
  for (const Target& target : options_.send.targets) summary.targets.push_back(target.url);
  if (sessions_) summary.sessions = sessions_->summary();
  if (baseline_sessions_) summary.baseline_sessions = baseline_sessions_->summary();
  if (options_.descriptors.size() > 1) summary.schema_changes = schema_steps();
  return summary;
}

}  // namespace gray
