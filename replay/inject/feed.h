// Where the sender's frames come from: files that a thread of the feed reads, merges, rewrites and
// puts into batches. Streaming keeps a bounded number of batches ahead of the sender and reads the
// files again for every round; preloaded, all are in memory before the first frame leaves.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "replay/inject/batch.h"
#include "replay/inject/merged_files.h"
#include "replay/inject/preparer.h"
#include "userspace/base/ledger.h"
#include "userspace/base/spsc_ring.h"

namespace gray {

struct FeedOptions {
  std::vector<std::string> paths;  ///< "-": stdin, which cannot be read twice
  std::uint64_t rounds = 1;        ///< 0: for ever
};

/// What reading came to, of either kind of feed. After the sender is done with it.
struct FeedFacts {
  std::uint64_t read = 0;       ///< frames in the files, of all rounds that were read
  std::string warning;          ///< files that ended before their time
  std::uint64_t snapped = 0;    ///< sent as short as they were captured
  std::uint64_t truncated = 0;  ///< sent, cut off at the MTU
  std::uint64_t cut = 0;        ///< super-frames
  std::uint64_t pieces = 0;     ///< made of them
};

class AccountedFeed : public FrameFeed {
 public:
  /// Adds "file", "rewrite", "segment" and what was read and never asked for. Throws what ended the
  /// reading before its time.
  virtual FeedFacts finish(Ledger& ledger) = 0;
};

/// Reads everything before it returns; `stop` ends that early. Throws as MergedFiles does, and
/// UsageError when there is no frame to send.
std::unique_ptr<AccountedFeed> preload(const FeedOptions& options, const PrepareOptions& prepare,
                                       const std::atomic<bool>& stop);

/// Opens the files and starts to read.
std::unique_ptr<AccountedFeed> stream(const FeedOptions& options, const PrepareOptions& prepare);

}  // namespace gray
