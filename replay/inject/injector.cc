#include "replay/inject/injector.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "userspace/base/clock.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

constexpr std::uint64_t kLeadNs = 5 * kNsPerMs;    // from the start to the first frame
constexpr std::uint64_t kSliceNs = 50 * kNsPerMs;  // a long wait looks around this often
constexpr std::uint64_t kNapNs = 500 * kNsPerUs;   // for the reader to come up
constexpr std::uint32_t kBurst = 64;               // frames that are due and handed over together
constexpr std::size_t kReap = 256;

}  // namespace

Injector::Injector(FrameFeed& feed, std::span<const std::unique_ptr<TxPort>> ports,
                   const FrameScheduleOptions& schedule, const InjectLimits& limits,
                   const std::atomic<bool>& stop)
    : feed_(feed),
      schedule_(schedule),
      timed_(schedule.pace != FramePace::TopSpeed),
      limits_(limits),
      stop_(stop) {
  for (const auto& port : ports) {
    Lane& lane = lanes_.emplace_back();
    lane.port = port.get();
    lane.slots.resize(port->slots());
    lane.staged.reserve(kBurst);
  }
}

void Injector::run(Pacer& pacer) noexcept {
  pacer_ = &pacer;
  first_ns_ = last_ns_ = epoch_ns_ = pacer.now_ns() + (timed_ ? kLeadNs : 0);
  while (const FrameBatch* batch = take()) {
    const bool go_on = send_batch(*batch);
    feed_.done(batch);
    if (!go_on) break;
  }
  drain();
}

// The next batch; null when there is none any more.
const FrameBatch* Injector::take() noexcept {
  while (!stopped()) {
    // In this order: what comes between the two is not missed.
    const bool ended = feed_.ended();
    if (const FrameBatch* batch = feed_.next()) return batch;
    if (ended) break;
    hand_over(pacer_->now_ns());
    pacer_->wait_until(pacer_->now_ns() + kNapNs);
    collect();
  }
  return nullptr;
}

bool Injector::send_batch(const FrameBatch& batch) noexcept {
  if (batch.begins_round && taken_ > 0) schedule_.next_round();
  taken_ += batch.frames.size();
  for (std::size_t i = 0; i < batch.frames.size(); ++i) {
    const ReadyFrame& frame = batch.frames[i];
    Lane& lane = lanes_[frame.port < lanes_.size() ? frame.port : 0];
    const std::uint64_t due = schedule_.deadline(frame.recorded_ns, frame.length);
    const bool over = over_limit(due);
    if (!over && send_frame(lane, batch.bytes_of(frame), due)) continue;
    (over ? over_limit_ : interrupted_) += batch.frames.size() - i;
    return false;
  }
  return true;
}

bool Injector::over_limit(std::uint64_t due_ns) noexcept {
  if (limits_.frames > 0 && staged_ >= limits_.frames) return true;
  if (limits_.duration_ns == 0) return false;
  // Asking the clock for every frame would cost at top speed.
  if (!timed_) {
    const bool asks = waiting_ == 0 || waiting_ == kBurst;
    return asks && pacer_->now_ns() - first_ns_ >= limits_.duration_ns;
  }
  return due_ns >= limits_.duration_ns;
}

// False: it was not sent, and nothing more will be.
bool Injector::send_frame(Lane& lane, std::span<const std::uint8_t> bytes,
                          std::uint64_t due_ns) noexcept {
  const std::uint64_t deadline = epoch_ns_ + due_ns;
  const std::uint64_t now = timed_ ? pacer_->now_ns() : 0;
  const bool early = timed_ && deadline > now;
  if (waiting_ > 0 && (early || waiting_ == kBurst)) {
    hand_over(timed_ ? now : pacer_->now_ns());
    collect();
  }
  if (stopped() || !stage(lane, bytes, due_ns)) return false;
  if (!early) return true;
  if (!wait_for(deadline)) {
    lane.port->cancel();
    lane.staged.clear();
    waiting_ = 0;
    return false;
  }
  hand_over(last_ns_);
  collect();
  return true;
}

bool Injector::stage(Lane& lane, std::span<const std::uint8_t> bytes,
                     std::uint64_t due_ns) noexcept {
  auto slot = lane.port->stage(bytes);
  while (!slot) {
    hand_over(pacer_->now_ns());
    lane.port->send();
    collect(lane);
    watch(lane, pacer_->now_ns());
    if (stopped()) return false;
    slot = lane.port->stage(bytes);
  }
  lane.slots[*slot] = {staged_++, due_ns, 0, static_cast<std::uint32_t>(bytes.size())};
  lane.staged.push_back(*slot);
  ++waiting_;
  return true;
}

bool Injector::wait_for(std::uint64_t deadline_ns) noexcept {
  for (std::uint64_t now = pacer_->now_ns();;) {
    const std::uint64_t next = std::min(deadline_ns, now + kSliceNs);
    now = pacer_->wait_until(next);
    if (next == deadline_ns) {
      last_ns_ = now;
      return !stopped();
    }
    collect();
    for (Lane& lane : lanes_) watch(lane, now);
    if (stopped()) return false;
  }
}

void Injector::hand_over(std::uint64_t now) noexcept {
  if (waiting_ == 0) return;
  waiting_ = 0;
  last_ns_ = now;
  for (Lane& lane : lanes_) {
    if (lane.staged.empty()) continue;
    lane.port->send();
    for (const std::uint32_t slot : lane.staged) lane.slots[slot].handed_over_ns = now;
    if (lane.in_flight == 0) lane.progressed_ns = now;
    lane.handed_over += lane.staged.size();
    lane.in_flight += lane.staged.size();
    lane.staged.clear();
  }
}

void Injector::collect() noexcept {
  for (Lane& lane : lanes_)
    if (lane.in_flight > 0) collect(lane);
}

void Injector::collect(Lane& lane) noexcept {
  std::array<Departure, kReap> departures;
  const std::size_t count = lane.port->reap(departures);
  for (std::size_t i = 0; i < count; ++i) depart(lane, departures[i]);
  lane.in_flight -= count;
  if (count > 0) lane.progressed_ns = last_ns_;
  if (const int error = lane.port->failure(); error != 0 && failure_.empty())
    failure_ = std::strerror(error);
}

void Injector::depart(const Lane& lane, const Departure& departure) noexcept {
  const InFlight& frame = lane.slots[departure.slot];
  sent_.store(sent_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  bytes_.store(bytes_.load(std::memory_order_relaxed) + frame.length, std::memory_order_relaxed);
  if (!timed_) return;
  if (clock_ == Measured::Unknown)
    clock_ = departure.time_ns != 0 ? Measured::ByKernel : Measured::BySend;
  const bool by_kernel = clock_ == Measured::ByKernel;
  const std::uint64_t left = by_kernel ? departure.time_ns : frame.handed_over_ns;
  if (left == 0) return;  // a driver that stamps some of its frames
  const auto number = static_cast<std::size_t>(&lane - lanes_.data());
  fidelity_.add(number, frame.number, frame.due_ns, left);
}

void Injector::watch(Lane& lane, std::uint64_t now) noexcept {
  if (lane.in_flight == 0) lane.progressed_ns = now;
  if (now < lane.progressed_ns + limits_.stall_ns || !failure_.empty()) return;
  failure_ = fmt::format("no completion in {}, {} frames on their way",
                         format_duration(limits_.stall_ns), lane.in_flight);
}

// Waits for what is in flight, but not for ever.
void Injector::drain() noexcept {
  hand_over(pacer_->now_ns());
  for (Lane& lane : lanes_) {
    lane.progressed_ns = pacer_->now_ns();
    while (lane.in_flight > 0 && failure_.empty()) {
      const std::uint64_t before = lane.in_flight;
      collect(lane);
      const std::uint64_t now = pacer_->now_ns();
      if (lane.in_flight < before) {
        lane.progressed_ns = now;
        continue;
      }
      lane.port->send();
      watch(lane, now);
    }
  }
}

std::uint64_t Injector::sent() const noexcept {
  std::uint64_t sent = 0;
  for (const Lane& lane : lanes_)
    sent += lane.port->counts().completed - lane.port->counts().dropped;
  return sent;
}

void Injector::account(Ledger& ledger) const {
  std::uint64_t handed_over = 0;
  Stage tx{.name = "tx", .unit = "wire frames"};
  std::uint64_t rejected = 0;
  std::uint64_t dropped = 0;
  for (const Lane& lane : lanes_) {
    handed_over += lane.handed_over;
    rejected += lane.port->counts().rejected;
    dropped += lane.port->counts().dropped;
    tx.held += lane.in_flight;
  }
  ledger.add({.name = "schedule",
              .unit = "wire frames",
              .in = taken_,
              .out = handed_over,
              .drops = {{"limit", over_limit_, DropKind::Selection},
                        {"interrupted", interrupted_, DropKind::Selection}}});
  tx.in = handed_over;
  tx.out = sent();
  tx.drops = {{"refused", rejected, DropKind::Loss}, {"no_carrier", dropped, DropKind::Loss}};
  ledger.add(std::move(tx));
}

}  // namespace gray
