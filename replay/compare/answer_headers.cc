#include "replay/compare/answer_headers.h"

#include <algorithm>

#include "replay/protocol/grpc/call.h"

namespace gray {
namespace {

bool ends_call(const Header& header) noexcept {
  return same_name(header.name, "grpc-status") || same_name(header.name, "grpc-message") ||
         same_name(header.name, "grpc-status-details-bin");
}

}  // namespace

AnswerHeaders answer_headers(const Request& request, const Response& response) {
  AnswerHeaders parts{&response.headers, &response.trailers, false, {}, {}};
  const auto call = grpc::read_call(request, &response);
  if (!call) return parts;
  parts.grpc = true;
  parts.status = call->status;
  auto moved = std::make_shared<Response>();
  moved->headers = response.headers;
  moved->trailers = response.trailers;
  if (find_header(response.trailers, "grpc-status") == nullptr) {
    const auto ends =
        std::stable_partition(moved->headers.begin(), moved->headers.end(),
                              [](const Header& header) { return !ends_call(header); });
    moved->trailers.insert(moved->trailers.end(), ends, moved->headers.end());
    moved->headers.erase(ends, moved->headers.end());
  }
  for (Header& trailer : moved->trailers)
    if (same_name(trailer.name, "grpc-message")) trailer.value = call->status_message;
  parts.headers = &moved->headers;
  parts.trailers = &moved->trailers;
  parts.moved = std::move(moved);
  return parts;
}

}  // namespace gray
