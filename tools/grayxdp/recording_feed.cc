#include "tools/grayxdp/recording_feed.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <limits>

#include "replay/send/copies.h"
#include "replay/send/time_order.h"
#include "userspace/base/clock.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

// Captures of several queues are out of order by less, and a request's head does not take longer.
constexpr std::uint64_t kDisorderNs = 10 * kNsPerMs;

/// When the first frame of the file was captured (UTC ns); the end of time when it has none, 0 when
/// asking would take it away.
std::uint64_t begin_of(const std::string& file) {
  if (file == "-") return 0;
  FileSource source({file});
  std::array<Frame, 1> first;
  while (!source.ended())
    if (source.receive(first, std::chrono::milliseconds(100)) > 0) return first[0].time_ns;
  return std::numeric_limits<std::uint64_t>::max();
}

/// Of each file, when the earliest of those behind it begins.
std::vector<std::uint64_t> begins_behind(const std::vector<std::string>& files) {
  std::vector<std::uint64_t> begins(files.size() + 1, std::numeric_limits<std::uint64_t>::max());
  for (std::size_t i = files.size() - 1; i > 0; --i)
    begins[i - 1] = std::min(begins[i], begin_of(files[i]));
  return begins;
}

}  // namespace

/// What makes the exchanges of a round its own.
class RecordingFeed::Round final : public ExchangeSink {
 public:
  explicit Round(ExchangeSink& next) : next_(next) {}

  void exchange(Exchange&& exchange) override {
    boxed(std::make_unique<Exchange>(std::move(exchange)));
  }
  void boxed(std::unique_ptr<Exchange> box) override {
    Exchange& exchange = *box;
    if (first_ns_ == 0) first_ns_ = exchange.request.first_byte_ns;
    last_ns_ = std::max(last_ns_, exchange.request.first_byte_ns);
    streams_ = std::max(streams_, exchange.stream + 1);
    exchange.id = id_of_copy(exchange.id, number_ << 32);
    exchange.stream += stream_offset_;
    if (number_ > 0) shift_times(exchange, time_offset_);
    next_.boxed(std::move(box));
  }
  void connection_end(std::uint64_t stream) override {
    streams_ = std::max(streams_, stream + 1);
    next_.connection_end(stream + stream_offset_);
  }

  void begin_next() {
    ++number_;
    if (first_ns_ != 0) time_offset_ += last_ns_ - std::min(first_ns_, last_ns_) + kNsPerMs;
    stream_offset_ += streams_;
    first_ns_ = last_ns_ = streams_ = 0;
  }

 private:
  ExchangeSink& next_;
  std::uint64_t number_ = 0;
  std::uint64_t time_offset_ = 0;
  std::uint64_t stream_offset_ = 0;
  std::uint64_t first_ns_ = 0;  // of this round, before the shift
  std::uint64_t last_ns_ = 0;
  std::uint64_t streams_ = 0;
};

RecordingFeed::RecordingFeed(std::vector<std::string> files, std::uint64_t rounds,
                             const ExtractorOptions& options)
    : files_(std::move(files)),
      rounds_(rounds),
      options_(options),
      first_source_(std::make_unique<FileSource>(files_)),
      begins_behind_(begins_behind(files_)) {
  if (rounds > 1 && std::find(files_.begin(), files_.end(), "-") != files_.end())
    throw UsageError("-l: stdin can be read once only; give a file");
}

void RecordingFeed::run() {
  Round round(*next_);
  for (std::uint64_t number = 0; number < rounds_ && !stopped_; ++number) {
    if (number > 0) round.begin_next();
    std::unique_ptr<FileSource> source =
        number == 0 ? std::move(first_source_) : std::make_unique<FileSource>(files_);
    read(*source, round, number == 0);
  }
}

void RecordingFeed::read(FileSource& source, Round& round, bool first) {
  TimeOrder order({}, round);
  Extractor extractor(options_, order);
  std::array<Frame, 256> frames;
  while (!stopped_) {
    const std::size_t count = source.receive(frames, std::chrono::milliseconds(100));
    if (count == 0 && source.ended()) break;
    extractor.frames(std::span(frames).first(count));
    source.recycle(std::span(frames).first(count));
    // Of a pipe that has been silent for a while, nothing is late any more.
    const std::uint64_t settled = extractor.settled_ns();
    order.release(std::min(count == 0 ? settled + 1 : settled - std::min(settled, kDisorderNs),
                           begins_behind_[source.reading()]));
  }
  extractor.finish();
  order.flush();
  exchanges_ += order.taken();
  late_ += order.late();
  if (!first) return;
  if (source.cut()) std::cerr << "grayxdp: " << source.warning() << '\n';
  source.account(ledger_);
  extractor.account(ledger_);
  summary_ = extractor.summary();
  order.account(ledger_);
}

}  // namespace gray
