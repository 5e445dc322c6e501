#include "replay/send/send_options.h"

#include <sys/resource.h>

#include <algorithm>

#include "userspace/base/errors.h"

namespace gray {
namespace {

// Files that are not connections to canaries: capture rings, outputs, libraries.
constexpr rlim_t kOtherFiles = 256;

/// How many connections the process may open, at most `wanted`.
std::size_t allow_connections(std::size_t wanted) {
  rlimit limit{};
  check_errno(::getrlimit(RLIMIT_NOFILE, &limit), "read the limit of open files");
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted + kOtherFiles) {
    rlimit raised = limit;
    raised.rlim_cur = std::min<rlim_t>(wanted + kOtherFiles, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted + kOtherFiles) return wanted;
  return limit.rlim_cur > 2 * kOtherFiles ? limit.rlim_cur - kOtherFiles
                                          : std::max<rlim_t>(1, limit.rlim_cur / 2);
}

}  // namespace

SendOptions checked(SendOptions options) {
  if (options.targets.empty()) throw UsageError("no target: want --to http://HOST[:PORT]");
  if (options.concurrency == 0) throw UsageError("concurrency must be at least 1");
  if (options.queue_limit == 0) throw UsageError("the queue must hold at least 1 exchange");
  if (options.timeout_ns == 0) throw UsageError("timeout must be above 0");
  options.concurrency = allow_connections(options.concurrency);
  return options;
}

}  // namespace gray
