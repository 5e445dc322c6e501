// How true a replay was to its schedule. One thread; memory does not grow with the run.
//
// The error of a frame is the distance from when it ought to have left to when it left, with the
// median of all these distances taken out: a replay that is late as a whole by a constant (the way
// through the kernel) is not untrue to the recording. Its percentiles are of the absolute value.
// Drift is the slope of the error over the run, as Theil and Sen's estimate (the median of all
// pairwise slopes) over the medians of stretches, so that single late frames do not bend it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "userspace/base/histogram.h"

namespace gray {

struct FidelityReport {
  /// Of bursts of 1, 2–3, 4–7, … frames; the last holds all longer ones.
  static constexpr std::size_t kBurstClasses = 10;
  using Bursts = std::array<std::uint64_t, kBurstClasses>;

  std::uint64_t frames = 0;
  std::uint64_t p50_ns = 0;
  std::uint64_t p99_ns = 0;
  std::uint64_t p999_ns = 0;
  std::uint64_t max_ns = 0;
  double drift_ppm = 0;         ///< above 0: slower than recorded
  std::uint64_t reordered = 0;  ///< left after a frame that was to follow them
  std::uint64_t late = 0;       ///< by more than Fidelity::kLateNs
  Bursts wanted{};              ///< how many bursts there were to be
  Bursts sent{};                ///< how many there were
};

class Fidelity {
 public:
  static constexpr std::uint64_t kLateNs = 100'000;
  /// Frames that follow each other closer than this are of one burst.
  static constexpr std::uint64_t kBurstNs = 10'000;
  static constexpr std::size_t kLanes = 2;

  Fidelity();

  /// A frame that left by `lane` (an interface, below kLanes), in the order in which they left it.
  /// `number` is its place in the schedule, `due_ns` after the epoch, `left_ns` on any clock, the
  /// same one each time.
  void add(std::size_t lane, std::uint64_t number, std::uint64_t due_ns,
           std::uint64_t left_ns) noexcept;

  FidelityReport report() const;

 private:
  struct Sample {
    std::uint64_t due_ns;
    std::int64_t error_ns;
  };
  struct Burst {
    std::uint64_t last_ns = 0;
    std::uint64_t length = 0;
    FidelityReport::Bursts ended{};
    void add(std::uint64_t time_ns) noexcept;
    void end() noexcept;
  };
  struct Lane {
    std::uint64_t next_number = 0;
    Burst wanted;
    Burst sent;
  };
  struct Errors {  // of one sign
    Histogram above;
    Histogram below;
    void record(std::int64_t error) noexcept;
  };

  void settle() noexcept;
  void record(const Sample& sample) noexcept;
  static double drift(std::vector<Sample> samples);

  std::uint64_t frames_ = 0;
  std::uint64_t reordered_ = 0;
  std::array<Lane, kLanes> lanes_;
  // The reference that errors are recorded against is the median of the first frames: near zero,
  // where a histogram is finest.
  std::uint64_t first_offset_ = 0;
  bool settled_ = false;
  std::int64_t reference_ = 0;
  std::vector<Sample> early_;
  Errors errors_;
  // Every stride-th frame, for the drift.
  std::vector<Sample> samples_;
  std::uint64_t stride_ = 1;
};

}  // namespace gray
