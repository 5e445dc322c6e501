#include "replay/protocol/http1/framing.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "replay/protocol/http1/anomaly.h"
#include "replay/protocol/token.h"

namespace gray::http1 {
namespace {

constexpr std::array<std::string_view, 6> kCodings{"gzip",       "x-gzip",  "compress",
                                                   "x-compress", "deflate", "identity"};

/// Calls `use` with each element of a list (RFC 9110 section 5.6.1), the empty ones too.
template <class Use>
void each_element(std::string_view list, Use use) {
  while (true) {
    const std::size_t comma = list.find(',');
    use(trim_ows(list.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

/// What the headers say that matter here, gathered in one pass over them.
struct Facts {
  std::optional<std::uint64_t> length;  // the first one
  unsigned lengths = 0;
  unsigned hosts = 0;
  const std::string* host = nullptr;
  unsigned chunked = 0;
  bool coded = false;         // there is a Transfer-Encoding
  bool chunked_last = false;  // and its last coding is chunked
  bool differ = false;
  bool invalid = false;
  bool close = false;
  bool persist = false;
  bool upgrade_option = false;
  bool upgrade = false;
};

void read_length(std::string_view value, Facts& facts) {
  each_element(value, [&](std::string_view number) {
    std::uint64_t length = 0;
    const char* const end = number.data() + number.size();
    const auto parsed = std::from_chars(number.data(), end, length);
    ++facts.lengths;
    if (number.empty() || parsed.ec != std::errc{} || parsed.ptr != end)
      facts.invalid = true;
    else if (facts.length && *facts.length != length)
      facts.differ = true;
    else
      facts.length = length;
  });
}

void read_codings(std::string_view value, Facts& facts, Message& message) {
  facts.coded = true;
  each_element(value, [&](std::string_view coding) {
    const std::string_view name = trim_ows(coding.substr(0, coding.find(';')));
    if (name.empty()) return;
    facts.chunked_last = same_name(name, "chunked");
    if (facts.chunked_last)
      ++facts.chunked;
    else if (std::none_of(kCodings.begin(), kCodings.end(),
                          [&](std::string_view known) { return same_name(name, known); }))
      flag(message, anomaly::kUnknownCoding);
  });
}

void read_connection(std::string_view value, Facts& facts) {
  each_element(value, [&](std::string_view option) {
    facts.close = facts.close || same_name(option, "close");
    facts.persist = facts.persist || same_name(option, "keep-alive");
    facts.upgrade_option = facts.upgrade_option || same_name(option, "upgrade");
  });
}

Facts read_headers(Message& message) {
  Facts facts;
  for (const Header& header : message.headers) {
    if (same_name(header.name, "host")) {
      if (facts.hosts++ == 0) facts.host = &header.value;
    } else if (same_name(header.name, "connection")) {
      read_connection(header.value, facts);
    } else if (same_name(header.name, "content-length")) {
      read_length(header.value, facts);
    } else if (same_name(header.name, "transfer-encoding")) {
      read_codings(header.value, facts, message);
    } else if (same_name(header.name, "upgrade")) {
      facts.upgrade = true;
    }
  }
  return facts;
}

void flag_body(const Facts& facts, Message& message) {
  if (facts.differ)
    flag(message, anomaly::kLengthsDiffer);
  else if (facts.lengths > 1)
    flag(message, anomaly::kLengthRepeated);
  if (facts.invalid) flag(message, anomaly::kLengthInvalid);
  if (!facts.coded) return;
  if (facts.lengths > 0) flag(message, anomaly::kLengthAndCoding);
  if (!facts.chunked_last) flag(message, anomaly::kChunkedNotLast);
  if (facts.chunked > 1) flag(message, anomaly::kChunkedTwice);
  if (message.version == "1.0") flag(message, anomaly::kCodingIn10);
}

// A version above 1.1 that speaks the same language keeps its habits.
bool keeps_alive(const Facts& facts, const Message& message) {
  const bool old = message.version < "1.1";
  return old ? facts.persist && !facts.close : !facts.close;
}

Framing by_length(const Facts& facts) {
  if (facts.invalid || facts.differ) return {.end = BodyEnd::Unknown};
  if (facts.length.value_or(0) == 0) return {};
  return {.end = BodyEnd::Length, .length = *facts.length};
}

}  // namespace

void flag(Message& message, std::string_view anomaly) {
  std::vector<std::string>& names = message.anomalies;
  if (std::find(names.begin(), names.end(), anomaly) == names.end()) names.emplace_back(anomaly);
}

std::string_view authority_in(std::string_view target) noexcept {
  const std::size_t scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return {};
  const std::string_view rest = target.substr(scheme + 3);
  return rest.substr(0, rest.find_first_of("/?#"));
}

Framing request_framing(std::string_view method, std::string_view target, Message& message) {
  const Facts facts = read_headers(message);
  flag_body(facts, message);
  if (facts.hosts > 1) flag(message, anomaly::kHostRepeated);
  if (facts.hosts == 0 && message.version == "1.1") flag(message, anomaly::kHostMissing);
  const std::string_view named = authority_in(target);
  if (facts.host != nullptr && !named.empty() && !same_name(named, *facts.host))
    flag(message, anomaly::kHostDiffers);
  Framing framing;
  if (method != "CONNECT") {
    if (facts.chunked > 0)
      framing.end = BodyEnd::Chunked;
    else
      framing = by_length(facts);
  }
  framing.keep_alive = keeps_alive(facts, message);
  framing.upgrade = method == "CONNECT" || (facts.upgrade && facts.upgrade_option);
  return framing;
}

Framing response_framing(int status, std::string_view asked, Message& message) {
  const Facts facts = read_headers(message);
  flag_body(facts, message);
  const bool tunnel = asked == "CONNECT" && status / 100 == 2;
  const bool empty =
      tunnel || status / 100 == 1 || status == 204 || status == 304 || asked == "HEAD";
  Framing framing;
  if (empty)
    framing.end = BodyEnd::None;
  else if (facts.coded)
    framing.end = facts.chunked_last ? BodyEnd::Chunked : BodyEnd::Connection;
  else if (facts.lengths > 0)
    framing = by_length(facts);
  else
    framing.end = BodyEnd::Connection;
  framing.keep_alive = keeps_alive(facts, message) && framing.end != BodyEnd::Connection;
  framing.upgrade = status == 101 || tunnel;
  return framing;
}

}  // namespace gray::http1
