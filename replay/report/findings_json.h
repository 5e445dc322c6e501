// What the summary says beside its counts: causes, endpoints, noise, and how sure it all is.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "replay/report/summary.h"

namespace gray {

/// {"value":{"differences":3,"endpoints":[{"endpoint":"GET /price/{n}","differences":3,
/// "example":{…}}]},…}: the causes that occurred.
nlohmann::ordered_json by_cause_json(const Tally& tally);
/// {"GET /price/{n}":{"sent":…,"answered":…,"compared":…,"different":…,"latency_ns":{…},
/// "causes":{"value":3}}}
nlohmann::ordered_json by_endpoint_json(const Tally& tally);
/// {"source":"baseline","self_compared":…,"fields":[…],"ignored":[…]}
nlohmann::ordered_json noise_json(const Tally& tally);
nlohmann::ordered_json confidence_json(const Confidence& confidence);

}  // namespace gray
