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

}  // namespace

Pool::Pool(boost::asio::io_context& io, const std::vector<Target>& targets,
           const PoolOptions& options)
    : io_(io),
      targets_(targets),
      options_(options),
      scratch_(kScratchBytes),
      outages_(targets.size()) {}

Pool::~Pool() {
  for (Slots* slots : {&busy_, &idle_}) {
    for (Slot& slot : *slots) slot.connection->close();
  }
}

void Pool::start(Job&& job) {
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
  auto slot = find_idle(job);
  while (slot != idle_.end()) {
    if (slot->connection->still_usable()) {
      busy_.splice(busy_.end(), idle_, slot);
      renew(slot);
      slot->connection->start(std::move(job));
      return true;
    }
    remove(idle_, slot);
    slot = find_idle(job);
  }
  return false;
}

Pool::Slots::iterator Pool::find_idle(const Job& job) {
  if (options_.affine) {
    const auto stream = streams_.find(job.waiting.stream);
    return stream == streams_.end() ? idle_.end() : slots_.at(stream->second);
  }
  const auto newest = std::find_if(idle_.rbegin(), idle_.rend(),
                                   [&](const Slot& slot) { return slot.target == job.target; });
  return newest == idle_.rend() ? idle_.end() : std::prev(newest.base());
}

bool Pool::refused_lately(Outage& outage, std::uint64_t now_ns) {
  if (outage.pause_ns == 0) return false;
  if (outage.probing || now_ns < outage.until_ns) return true;
  outage.probing = true;
  return false;
}

void Pool::open(Job&& job) {
  if (slots_.size() >= options_.concurrency && !idle_.empty()) remove(idle_, idle_.begin());
  Slot slot;
  slot.connection = std::make_shared<Connection>(io_, targets_[job.target], options_.max_body,
                                                 scratch_, static_cast<ConnectionEvents&>(*this));
  slot.target = job.target;
  slot.stream = job.waiting.stream;
  busy_.push_back(slot);
  const auto place = std::prev(busy_.end());
  slots_[slot.connection.get()] = place;
  if (options_.affine) streams_[slot.stream] = slot.connection.get();
  renew(place);
  slot.connection->start(std::move(job));
}

void Pool::renew(Slots::iterator slot) {
  slot->expires_ns = monotonic_ns() + options_.timeout_ns;
}

void Pool::connected(Connection& connection) {
  const auto slot = slots_.at(&connection);
  outages_[slot->target] = {};
  busy_.splice(busy_.end(), busy_, slot);
  renew(slot);
}

void Pool::finished(Connection& connection, Result&& result) {
  const auto slot = slots_.at(&connection);
  if (result.outcome == SendOutcome::ConnectFailed) {
    Outage& outage = outages_[slot->target];
    outage.pause_ns = std::clamp(2 * outage.pause_ns, kFirstPauseNs, kLongestPauseNs);
    outage.until_ns = monotonic_ns() + outage.pause_ns;
    outage.probing = false;
    outage.error = result.error;
  }
  results_.push_back(std::move(result));
  if (connection.open()) {
    idle_.splice(idle_.end(), busy_, slot);
  } else {
    remove(busy_, slot);
  }
}

void Pool::lost(Connection& connection) {
  remove(idle_, slots_.at(&connection));
}

void Pool::close_stream(std::uint64_t stream) {
  const auto found = streams_.find(stream);
  if (found != streams_.end()) remove(idle_, slots_.at(found->second));
}

void Pool::remove(Slots& from, Slots::iterator slot) {
  slot->connection->close();
  if (options_.affine) streams_.erase(slot->stream);
  slots_.erase(slot->connection.get());
  from.erase(slot);
}

void Pool::expire(std::uint64_t now_ns) {
  while (!busy_.empty() && busy_.front().expires_ns <= now_ns) {
    const std::shared_ptr<Connection> connection = busy_.front().connection;
    const std::string limit = " within " + format_duration(options_.timeout_ns);
    if (connection->connecting()) {
      connection->fail(
          SendOutcome::ConnectFailed,
          "connect to " + targets_[busy_.front().target].authority + ": no answer" + limit);
    } else {
      connection->fail(SendOutcome::Timeout, "no whole response" + limit);
    }
  }
}

std::optional<std::uint64_t> Pool::next_expiry() const {
  if (busy_.empty()) return std::nullopt;
  return busy_.front().expires_ns;
}

void Pool::abort() {
  while (!busy_.empty()) {
    const std::shared_ptr<Connection> connection = busy_.front().connection;
    connection->fail(SendOutcome::Aborted, kAborted);
  }
}

}  // namespace gray
