// Protobuf messages, of gRPC answers and of others, as trees. Any thread may use a maker.
#pragma once

#include <memory>

#include "replay/compare/body_tree.h"
#include "replay/schema/schemas.h"
#include "replay/scrub/scrubber.h"

namespace gray {

/// Fields by the names of the descriptors that know production's messages best,
/// "proto.$.user.name"; those of no descriptor by number and kind, "proto.$.7:varint". Of a method
/// that streams its answers, or when there is other than one message, a list of them. `schemas` may
/// be null; `scrubber` must outlive the maker.
BodyMaker grpc_maker(std::shared_ptr<const CurrentSchemas> schemas, const Scrubber& scrubber);
/// The same of a body that is one message and says so (application/protobuf, x-protobuf, proto, …).
/// Its type is known when its path names a method of the descriptors, as in Connect and Twirp.
BodyMaker proto_maker(std::shared_ptr<const CurrentSchemas> schemas, const Scrubber& scrubber);

}  // namespace gray
