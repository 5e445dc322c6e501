#include "replay/send/pool.h"

#include <algorithm>
#include <iterator>

#include "userspace/base/clock.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

constexpr std::size_t kScratchBytes = 64u << 10;
constexpr std::uint64_t kFirstPauseNs = kNsPerMs;
constexpr std::uint64_t kLongestPauseNs = 20 * kNsPerMs;
constexpr std::uint64_t kLongestStreamNs = 24 * 3600 * kNsPerSecond;

std::uint64_t from_to(std::uint64_t from, std::uint64_t to) {
  return to - std::min(from, to);
}

/// What production's client and server took for a stream, at the pace of this replay.
std::uint64_t recorded_ns(const Job& job) {
  const Exchange& exchange = *job.waiting.exchange;
  if (exchange.h2_stream == 0) return 0;
  const Request& request = exchange.request;
  std::uint64_t took = 0;
  if (job.pace > 0)
    took = static_cast<std::uint64_t>(
        static_cast<double>(from_to(request.first_byte_ns, request.last_byte_ns)) / job.pace);
  if (exchange.response)
    took += from_to(exchange.response->first_byte_ns, exchange.response->last_byte_ns);
  return std::min(took, kLongestStreamNs);
}

bool any_of_wire(const std::vector<Target>& targets, bool (*is)(Wire)) {
  return std::any_of(targets.begin(), targets.end(),
                     [&](const Target& target) { return is(target.wire); });
}

}  // namespace

Pool::Pool(boost::asio::io_context& io, const std::vector<Target>& targets,
           const PoolOptions& options)
    : io_(io),
      sockets_(io, options.together),
      targets_(targets),
      options_(options),
      plain_(kScratchBytes),
      outages_(targets.size()) {
  multiplexes_ =
      options_.affine && any_of_wire(targets, [](Wire wire) { return wire != Wire::Http1; });
  if (!any_of_wire(targets, [](Wire wire) { return wire == Wire::Negotiated; })) return;
  tls_ = std::make_unique<TlsContext>(options_.tls);
  cipher_.resize(kScratchBytes);
}

Pool::~Pool() {
  for (Slots* slots : {&busy_, &idle_}) {
    for (Slot& slot : *slots) slot.connection->close();
  }
}

bool Pool::has_room(std::uint64_t stream) const {
  const auto [first, last] = streams_.equal_range(stream);
  return std::any_of(first, last, [](const auto& entry) { return entry.second->takes_more(); });
}

void Pool::start(Job&& job) {
  job.number = ++numbers_;
  if (reuse(job)) return;
  Outage& outage = outages_[job.target];
  if (refused_lately(outage, monotonic_ns())) {
    Result result;
    result.outcome = SendOutcome::ConnectFailed;
    result.error = outage.error + " (a moment ago)";
    result.job = std::move(job);
    results_.push_back(std::move(result));
    return;
  }
  open(std::move(job));
}

bool Pool::reuse(Job& job) {
  while (Connection* connection = find_usable(job)) {
    if (connection->still_usable(std::max(quiet_ns_, sockets_.quiet_ns()))) {
      launch(*connection, std::move(job));
      return true;
    }
    if (connection->jobs() == 0) remove(*connection);
  }
  return false;
}

Connection* Pool::find_usable(const Job& job) {
  if (options_.affine) return find_of_stream(job);
  const auto newest = std::find_if(idle_.rbegin(), idle_.rend(),
                                   [&](const Slot& slot) { return slot.target == job.target; });
  return newest == idle_.rend() ? nullptr : newest->connection.get();
}

Connection* Pool::find_of_stream(const Job& job) {
  const auto [first, last] = streams_.equal_range(job.waiting.stream);
  const auto found =
      std::find_if(first, last, [](const auto& entry) { return entry.second->takes_more(); });
  return found == last ? nullptr : found->second;
}

bool Pool::refused_lately(Outage& outage, std::uint64_t now_ns) {
  if (outage.pause_ns == 0) return false;
  if (outage.probing || now_ns < outage.until_ns) return true;
  outage.probing = true;
  return false;
}

void Pool::open(Job&& job) {
  if (slots_.size() >= options_.concurrency && !idle_.empty()) remove(*idle_.front().connection);
  Slot slot;
  slot.connection = std::make_shared<Connection>(
      io_, sockets_, targets_[job.target],
      ConnectionOptions{options_.max_body, tls_.get(), plain_, cipher_},
      static_cast<ConnectionEvents&>(*this));
  slot.target = job.target;
  slot.stream = job.waiting.stream;
  Connection& connection = *slot.connection;
  if (options_.affine) streams_.emplace(slot.stream, &connection);
  idle_.push_back(std::move(slot));
  slots_[&connection] = std::prev(idle_.end());
  launch(connection, std::move(job));
}

void Pool::launch(Connection& connection, Job&& job) {
  const auto slot = slots_.at(&connection);
  const std::shared_ptr<Connection> alive = slot->connection;
  shelve(slot, true);
  job.expires_ns = monotonic_ns() + options_.timeout_ns + recorded_ns(job);
  flights_.emplace(std::pair(job.expires_ns, job.number), &connection);
  connection.start(std::move(job));
}

void Pool::connected(Connection& connection, std::span<Job> waiting) {
  outages_[slots_.at(&connection)->target] = {};
  for (Job& job : waiting) renew(job, connection);
}

/// The time to connect is not the response's.
void Pool::renew(Job& job, Connection& connection) {
  flights_.erase({job.expires_ns, job.number});
  job.expires_ns = monotonic_ns() + options_.timeout_ns + recorded_ns(job);
  flights_.emplace(std::pair(job.expires_ns, job.number), &connection);
}

void Pool::finished(Connection& connection, Result&& result) {
  const auto slot = slots_.at(&connection);
  flights_.erase({result.job.expires_ns, result.job.number});
  if (result.outcome == SendOutcome::ConnectFailed) {
    Outage& outage = outages_[slot->target];
    outage.pause_ns = std::clamp(2 * outage.pause_ns, kFirstPauseNs, kLongestPauseNs);
    outage.until_ns = monotonic_ns() + outage.pause_ns;
    outage.probing = false;
    outage.error = result.error;
  }
  results_.push_back(std::move(result));
  if (connection.jobs() > 0) return;
  if (connection.takes_more()) {
    shelve(slot, false);
  } else {
    remove(connection);
  }
}

void Pool::lost(Connection& connection) {
  if (slots_.contains(&connection)) remove(connection);
}

void Pool::close_stream(std::uint64_t stream) {
  while (true) {
    const auto [first, last] = streams_.equal_range(stream);
    const auto idle =
        std::find_if(first, last, [](const auto& entry) { return entry.second->jobs() == 0; });
    if (idle == last) return;
    remove(*idle->second);
  }
}

void Pool::remove(Connection& connection) {
  const auto slot = slots_.at(&connection);
  connection.close();
  if (options_.affine) {
    const auto [first, last] = streams_.equal_range(slot->stream);
    const auto entry =
        std::find_if(first, last, [&](const auto& found) { return found.second == &connection; });
    if (entry != last) streams_.erase(entry);
  }
  slots_.erase(&connection);
  (slot->busy ? busy_ : idle_).erase(slot);
}

void Pool::shelve(Slots::iterator slot, bool busy) {
  if (slot->busy == busy) return;
  Slots& to = busy ? busy_ : idle_;
  to.splice(to.end(), slot->busy ? busy_ : idle_, slot);
  slot->busy = busy;
}

void Pool::expire(std::uint64_t now_ns) {
  while (!flights_.empty() && flights_.begin()->first.first <= now_ns) {
    const auto [key, at] = *flights_.begin();
    const auto slot = slots_.at(at);
    const std::size_t target = slot->target;
    const std::shared_ptr<Connection> connection = slot->connection;
    if (connection->catch_up()) {
      for (Job& job : connection->waiting()) renew(job, *connection);
    }
    if (!flights_.contains(key)) continue;
    const std::string limit = " within " + format_duration(options_.timeout_ns);
    if (connection->connecting()) {
      connection->fail(key.second, SendOutcome::ConnectFailed,
                       "connect to " + targets_[target].authority + ": no answer" + limit);
    } else {
      connection->fail(key.second, SendOutcome::Timeout, "no whole response" + limit);
    }
  }
}

std::optional<std::uint64_t> Pool::next_expiry() const {
  if (flights_.empty()) return std::nullopt;
  return flights_.begin()->first.first;
}

void Pool::abort() {
  while (!flights_.empty()) {
    const auto [key, at] = *flights_.begin();
    const std::shared_ptr<Connection> connection = slots_.at(at)->connection;
    connection->fail(key.second, SendOutcome::Aborted, kAborted);
  }
}

}  // namespace gray
