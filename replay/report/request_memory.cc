#include "replay/report/request_memory.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>
#include <utility>

namespace gray {
namespace {

bool is_safe(const std::string& method) noexcept {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

std::string request_key(const Request& request) {
  const std::size_t body = std::hash<std::string_view>{}(request.body);
  return request.method + ' ' + request.authority + ' ' + request.target + ' ' +
         std::to_string(body) + ' ' + std::to_string(request.body_bytes);
}

std::size_t size_of(const Response& response) noexcept {
  std::size_t size = sizeof(Response) + response.body.size();
  for (const Header& header : response.headers)
    size += sizeof(Header) + header.name.size() + header.value.size();
  return size;
}

}  // namespace

bool RequestMemory::seen(std::string key, std::uint64_t now_ns) {
  const auto [found, fresh] = asked_.try_emplace(key, now_ns);
  if (!fresh) {
    const std::uint64_t before = std::exchange(found->second, now_ns);
    return std::max(before, now_ns) - std::min(before, now_ns) <= kWindowNs;
  }
  asked_order_.push_back(std::move(key));
  if (asked_order_.size() > kMaxAsked) {
    asked_.erase(asked_order_.front());
    asked_order_.pop_front();
  }
  return false;
}

bool RequestMemory::asked_before(const Exchange& exchange) {
  constexpr std::array<const char*, 3> kNames{"idempotency-key", "x-idempotency-key",
                                              "x-request-id"};
  const Request& request = exchange.request;
  const std::uint64_t now = request.first_byte_ns;
  const bool safe = is_safe(request.method);
  bool before = false;
  for (const char* name : kNames) {
    if (safe && std::string_view(name) == "x-request-id") continue;
    const std::string* value = find_header(request.headers, name);
    if (value == nullptr || value->empty()) continue;
    before |= seen(request.method + ' ' + request.target.substr(0, request.target.find('?')) + ' ' +
                       name + ' ' + *value,
                   now);
  }
  if (!safe) before |= seen(exchange.id.hex(), now);
  return before;
}

const Response* RequestMemory::previous_answer(const Request& request) const {
  const auto found = answers_.find(request_key(request));
  return found == answers_.end() ? nullptr : &found->second;
}

void RequestMemory::remember(Exchange&& exchange) {
  if (!exchange.response || exchange.request.method.empty()) return;
  const std::size_t bytes = size_of(*exchange.response);
  if (bytes > kMaxAnswerBytes) return;
  std::string key = request_key(exchange.request);
  const auto [found, fresh] = answers_.try_emplace(key);
  if (fresh)
    answers_order_.push_back(std::move(key));
  else
    answer_bytes_ -= size_of(found->second);
  found->second = std::move(*exchange.response);
  answer_bytes_ += bytes;
  forget_answers();
}

void RequestMemory::forget_answers() {
  while (answers_order_.size() > kMaxAnswers || answer_bytes_ > kMaxAnswerBytes) {
    const auto oldest = answers_.find(answers_order_.front());
    answer_bytes_ -= size_of(oldest->second);
    answers_.erase(oldest);
    answers_order_.pop_front();
  }
}

}  // namespace gray
