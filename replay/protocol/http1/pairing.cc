#include "replay/protocol/http1/pairing.h"

#include <algorithm>
#include <utility>

#include "replay/protocol/exchange_id.h"
#include "replay/protocol/http1/framing.h"

namespace gray::http1 {
namespace {

constexpr std::size_t kMaxPending = 1024;  // above, the oldest goes on without its answer

std::string authority_of(const Request& request) {
  if (const std::string* host = find_header(request.headers, "host")) return *host;
  const std::string_view target = request.target;
  if (request.method == "CONNECT") return std::string(target);
  return std::string(authority_in(target));
}

}  // namespace

Pairing::Pending& Pairing::add(std::uint64_t offset) noexcept {
  if (pending_.size() >= kMaxPending) {
    pending_.front()->asked = pending_.front()->answered = true;
    give_out();
  }
  ++context_.begun;
  Pending& pending = *pending_.emplace_back(std::make_unique<Pending>());
  name_exchange(pending.exchange, connection_, names_, context_,
                {client_, offset, names_.first_position + positions_++});
  return pending;
}

void Pairing::begin_request(const std::string& method, std::uint64_t offset, std::uint64_t begun_ns,
                            bool pipelined) noexcept {
  pipelined_ = pipelined_ || (pipelined && !all_answered());
  Pending& pending = add(offset);
  pending.open = context_.open.begin(begun_ns);
  pending.answered = finished_;
  pending.exchange.request.method = method;
  asking_ = pending.exchange.position;
}

Pairing::Pending* Pairing::at(std::optional<std::uint32_t> position) noexcept {
  if (!position || pending_.empty() || *position < first_position()) return nullptr;
  return pending_[*position - first_position()].get();
}

void Pairing::end_request(Request&& request) noexcept {
  Pending* const found = at(std::exchange(asking_, std::nullopt));
  if (found == nullptr) {  // given out already, because too many waited for answers
    ++context_.unpaired;
    return;
  }
  Pending& pending = *found;
  ++context_.placed;
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
                                  [](const auto& pending) { return !pending->answered; });
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
  const std::size_t index = settled ? *answering_ - first_position() : choose();
  return index < pending_.size() ? pending_[index]->exchange.request.method : kNone;
}

bool Pairing::asked_bare() const noexcept {
  const std::size_t index = choose();
  return !alone_ && index < pending_.size() && pending_[index]->asked &&
         pending_[index]->exchange.request.version == "0.9";
}

void Pairing::begin_response(std::uint64_t offset) noexcept {
  if (answering_ || alone_) return;  // an interim one came first
  answer_offset_ = offset;
  const std::size_t index = choose();
  if (lost_)
    for (std::size_t i = 0; i < index && i < pending_.size(); ++i) pending_[i]->answered = true;
  lost_ = false;
  alone_ = index == pending_.size();
  if (!alone_) answering_ = pending_[index]->exchange.position;
}

void Pairing::end_response(Response&& response) noexcept {
  Pending* const answered = at(answering_);
  Pending& pending = answered != nullptr ? *answered : add(answer_offset_);
  if (answered == nullptr) {
    pending.asked = true;
    pending.exchange.protocol = "http/" + response.version;
  }
  ++context_.placed;
  keep(pending, response);
  pending.exchange.response = std::move(response);
  pending.answered = true;
  answering_.reset();
  alone_ = false;
}

void Pairing::no_more_responses() noexcept {
  finished_ = true;
  for (const auto& pending : pending_) pending->answered = true;
}

// How many of the first ones wait for nothing.
std::size_t Pairing::ready() const noexcept {
  const auto found = std::find_if(pending_.begin(), pending_.end(), [](const auto& pending) {
    return !pending->asked || !pending->answered;
  });
  return static_cast<std::size_t>(found - pending_.begin());
}

void Pairing::give_out() noexcept {
  give_out_first(ready());
}

void Pairing::give_out_first(std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    ++context_.given;
    context_.kept.give_back(pending_[i]->kept);
    context_.sink.exchange(std::move(pending_[i]->exchange));
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
  if (pending_.empty()) pending_.shrink_to_fit();  // the connection may be idle from here on
}

std::optional<Upgrade> Pairing::hand_over() noexcept {
  if (pending_.empty() || ready() < pending_.size()) return std::nullopt;
  give_out_first(pending_.size() - 1);
  context_.kept.give_back(pending_.front()->kept);
  Pending& last = *pending_.front();
  Upgrade upgrade{client_, std::move(last.exchange), std::move(last.open)};
  pending_.clear();
  return upgrade;
}

void Pairing::close() noexcept {
  for (const auto& pending : pending_) pending->asked = pending->answered = true;
  give_out();
}

}  // namespace gray::http1
