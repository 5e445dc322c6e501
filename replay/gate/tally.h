// What a run found, counted: by outcome, field, cause and endpoint. Plain data; the Gate fills it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "replay/compare/cause.h"
#include "userspace/base/histogram.h"

namespace gray {

/// One difference in full, and where to look for it in the capture. Scrubbed and printable.
struct Example {
  std::string id;       ///< of the exchange, as in the trials file
  std::string request;  ///< "GET /price/1"
  std::string field;
  std::string production;
  std::string canary;
  std::string client;  ///< "10.0.0.1:50000"
  std::string server;
  std::uint64_t stream = 0;  ///< connection, numbered in order of appearance
  std::uint32_t h2_stream = 0;
  std::uint64_t from_ns = 0;  ///< UTC: first byte of the request to last byte of the response
  std::uint64_t to_ns = 0;
};

/// One field that differed, for people: how often, and once in full.
struct FieldFinding {
  std::uint64_t exchanges = 0;
  std::string request;  ///< "GET /price/1"
  std::string production;
  std::string canary;
};

/// The differences of one cause at one endpoint; the same field of an exchange counts once.
struct CauseAt {
  std::uint64_t differences = 0;
  Example example;
};

struct EndpointTally {
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t compared = 0;
  std::uint64_t different = 0;      ///< exchanges, noise and accepted causes apart
  std::uint64_t self_compared = 0;  ///< times production was compared with itself
  Histogram production;             ///< latency in ns, where it is known
  Histogram canary;
  std::map<Cause, CauseAt> causes;  ///< without noise
};

/// A field of an endpoint that differs in production, too: how often it differs between production
/// and canary (raw), and between production and itself.
struct NoisyField {
  std::string endpoint;
  std::string field;    ///< with [*] for the index of an array
  bool schema = false;  ///< whether the field is there and of which type, rather than its value
  std::uint64_t raw = 0, compared = 0;
  std::uint64_t self = 0, self_compared = 0;
  bool noise = false;  ///< left out of the verdict
  std::string example_production, example_canary;
};

enum class NoiseSource : std::uint8_t { None, Repeats, Baseline };
const char* to_string(NoiseSource source) noexcept;

/// The names that wire data can make up are bounded: what is above stands under kOtherFields.
struct Tally {
  static constexpr std::size_t kMaxFields = 1'000;
  static constexpr std::size_t kMaxFindings = 100;
  static constexpr std::size_t kMaxEndpoints = 200;
  static constexpr const char* kOtherFields = "…";

  std::uint64_t same = 0;
  std::uint64_t different = 0;
  std::uint64_t noise = 0;       ///< all that differs is noise, or of a cause that is accepted
  std::uint64_t uncompared = 0;  ///< answered, but production's response was not seen
  std::map<std::string, std::uint64_t> by_field;
  std::map<std::string, FieldFinding> findings;  ///< by field, with [*] for the index of an array
  Histogram production;                          ///< latency in ns
  Histogram canary;                              ///< latency in ns
  std::map<std::string, std::uint64_t> failed;   ///< requests not answered, by SendOutcome
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;

  std::array<std::uint64_t, kCauses> by_cause{};  ///< without noise; see CauseAt::differences
  std::map<std::string, EndpointTally> endpoints;
  NoiseSource noise_source = NoiseSource::None;
  std::uint64_t self_compared = 0;  ///< times production was compared with itself
  std::vector<NoisyField> noisy;    ///< most often differing first
  /// Differences not looked at, by field (with [*]) and why.
  std::map<std::pair<std::string, std::string>, std::uint64_t> ignored;
  /// Fields that the canary added and production's clients pass over, by field (with [*]).
  std::map<std::string, std::uint64_t> compatible;

  std::uint64_t compared() const noexcept { return same + different + noise; }
};

/// "json.$.items[3].price" as "json.$.items[*].price".
std::string without_indices(const std::string& field);

}  // namespace gray
