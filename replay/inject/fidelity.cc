#include "replay/inject/fidelity.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <utility>

namespace gray {
namespace {

constexpr std::size_t kEarly = 1023;
constexpr std::size_t kSamples = 8192;
constexpr std::size_t kStretches = 64;

template <class T>
T median(std::vector<T>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

using Weighted = std::pair<std::int64_t, std::uint64_t>;  // a value, how often

std::int64_t percentile(const std::vector<Weighted>& sorted, std::uint64_t total, double share) {
  const double wanted = share * static_cast<double>(total);
  std::uint64_t seen = 0;
  for (const auto& [value, count] : sorted) {
    seen += count;
    if (static_cast<double>(seen) >= wanted) return value;
  }
  return sorted.empty() ? 0 : sorted.back().first;
}

std::uint64_t share_of(const std::vector<Weighted>& sorted, std::uint64_t total, double share) {
  return static_cast<std::uint64_t>(percentile(sorted, total, share));
}

}  // namespace

Fidelity::Fidelity() {
  early_.reserve(kEarly);
  samples_.reserve(kSamples);
}

void Fidelity::Burst::add(std::uint64_t time_ns) noexcept {
  const std::uint64_t gap = time_ns > last_ns ? time_ns - last_ns : 0;
  if (length > 0 && gap >= kBurstNs) end();
  last_ns = std::max(last_ns, time_ns);
  ++length;
}

void Fidelity::Burst::end() noexcept {
  if (length == 0) return;
  const auto octave = static_cast<std::size_t>(std::bit_width(length)) - 1;
  ++ended[std::min(octave, ended.size() - 1)];
  length = 0;
}

void Fidelity::Errors::record(std::int64_t error) noexcept {
  if (error >= 0)
    above.record(static_cast<std::uint64_t>(error));
  else
    below.record(static_cast<std::uint64_t>(-error));
}

void Fidelity::add(std::size_t lane, std::uint64_t number, std::uint64_t due_ns,
                   std::uint64_t left_ns) noexcept {
  Lane& way = lanes_[lane];
  if (number < way.next_number) ++reordered_;
  way.next_number = std::max(way.next_number, number + 1);
  way.wanted.add(due_ns);
  way.sent.add(left_ns);
  // Unsigned differences wrap as they should, whatever the two clocks read.
  const std::uint64_t offset = left_ns - due_ns;
  if (frames_ == 0) first_offset_ = offset;
  const Sample sample{due_ns, static_cast<std::int64_t>(offset - first_offset_)};
  if (frames_++ % stride_ == 0) {
    if (samples_.size() == kSamples) {
      for (std::size_t i = 0; i < kSamples / 2; ++i) samples_[i] = samples_[2 * i];
      samples_.resize(kSamples / 2);
      stride_ *= 2;
    }
    if ((frames_ - 1) % stride_ == 0) samples_.push_back(sample);
  }
  if (settled_) {
    record(sample);
    return;
  }
  early_.push_back(sample);
  if (early_.size() == kEarly) settle();
}

void Fidelity::settle() noexcept {
  std::vector<std::int64_t> errors;
  for (const Sample& sample : early_) errors.push_back(sample.error_ns);
  if (!errors.empty()) reference_ = median(errors);
  settled_ = true;
  for (const Sample& sample : early_) record(sample);
  early_.clear();
}

void Fidelity::record(const Sample& sample) noexcept {
  errors_.record(sample.error_ns - reference_);
}

double Fidelity::drift(std::vector<Sample> samples) {
  struct Point {
    double due;
    double error;
  };
  std::vector<Point> points;
  const std::size_t stretches = std::min(kStretches, samples.size() / 2);
  for (std::size_t i = 0; i < stretches; ++i) {
    const std::size_t first = samples.size() * i / stretches;
    const std::size_t last = samples.size() * (i + 1) / stretches;
    std::vector<std::int64_t> errors;
    double due = 0;
    for (std::size_t k = first; k < last; ++k) {
      errors.push_back(samples[k].error_ns);
      due += static_cast<double>(samples[k].due_ns);
    }
    points.push_back(
        {due / static_cast<double>(last - first), static_cast<double>(median(errors))});
  }
  std::vector<double> slopes;
  for (std::size_t i = 0; i < points.size(); ++i)
    for (std::size_t k = i + 1; k < points.size(); ++k)
      if (points[k].due > points[i].due)
        slopes.push_back((points[k].error - points[i].error) / (points[k].due - points[i].due));
  return slopes.empty() ? 0 : median(slopes) * 1e6;
}

FidelityReport Fidelity::report() const {
  Fidelity end = *this;
  if (!end.settled_) end.settle();
  FidelityReport report{.frames = frames_, .reordered = reordered_};
  for (Lane& lane : end.lanes_) {
    lane.wanted.end();
    lane.sent.end();
    for (std::size_t i = 0; i < report.sent.size(); ++i) {
      report.wanted[i] += lane.wanted.ended[i];
      report.sent[i] += lane.sent.ended[i];
    }
  }
  std::vector<Weighted> errors;
  end.errors_.below.for_each([&](std::uint64_t value, std::uint64_t count) {
    errors.emplace_back(-static_cast<std::int64_t>(value), count);
  });
  end.errors_.above.for_each([&](std::uint64_t value, std::uint64_t count) {
    errors.emplace_back(static_cast<std::int64_t>(value), count);
  });
  std::sort(errors.begin(), errors.end());
  const std::int64_t middle = percentile(errors, frames_, 0.5);
  for (auto& [value, count] : errors) {
    if (value - middle > static_cast<std::int64_t>(kLateNs)) report.late += count;
    value = std::abs(value - middle);
  }
  std::sort(errors.begin(), errors.end());
  report.p50_ns = share_of(errors, frames_, 0.5);
  report.p99_ns = share_of(errors, frames_, 0.99);
  report.p999_ns = share_of(errors, frames_, 0.999);
  report.max_ns = share_of(errors, frames_, 1);
  report.drift_ppm = drift(std::move(end.samples_));
  return report;
}

}  // namespace gray
