// The messages of gRPC answers as trees. Any thread may use a maker.
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
BodyMaker proto_maker(std::shared_ptr<const CurrentSchemas> schemas, const Scrubber& scrubber);

}  // namespace gray
