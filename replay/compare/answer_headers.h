// Headers and trailers of an answer as they are compared, and how a gRPC call ended. Pure
// functions.
#pragma once

#include <memory>
#include <optional>

#include "replay/protocol/exchange.h"

namespace gray {

struct AnswerHeaders {
  const Headers* headers = nullptr;  ///< of the response, or of `moved`
  const Headers* trailers = nullptr;
  bool grpc = false;
  std::optional<int> status;  ///< of gRPC; absent when it was not seen

  std::shared_ptr<const Response> moved;  ///< when they are not as they came
};

/// gRPC may put its trailers where headers are, when there is no message (trailers-only), and may
/// write grpc-message in several ways: the status, the message and its details are given as
/// trailers, the message decoded. Views into `response`, which must outlive them.
AnswerHeaders answer_headers(const Request& request, const Response& response);

}  // namespace gray
