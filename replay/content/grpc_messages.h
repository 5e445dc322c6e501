// The messages of a gRPC body, decompressed ("gRPC over HTTP2", Message-Encoding). Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "replay/content/decode.h"

namespace gray {

struct GrpcMessages {
  std::vector<std::string> messages;  ///< whole ones, decompressed
  std::vector<bool> compressed;       ///< whether each came so
  std::optional<Coding> coding;       ///< grpc-encoding; absent is identity
  const char* problem = nullptr;  ///< null: all of the body; "cut_grpc", "bad_grpc", or a name of
                                  ///< decode.h: of the first message that is not in `messages`
};

/// `limits` are of all messages together.
GrpcMessages grpc_messages(const Message& message, const DecodeLimits& limits = {});

}  // namespace gray
