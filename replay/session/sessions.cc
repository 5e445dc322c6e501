#include "replay/session/sessions.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

#include "replay/scrub/chars.h"
#include "replay/scrub/json_text.h"
#include "replay/session/handed_out.h"
#include "replay/session/url_text.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

// Places that the wire can make up: what is above stands under the last name.
constexpr std::size_t kMostPlaces = 200;
constexpr const char* kOtherPlaces = "…";

std::string without_numbers(const std::string& where) {
  std::string result;
  bool inside = false;
  for (const char c : where) {
    if (c == ']') inside = false;
    if (inside) continue;
    result += c;
    if (c != '[') continue;
    result += '*';
    inside = true;
  }
  return result;
}

bool replace_once(std::string& text, const std::string& mark, const std::string& with) {
  const std::size_t at = text.find(mark);
  if (at == std::string::npos) return false;
  text.replace(at, mark.size(), with);
  return true;
}

/// A mark stands in one place; false when a rule of the user took that place away.
bool replace_in(Request& request, const std::string& mark, const std::string& with) {
  if (replace_once(request.target, mark, with)) return true;
  for (Header& header : request.headers)
    if (replace_once(header.value, mark, with)) return true;
  return replace_once(request.body, mark, with);
}

/// A header's value must stay one line; a mark in it is no reason to drop the request.
bool fits_plain(const std::string& value) {
  return std::none_of(value.begin(), value.end(), [](unsigned char c) {
    return c < 0x20 || c == 0x7f || c == ';' || c == ',';
  });
}

}  // namespace

std::size_t Sessions::HashOfHash::operator()(const Hash& hash) const noexcept {
  std::size_t value = 0;
  std::memcpy(&value, hash.data(), sizeof(value));
  return value;
}

std::size_t Sessions::IdHash::operator()(const ExchangeId& id) const noexcept {
  std::size_t value = 0;
  std::memcpy(&value, id.bytes.data(), sizeof(value));
  return value;
}

Sessions::Sessions(const SessionOptions& options) : options_(options) {
  if (options.salt != 0) {
    std::memcpy(salt_.data(), &options.salt, sizeof(options.salt));
  } else if (RAND_bytes(salt_.data(), static_cast<int>(salt_.size())) != 1) {
    throw std::runtime_error("get random bytes for --learn");
  }
  std::uint64_t nonce = 0;
  std::memcpy(&nonce, hash_of("mark").data(), sizeof(nonce));
  mark_prefix_ = fmt::format("gxl{:016x}x", nonce);
}

Sessions::Hash Sessions::hash_of(std::string_view value) const {
  std::string keyed(reinterpret_cast<const char*>(salt_.data()), salt_.size());
  keyed.append(value);
  std::array<std::uint8_t, 32> digest{};
  unsigned length = 0;
  if (EVP_Digest(keyed.data(), keyed.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
    throw std::bad_alloc();
  Hash hash{};
  std::copy_n(digest.begin(), hash.size(), hash.begin());
  return hash;
}

const Sessions::Value* Sessions::value_of(std::uint64_t number) const {
  if (number < first_ || number - first_ >= values_.size()) return nullptr;
  return &values_[number - first_];
}

// The same value may be handed out many times. Of an id the first answer is the one that made it,
// and says it in a place that depends on nothing else; later ones are lists, in which the canary's
// may stand elsewhere. Of cookies and tokens the server's last word counts.
Sessions::Origins Sessions::origins_of(const Slot& slot) const {
  const Value* latest = value_of(slot.value);
  if (latest == nullptr) return {};
  const Value* first = value_of(latest->first);
  const bool is_id = latest->where.starts_with("json.") || latest->where.starts_with("location.");
  if (first == latest) first = nullptr;
  return is_id && first != nullptr ? Origins{first, latest} : Origins{latest, first};
}

/// Null when the canary handed it out nowhere, or not yet.
const Sessions::Value* Sessions::learned(const Slot& slot) const {
  const auto [best, other] = origins_of(slot);
  if (best != nullptr && best->state == State::Known) return best;
  return other != nullptr && other->state == State::Known ? other : nullptr;
}

std::vector<Sessions::Pair> Sessions::find(const Request& request) const {
  std::vector<Pair> pairs;
  const std::lock_guard lock(mutex_);
  if (by_hash_.empty()) return pairs;
  each_given_back(request, [&](const GivenBack& value) {
    const auto found = by_hash_.find(hash_of(value.value));
    if (found != by_hash_.end()) pairs.push_back({value.place, found->second});
  });
  return pairs;
}

void Sessions::mark(Exchange& exchange, const std::vector<Pair>& pairs, std::size_t copy) {
  if (pairs.empty()) return;
  const std::lock_guard lock(mutex_);
  Bound bound;
  each_given_back(exchange.request, [&](const GivenBack& value) -> std::optional<std::string> {
    const auto pair = std::find_if(pairs.begin(), pairs.end(),
                                   [&](const Pair& p) { return p.place == value.place; });
    if (pair == pairs.end()) return std::nullopt;
    std::string mark = fmt::format("{}{:010x}gxl", mark_prefix_, marks_++);
    bound.slots.push_back({pair->value + copy, mark, std::string(value.raw), value.notation});
    return mark;
  });
  if (bound.slots.empty()) return;
  ++summary_.requests;
  bound_[exchange.id] = std::move(bound);
}

void Sessions::handed_out(const Response& production, const std::vector<ExchangeId>& ids) {
  const std::lock_guard lock(mutex_);
  each_handed_out(production, [&](const std::string& where, std::string_view value) {
    const Hash hash = hash_of(value);
    const std::uint64_t number = first_ + values_.size();
    const auto before = by_hash_.find(hash);
    const Value* earlier = before == by_hash_.end() ? nullptr : value_of(before->second);
    const std::uint64_t first = earlier == nullptr                    ? number
                                : value_of(earlier->first) == nullptr ? before->second
                                                                      : earlier->first;
    for (std::size_t copy = 0; copy < ids.size(); ++copy) {
      origins_[ids[copy]].push_back(first_ + values_.size());
      values_.push_back({where, hash, first + copy, State::Waiting, {}});
    }
    by_hash_[hash] = number;
  });
  while (values_.size() > options_.max_values) forget_oldest();
}

void Sessions::forget_oldest() {
  const auto found = by_hash_.find(values_.front().production);
  if (found != by_hash_.end() && found->second <= first_) by_hash_.erase(found);
  values_.pop_front();
  ++first_;
  ++summary_.forgotten;
}

bool Sessions::ready(const Exchange& exchange) {
  const std::lock_guard lock(mutex_);
  const auto found = bound_.find(exchange.id);
  if (found == bound_.end()) return true;
  return std::all_of(found->second.slots.begin(), found->second.slots.end(), [&](const Slot& slot) {
    const auto [best, other] = origins_of(slot);
    const Value* asked = best != nullptr && best->state == State::Absent ? other : best;
    return asked == nullptr || asked->state != State::Waiting;
  });
}

SessionCounts& Sessions::counts_of(const std::string& where) {
  std::string name = without_numbers(where);
  if (summary_.places.size() >= kMostPlaces && !summary_.places.contains(name)) name = kOtherPlaces;
  return summary_.places[name];
}

/// As it must be written in its place; empty when the canary handed out none that fits there.
std::string Sessions::canary_text(const Slot& slot, const Value* value) {
  if (value == nullptr) return {};
  const std::string& text = value->canary;
  switch (slot.notation) {
    case Notation::Plain:
      return fits_plain(text) ? text : std::string();
    case Notation::Url:
      return percent_encoded(text);
    case Notation::JsonNumber:
      return is_json_number(text) ? text : quote_json(text);
    case Notation::JsonString:
      break;
  }
  const std::string quoted = quote_json(text);
  return quoted.substr(1, quoted.size() - 2);
}

void Sessions::fill(Exchange& exchange) {
  const std::lock_guard lock(mutex_);
  const auto found = bound_.find(exchange.id);
  if (found == bound_.end()) return;
  Request& request = exchange.request;
  Request shown;
  shown.target = request.target;
  shown.headers = request.headers;
  shown.body = request.body;
  for (const Slot& slot : found->second.slots) {
    replace_in(shown, slot.mark, slot.recorded);
    const Value* value = learned(slot);
    const std::string own = canary_text(slot, value);
    if (!replace_in(request, slot.mark, own.empty() ? slot.recorded : own)) continue;
    if (value == nullptr) value = origins_of(slot).best;
    SessionCounts& counts = counts_of(value == nullptr ? kOtherPlaces : value->where);
    if (own.empty()) {
      ++counts.as_recorded;
      continue;
    }
    ++counts.substituted;
    if (hash_of(value->canary) == value->production) ++counts.same;
  }
  found->second.shown = std::move(shown);
}

bool Sessions::answered(Exchange& exchange, const Response* canary) {
  const std::lock_guard lock(mutex_);
  if (const auto bound = bound_.find(exchange.id); bound != bound_.end()) {
    Request& shown = bound->second.shown;
    if (!shown.target.empty()) {
      exchange.request.target = std::move(shown.target);
      exchange.request.headers = std::move(shown.headers);
      exchange.request.body = std::move(shown.body);
    } else {
      for (const Slot& slot : bound->second.slots)
        replace_in(exchange.request, slot.mark, slot.recorded);
    }
    bound_.erase(bound);
  }
  const auto origin = origins_.find(exchange.id);
  if (origin == origins_.end()) return false;
  std::unordered_map<std::string, std::string> own;
  if (canary != nullptr)
    each_handed_out(*canary, [&](const std::string& where, std::string_view value) {
      own.emplace(where, value);
    });
  for (const std::uint64_t number : origin->second) {
    if (value_of(number) == nullptr) continue;
    Value& value = values_[number - first_];
    auto found = own.find(value.where);
    if (found == own.end()) found = own.find(std::string(place_instead(value.where)));
    value.state = found == own.end() ? State::Absent : State::Known;
    if (found != own.end()) value.canary = found->second;
  }
  origins_.erase(origin);
  return true;
}

SessionSummary Sessions::summary() const {
  const std::lock_guard lock(mutex_);
  return summary_;
}

}  // namespace gray
