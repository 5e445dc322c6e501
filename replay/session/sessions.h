// Sessions, learned from the recording itself: what production handed out and the client gave back
// later is paired, and the canary's own value from the same place of its own answer is given back
// to the canary instead.
//
// Pairs are found on the values as they were recorded, before scrubbing; of production's values
// only a keyed hash is kept. In the scrubbed request a mark takes the place of the value, and just
// before sending the canary's value that of the mark. Values of either side are never shown or
// logged: the report has places and counts.
//
// Two threads: one brings exchanges in the order of their requests (find, mark, handed_out), the
// sender's calls the hooks. Memory is bounded: the oldest values are forgotten.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "replay/send/session_hooks.h"
#include "replay/session/given_back.h"

namespace gray {

struct SessionOptions {
  std::size_t copies = 1;            ///< of each exchange, each with values of its own (--amplify)
  std::size_t max_values = 262'144;  ///< handed-out ones that are remembered
  std::uint64_t salt = 0;            ///< of hashes and marks; 0: random
};

/// By place of the answer it came from, with [*] for indices: "cookie.sid", "json.$.items[*].id".
struct SessionCounts {
  std::uint64_t substituted = 0;  ///< values given back as the canary's own
  std::uint64_t same = 0;         ///< of those, that are production's, too
  std::uint64_t as_recorded = 0;  ///< the canary had not handed one out, or not in time
};

struct SessionSummary {
  std::uint64_t requests = 0;  ///< that needed a value
  std::uint64_t forgotten = 0;
  std::map<std::string, SessionCounts> places;
};

class Sessions final : public SessionHooks {
 public:
  explicit Sessions(const SessionOptions& options);

  /// A value in a request that an earlier answer handed out: where it stands now, and which it is.
  struct Pair {
    std::string place;
    std::uint64_t value = 0;
    bool operator==(const Pair&) const = default;
  };
  /// Of the request as recorded, before it is scrubbed.
  std::vector<Pair> find(const Request& request) const;
  /// Puts marks into the scrubbed request of copy number `copy`, whose id is its own.
  void mark(Exchange& exchange, const std::vector<Pair>& pairs, std::size_t copy);
  /// Notes what production's answer handed out. `ids` are those of the copies that will be sent.
  void handed_out(const Response& production, const std::vector<ExchangeId>& ids);

  bool ready(const Exchange& exchange) override;
  void fill(Exchange& exchange) override;
  bool answered(Exchange& exchange, const Response* canary) override;

  SessionSummary summary() const;

 private:
  using Hash = std::array<std::uint8_t, 16>;
  struct HashOfHash {
    std::size_t operator()(const Hash& hash) const noexcept;
  };
  struct IdHash {
    std::size_t operator()(const ExchangeId& id) const noexcept;
  };
  enum class State : std::uint8_t { Waiting, Known, Absent };
  struct Value {
    std::string where;
    Hash production{};
    std::uint64_t first = 0;  ///< number of where it was handed out first; often its own
    State state = State::Waiting;
    std::string canary;
  };
  /// Where a slot's value can be learned from; either may be null.
  struct Origins {
    const Value* best = nullptr;
    const Value* other = nullptr;
  };
  struct Slot {
    std::uint64_t value;
    std::string mark;
    std::string recorded;  ///< scrubbed, as it stood
    Notation notation;
  };
  struct Bound {
    std::vector<Slot> slots;
    Request shown;  ///< target, headers and body as they may be shown; empty until fill()
  };

  Hash hash_of(std::string_view value) const;
  const Value* value_of(std::uint64_t number) const;
  Origins origins_of(const Slot& slot) const;
  const Value* learned(const Slot& slot) const;
  void forget_oldest();
  static std::string canary_text(const Slot& slot, const Value* value);
  SessionCounts& counts_of(const std::string& where);

  const SessionOptions options_;
  std::array<std::uint8_t, 16> salt_{};
  std::string mark_prefix_;

  mutable std::mutex mutex_;
  std::uint64_t first_ = 0;  // number of values_.front()
  std::deque<Value> values_;
  std::unordered_map<Hash, std::uint64_t, HashOfHash> by_hash_;  // of the first copy's
  std::unordered_map<ExchangeId, std::vector<std::uint64_t>, IdHash> origins_;
  std::unordered_map<ExchangeId, Bound, IdHash> bound_;
  std::uint64_t marks_ = 0;
  SessionSummary summary_;
};

}  // namespace gray
