#include "replay/report/trials.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "replay/compare/printable.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxTarget = 8'192;

Json differences_json(const Comparison& comparison) {
  Json list = Json::array();
  for (const Difference& difference : comparison.differences)
    list.push_back({{"field", difference.field},
                    {"production", difference.production},
                    {"canary", difference.canary},
                    {"noise", difference.noise},
                    {"cause", to_string(difference.cause)}});
  return list;
}

}  // namespace

Json to_json(const Trial& trial, const Comparison& comparison, const Scrubber& scrubber) {
  const Exchange& exchange = *trial.exchange;
  const auto sent = [](const std::string& text) { return printable(text, kMaxTarget); };
  Json line{{"id", exchange.id.hex()},
            {"request",
             {{"method", sent(exchange.request.method)},
              {"target", sent(exchange.request.target)},
              {"authority", sent(exchange.request.authority)}}},
            {"production", nullptr},
            {"canary", nullptr}};
  if (exchange.response)
    line["production"] = {{"status", exchange.response->status},
                          {"latency_ns", exchange.latency_ns()}};
  if (trial.outcome == SendOutcome::Answered && trial.canary) {
    line["canary"] = {{"status", trial.canary->status}, {"latency_ns", trial.latency_ns}};
  } else {
    line["outcome"] = to_string(trial.outcome);
    line["error"] = printable(scrubber.scrub_text(trial.error));
  }
  line["differences"] = differences_json(comparison);
  if (comparison.more > 0) line["more_differences"] = comparison.more;
  if (!comparison.compatible.empty()) line["compatible"] = comparison.compatible;
  return line;
}

TrialWriter::TrialWriter(const std::string& path)
    : file_(check_errno(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
                        "open trials file " + path)) {
  struct stat status {};
  check_errno(::fstat(file_.get(), &status), "look at trials file " + path);
  if (S_ISREG(status.st_mode))
    check_errno(::fchmod(file_.get(), 0600), "make trials file " + path + " private");
}

void TrialWriter::write(const Trial& trial, const Comparison& comparison,
                        const Scrubber& scrubber) noexcept {
  if (failure_) return;
  try {
    append(
        to_json(trial, comparison, scrubber).dump(-1, ' ', false, Json::error_handler_t::replace) +
        '\n');
  } catch (const std::exception&) {
    failure_ = std::make_error_code(std::errc::not_enough_memory);
  }
}

void TrialWriter::append(const std::string& line) noexcept {
  for (std::size_t done = 0; done < line.size();) {
    const ssize_t count = ::write(file_.get(), line.data() + done, line.size() - done);
    if (count >= 0) {
      done += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      failure_ = std::error_code(errno, std::generic_category());
      // A half line would not parse. What is no regular file cannot be cut, and keeps it.
      if (done > 0) [[maybe_unused]]
        const int cut = ::ftruncate(file_.get(), size_);
      return;
    }
  }
  size_ += static_cast<off_t>(line.size());
  ++written_;
}

}  // namespace gray
