#include "replay/protocol/http1/pairing.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace gray::http1 {
namespace {

constexpr std::size_t kMaxPending = 1024;  // above, the oldest goes on without its answer

std::string authority_of(const Request& request) {
  if (const std::string* host = find_header(request.headers, "host")) return *host;
  const std::string_view target = request.target;
  if (request.method == "CONNECT") return std::string(target);
  const std::size_t scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return {};
  const std::string_view rest = target.substr(scheme + 3);
  return std::string(rest.substr(0, rest.find_first_of("/?#")));
}

}  // namespace

ExchangeId Pairing::make_id(const Exchange& exchange, std::uint64_t offset) const noexcept {
  std::array<std::uint8_t, 80> input{};
  std::size_t at = 0;
  const auto add = [&](const auto& value) {
    std::memcpy(&input[at], &value, sizeof value);
    at += sizeof value;
  };
  for (unsigned side = 0; side < 2; ++side) {
    add(connection_.ends[side].address.bytes);
    add(connection_.ends[side].port);
    add(connection_.first_seq[side]);
  }
  add(connection_.first_ns);
  add(offset);
  add(exchange.position);
  static EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::array<std::uint8_t, 32> digest{};
  EVP_Digest(input.data(), at, digest.data(), nullptr, kSha256, nullptr);
  ExchangeId id;
  std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

Pairing::Pending& Pairing::add(std::uint64_t offset) noexcept {
  if (pending_.size() >= kMaxPending) {
    pending_.front().asked = pending_.front().answered = true;
    give_out();
  }
  ++context_.begun;
  Pending& pending = pending_.emplace_back();
  Exchange& exchange = pending.exchange;
  exchange.client = connection_.ends[client_];
  exchange.server = connection_.ends[1 - client_];
  exchange.stream = connection_.stream;
  exchange.position = positions_++;
  exchange.flow_tag = names_.flow_tag;
  exchange.community_id = names_.community_id;
  exchange.id = make_id(exchange, offset);
  return pending;
}

void Pairing::begin_request(const std::string& method, std::uint64_t offset,
                            bool pipelined) noexcept {
  pipelined_ = pipelined_ || (pipelined && !all_answered());
  Pending& pending = add(offset);
  pending.answered = finished_;
  pending.exchange.request.method = method;
  asking_ = pending.exchange.position;
}

Pairing::Pending* Pairing::at(std::optional<std::uint32_t> position) noexcept {
  if (!position || pending_.empty() || *position < pending_.front().exchange.position)
    return nullptr;
  return &pending_[*position - pending_.front().exchange.position];
}

void Pairing::end_request(Request&& request) noexcept {
  Pending* const found = at(std::exchange(asking_, std::nullopt));
  if (found == nullptr) return;  // given out already, because too many waited for answers
  Pending& pending = *found;
  request.authority = authority_of(request);
  pending.exchange.protocol = "http/" + (request.version.empty() ? "1.1" : request.version);
  keep(pending, request);
  pending.exchange.request = std::move(request);
  pending.asked = true;
}

// A message that is over the budget by now has lost that race already: it is counted all the same,
// so that the next ones wait for it.
void Pairing::keep(Pending& pending, const Message& message) noexcept {
  std::size_t bytes = message.body.size();
  for (const Header& header : message.headers)
    bytes += sizeof(Header) + header.name.size() + header.value.size();
  context_.kept.used += bytes;
  pending.kept += bytes;
}

std::size_t Pairing::unanswered() const noexcept {
  const auto found = std::find_if(pending_.begin(), pending_.end(),
                                  [](const Pending& pending) { return !pending.answered; });
  return static_cast<std::size_t>(found - pending_.begin());
}

// A client that does not pipeline sends a request when it has the answers to all before it.
std::size_t Pairing::choose() const noexcept {
  const std::size_t first = unanswered();
  if (!lost_ || first == pending_.size()) return first;
  return pipelined_ ? pending_.size() : pending_.size() - 1;
}

const std::string& Pairing::asked() const noexcept {
  static const std::string kNone;
  if (alone_) return kNone;
  const bool settled = answering_ && !pending_.empty();
  const std::size_t index = settled ? *answering_ - pending_.front().exchange.position : choose();
  return index < pending_.size() ? pending_[index].exchange.request.method : kNone;
}

void Pairing::begin_response(std::uint64_t offset) noexcept {
  if (answering_ || alone_) return;  // an interim one came first
  answer_offset_ = offset;
  const std::size_t index = choose();
  if (lost_)
    for (std::size_t i = 0; i < index && i < pending_.size(); ++i) pending_[i].answered = true;
  lost_ = false;
  alone_ = index == pending_.size();
  if (!alone_) answering_ = pending_[index].exchange.position;
}

void Pairing::end_response(Response&& response) noexcept {
  Pending* const answered = at(answering_);
  Pending& pending = answered != nullptr ? *answered : add(answer_offset_);
  if (answered == nullptr) {
    pending.asked = true;
    pending.exchange.protocol = "http/" + response.version;
  }
  keep(pending, response);
  pending.exchange.response = std::move(response);
  pending.answered = true;
  answering_.reset();
  alone_ = false;
}

void Pairing::no_more_responses() noexcept {
  finished_ = true;
  for (Pending& pending : pending_) pending.answered = true;
}

void Pairing::give_out() noexcept {
  while (!pending_.empty() && pending_.front().asked && pending_.front().answered) {
    ++context_.given;
    context_.kept.give_back(pending_.front().kept);
    context_.sink.exchange(std::move(pending_.front().exchange));
    pending_.pop_front();
  }
}

void Pairing::close() noexcept {
  for (Pending& pending : pending_) pending.asked = pending.answered = true;
  give_out();
}

}  // namespace gray::http1
