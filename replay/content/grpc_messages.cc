#include "replay/content/grpc_messages.h"

#include "replay/protocol/grpc/frames.h"

namespace gray {

GrpcMessages grpc_messages(const Message& message, const DecodeLimits& limits) {
  GrpcMessages result;
  const std::string* encoding = find_header(message.headers, "grpc-encoding");
  if (encoding) result.coding = coding_named(*encoding);
  const grpc::Framing framing = grpc::read_framing(message.body);
  DecodeLimits left = limits;
  for (const grpc::MessageFrame& frame : framing.messages) {
    if (frame.compressed && !result.coding) {
      const bool identity = !encoding || encoding->empty() || same_name(*encoding, "identity");
      result.problem = identity ? "bad_grpc" : kUnknownEncoding;
      return result;
    }
    if (!frame.compressed) {
      result.messages.emplace_back(frame.payload);
    } else {
      Decoded decoded = decode({&*result.coding, 1}, frame.payload, left);
      if (decoded.problem) {
        result.problem = decoded.problem;
        return result;
      }
      left.max_bytes -= decoded.bytes.size();
      result.messages.push_back(std::move(decoded.bytes));
    }
    result.compressed.push_back(frame.compressed);
  }
  if (framing.rest == grpc::Framing::Rest::Cut || message.truncated) result.problem = "cut_grpc";
  if (framing.rest == grpc::Framing::Rest::BadFlag) result.problem = "bad_grpc";
  return result;
}

}  // namespace gray
