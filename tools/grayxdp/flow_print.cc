#include "tools/grayxdp/flow_print.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <nlohmann/json.hpp>

#include "tools/grayxdp/flow_order.h"
#include "userspace/base/clock.h"
#include "userspace/base/units.h"
#include "userspace/packet/community_id.h"

namespace gray {
namespace {

std::string proto_name(std::uint8_t number) {
  switch (number) {
    case IPPROTO_TCP:
      return "tcp";
    case IPPROTO_UDP:
      return "udp";
    case IPPROTO_ICMP:
      return "icmp";
    case IPPROTO_ICMPV6:
      return "icmp6";
    case IPPROTO_SCTP:
      return "sctp";
    default:
      return fmt::format("ip-{}", number);
  }
}

Endpoint endpoint(const gray_flow_key& key, int which) {
  return {IpAddress::v6(key.addr[which]), ntohs(key.port[which])};
}

std::string shown(const gray_flow_key& key, int which) {
  const Endpoint end = endpoint(key, which);
  return end.port == 0 ? end.address.to_string() : end.to_string();
}

nlohmann::ordered_json side_json(const FlowTotals& flow, int side) {
  return {{"packets", flow.packets[side]},
          {"bytes", flow.bytes[side]},
          {"tcp_flags", flow.tcp_flags[side]}};
}

constexpr const char* kLine = "{:<16} {:<5} {:<22} {:<22} {:>8} {:>9} {:>8} {:>9} {:>8}  {}";

}  // namespace

std::string flow_community_id(const FlowRecord& record) {
  const gray_flow_key& key = record.id.key;
  const int a = record.flow.first_side;
  Endpoint from = endpoint(key, a);
  Endpoint to = endpoint(key, 1 - a);
  if (record.flow.icmp != 0) {
    from.port = record.flow.icmp_type;
    to.port = record.flow.icmp_code;
  } else if (from.port == 0 && to.port == 0) {
    return community_id_without_ports(key.proto, from, to);
  }
  return community_id(key.proto, from, to);
}

std::string flow_header() {
  return fmt::format(kLine, "TAG", "PROTO", "SOURCE", "DESTINATION", "PACKETS", "BYTES", "BACK",
                     "BYTES", "LASTED", "COMMUNITY ID");
}

// The endpoint that spoke first stands first: for most flows the client.
std::string flow_line(const FlowRecord& record) {
  const FlowTotals& flow = record.flow;
  const int a = flow.first_side;
  return fmt::format(kLine, fmt::format("{:016x}", flow.tag), proto_name(record.id.key.proto),
                     shown(record.id.key, a), shown(record.id.key, 1 - a), flow.packets[a],
                     format_bytes(flow.bytes[a]), flow.packets[1 - a],
                     format_bytes(flow.bytes[1 - a]), format_duration(duration_ns(flow)),
                     flow_community_id(record));
}

std::string flow_json(const FlowRecord& record) {
  const FlowTotals& flow = record.flow;
  const gray_flow_key& key = record.id.key;
  const int a = flow.first_side;
  nlohmann::ordered_json line{{"tag", fmt::format("{:016x}", flow.tag)},
                              {"proto", proto_name(key.proto)},
                              {"source", shown(key, a)},
                              {"destination", shown(key, 1 - a)},
                              {"community_id", flow_community_id(record)},
                              {"first", iso8601(flow.first_ns)},
                              {"last", iso8601(flow.last_ns)},
                              {"forward", side_json(flow, a)},
                              {"backward", side_json(flow, 1 - a)}};
  if (flow.icmp != 0) line["icmp"] = {{"type", flow.icmp_type}, {"code", flow.icmp_code}};
  return line.dump();
}

}  // namespace gray
