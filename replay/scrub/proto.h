// Protobuf messages, scrubbed field by field on the wire and written again with right lengths: by
// rules for fields, by the names that descriptors give them, by patterns in texts and numbers.
// Without a type, text is what reads as text, a message what reads as fields, and the rest is
// opaque: then the body does not go on.
#pragma once

#include "replay/schema/schemas.h"
#include "replay/scrub/policy.h"

namespace gray {

/// One message; `type` may be null. Null when done; else "bad_proto" or "opaque_body", and `bytes`
/// as they were. `for_showing`: opaque bytes become a hash, by which they still can be told apart.
const char* scrub_proto(const Policy& policy, const Schema* schema, const MessageType* type,
                        std::string& bytes, bool for_showing = false);

/// A gRPC body (of a response: for showing): each message decompressed, scrubbed, and compressed
/// again as it came. Moves the ends of the message's pieces along. Null when done; else one of the
/// names above, "untyped_proto", or one of grpc_messages.h.
const char* scrub_grpc_body(const Policy& policy, const Schemas& schemas, std::string_view target,
                            Side side, Message& message);

}  // namespace gray
