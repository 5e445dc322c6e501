// What `flows` shows of a flow: a line of a table for people, or a JSON object.
#pragma once

#include <string>

#include "userspace/kernel/flow_map.h"

namespace gray {

std::string flow_header();
std::string flow_line(const FlowRecord& record);
std::string flow_json(const FlowRecord& record);

/// Community ID v1. Of ICMP that of the flow's first message: a flow is all that two hosts say to
/// each other by ICMP, which Community ID takes apart by type.
std::string flow_community_id(const FlowRecord& record);

}  // namespace gray
