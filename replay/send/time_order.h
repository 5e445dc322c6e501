// Exchanges come out of a capture when they end; they must be sent when they began. This holds them
// back until all that began earlier has come, and gives them on by the time of their request. What
// it holds is bounded. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "replay/protocol/exchange.h"
#include "userspace/base/ledger.h"

namespace gray {

struct TimeOrderOptions {
  std::size_t max_exchanges = 65'536;
  std::size_t max_bytes = 256u << 20;  ///< of headers and bodies
};

class TimeOrder final : public ExchangeSink {
 public:
  TimeOrder(const TimeOrderOptions& options, ExchangeSink& next) : options_(options), next_(next) {}

  void exchange(Exchange&& exchange) override {
    boxed(std::make_unique<Exchange>(std::move(exchange)));
  }
  void boxed(std::unique_ptr<Exchange> exchange) override;
  /// Given on behind the connection's exchanges.
  void connection_end(std::uint64_t stream) override;
  /// Gives on what began before `ns` (UTC): all of that has come.
  void release(std::uint64_t ns);
  /// Gives on all that waits.
  void flush();

  std::uint64_t taken() const noexcept { return taken_; }
  /// Those that came after one that began later had been given on: the look-ahead was too short.
  std::uint64_t late() const noexcept { return late_; }
  /// Stage "order", unit "exchanges".
  void account(Ledger& ledger) const;

 private:
  struct Entry {
    explicit Entry(std::uint64_t ended) : stream(ended) {}
    Entry(std::unique_ptr<Exchange> whole, std::size_t size)
        : exchange(std::move(whole)), bytes(size) {}

    std::unique_ptr<Exchange> exchange;  ///< null: the end of `stream`
    std::uint64_t stream = 0;
    std::size_t bytes = 0;
  };
  using Key = std::pair<std::uint64_t, std::uint64_t>;  // time, and order of coming

  void give_first();

  const TimeOrderOptions options_;
  ExchangeSink& next_;
  std::map<Key, Entry> waiting_;
  std::uint64_t number_ = 0;
  std::uint64_t newest_ns_ = 0;
  std::uint64_t given_ns_ = 0;
  std::size_t held_ = 0;  // exchanges among waiting_
  std::size_t bytes_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t late_ = 0;
};

}  // namespace gray
