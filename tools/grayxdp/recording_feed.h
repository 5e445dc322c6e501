// Reads captures and brings their exchanges into a run, by the time of their requests, once or
// several times over. Memory does not grow with the captures. One thread calls run().
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "replay/protocol/extractor.h"
#include "userspace/base/ledger.h"
#include "userspace/capture/file_source.h"

namespace gray {

class RecordingFeed {
 public:
  /// Opens the files: a wrong name is said here. Throws UsageError for several rounds of stdin.
  RecordingFeed(std::vector<std::string> files, std::uint64_t rounds,
                const ExtractorOptions& options);

  /// Where exchanges go; before run().
  void into(ExchangeSink& next) noexcept { next_ = &next; }
  /// To the end of the last round, or until stop(). Later rounds follow on the first in time, on
  /// connections and with ids of their own.
  void run();
  /// Any thread.
  void stop() noexcept { stopped_ = true; }

  // After run().

  /// Files, decoding, streams and order, of the first round.
  const Ledger& ledger() const noexcept { return ledger_; }
  std::uint64_t exchanges() const noexcept { return exchanges_; }
  /// Exchanges that came too late for their place.
  std::uint64_t late() const noexcept { return late_; }
  /// Of the first round.
  const ExtractorSummary& summary() const noexcept { return summary_; }

 private:
  class Round;

  void read(FileSource& source, Round& round, bool first);

  const std::vector<std::string> files_;
  const std::uint64_t rounds_;
  const ExtractorOptions options_;
  std::unique_ptr<FileSource> first_source_;
  const std::vector<std::uint64_t> begins_behind_;  // of each file: when a later one begins
  ExchangeSink* next_ = nullptr;
  std::atomic<bool> stopped_{false};
  Ledger ledger_;
  std::uint64_t exchanges_ = 0;
  std::uint64_t late_ = 0;
  ExtractorSummary summary_;
};

}  // namespace gray
