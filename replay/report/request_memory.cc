#include "replay/report/request_memory.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>
#include <utility>

#include "replay/scrub/chars.h"

namespace gray {
namespace {

// What names one request, or the way that it took, rather than what is asked and by whom.
constexpr std::array<std::string_view, 20> kOfOneRequest{"connection",
                                                         "content-length",
                                                         "date",
                                                         "forwarded",
                                                         "grpc-timeout",
                                                         "grpc-trace-bin",
                                                         "idempotency-key",
                                                         "keep-alive",
                                                         "traceparent",
                                                         "tracestate",
                                                         "via",
                                                         "x-amzn-trace-id",
                                                         "x-correlation-id",
                                                         "x-forwarded-for",
                                                         "x-forwarded-port",
                                                         "x-idempotency-key",
                                                         "x-real-ip",
                                                         "x-request-id",
                                                         "x-request-start",
                                                         "x-trace-id"};

constexpr std::string_view kFirst = "cdfgiktvx";  // letters of all of them
static_assert(std::all_of(kOfOneRequest.begin(), kOfOneRequest.end(), [](std::string_view known) {
  return kFirst.find(known[0]) != kFirst.npos;
}));

bool is_safe(const std::string& method) noexcept {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

bool of_one_request(std::string_view name) noexcept {
  if (name.empty() || kFirst.find(to_lower(name[0])) == std::string_view::npos) return false;
  constexpr std::string_view kSpans = "x-b3-";
  return (name.size() > kSpans.size() && same_name(name.substr(0, kSpans.size()), kSpans)) ||
         std::any_of(kOfOneRequest.begin(), kOfOneRequest.end(),
                     [name](std::string_view known) { return same_name(name, known); });
}

// Who asks, and what for: cookies, credentials, languages, ranges. Two users' answers to one target
// differ for that reason, which is no noise. In any order.
std::uint64_t hash_of(const Headers& headers) noexcept {
  std::uint64_t sum = 0;
  for (const Header& header : headers) {
    if (of_one_request(header.name)) continue;
    std::uint64_t name = 0xcbf29ce484222325;  // FNV-1a: names come in any case
    for (const char c : header.name)
      name = (name ^ static_cast<unsigned char>(to_lower(c))) * 0x100000001b3;
    sum += (name ^ std::hash<std::string_view>{}(header.value)) * 0x9e3779b97f4a7c15;
  }
  return sum;
}

std::size_t size_of(const Response& response) noexcept {
  std::size_t size = sizeof(Response) + response.body.size();
  for (const Header& header : response.headers)
    size += sizeof(Header) + header.name.size() + header.value.size();
  return size;
}

}  // namespace

std::string RequestMemory::question(const Request& request) {
  const std::uint64_t who = hash_of(request.headers);
  std::string key;
  key.reserve(request.method.size() + request.authority.size() + request.target.size() + 56);
  key.append(request.method).append(1, ' ').append(request.authority).append(1, ' ');
  key.append(request.target).append(1, ' ');
  key.append(reinterpret_cast<const char*>(&who), sizeof(who));
  if (request.body_bytes == 0) return key;
  return key.append(1, ' ')
      .append(std::to_string(std::hash<std::string_view>{}(request.body)))
      .append(1, ' ')
      .append(std::to_string(request.body_bytes));
}

bool RequestMemory::seen(std::string key, std::uint64_t now_ns) {
  if (std::uint64_t* found = asked_.find(key)) {
    const std::uint64_t before = std::exchange(*found, now_ns);
    return std::max(before, now_ns) - std::min(before, now_ns) <= kWindowNs;
  }
  asked_.add(std::move(key), std::uint64_t{now_ns});
  if (asked_.size() > kMaxAsked) asked_.forget_oldest();
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

const Response* RequestMemory::previous_answer(const std::string& question) const {
  return answers_.find(question);
}

void RequestMemory::remember(std::string&& question, Exchange&& exchange) {
  if (!exchange.response || exchange.request.method.empty()) return;
  const std::size_t bytes = size_of(*exchange.response);
  if (bytes > kMaxAnswerBytes) return;
  if (Response* found = answers_.find(question)) {
    answer_bytes_ -= size_of(*found);
    *found = std::move(*exchange.response);
  } else {
    answers_.add(std::move(question), std::move(*exchange.response));
  }
  answer_bytes_ += bytes;
  forget_answers();
}

void RequestMemory::forget_answers() {
  while (answers_.size() > kMaxAnswers || answer_bytes_ > kMaxAnswerBytes) {
    answer_bytes_ -= size_of(answers_.oldest());
    answers_.forget_oldest();
  }
}

}  // namespace gray
