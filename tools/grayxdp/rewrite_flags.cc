#include "tools/grayxdp/rewrite_flags.h"

#include <CLI/CLI.hpp>

#include "userspace/base/errors.h"

namespace gray {
namespace {

VlanAction parse_vlan(const std::string& text) {
  if (text == "add") return VlanAction::Add;
  if (text == "del") return VlanAction::Delete;
  return text == "set" ? VlanAction::Set : VlanAction::Keep;
}

std::optional<std::uint8_t> narrow(const std::optional<std::uint16_t>& value) {
  if (!value) return std::nullopt;
  return static_cast<std::uint8_t>(*value);
}

std::vector<CidrMap> cidr_maps(const char* option, const std::vector<std::string>& texts) {
  std::vector<CidrMap> all;
  for (const std::string& text : texts)
    for (const CidrMap& map : parse_cidr_maps(option, text)) all.push_back(map);
  return all;
}

void add_link_options(CLI::App& app, RewriteFlags& flags) {
  app.add_option("--enet-smac", flags.source_mac, "source MAC; a,b: client's side, server's side")
      ->type_name("MAC[,MAC]");
  app.add_option("--enet-dmac", flags.destination_mac, "destination MAC, likewise")
      ->type_name("MAC[,MAC]");
  app.add_flag("--skipl2broadcast", flags.keep_group_macs, "not of broadcast and multicast frames");
  app.add_option("--enet-vlan", flags.vlan, "VLAN tag: add one, del or set the outermost")
      ->type_name("HOW")
      ->check(CLI::IsMember({"add", "del", "set"}));
  app.add_option("--enet-vlan-tag", flags.vlan_id, "its VLAN id")->check(CLI::Range(0, 4095));
  app.add_option("--enet-vlan-pri", flags.vlan_priority, "its priority")->check(CLI::Range(0, 7));
  app.add_option("--enet-vlan-cfi", flags.vlan_cfi, "its drop eligible bit")
      ->check(CLI::Range(0, 1));
  app.add_option("--enet-vlan-proto", flags.vlan_protocol, "802.1q or 802.1ad")
      ->type_name("PROTO")
      ->check(CLI::IsMember({"802.1q", "802.1ad"}, CLI::ignore_case));
}

void add_address_options(CLI::App& app, RewriteFlags& flags) {
  app.add_option("--srcipmap", flags.source_maps, "source addresses: NETWORK:NETWORK[,…]")
      ->type_name("MAP");
  app.add_option("--dstipmap", flags.destination_maps, "destination addresses")->type_name("MAP");
  app.add_option("--pnat", flags.pnat, "both; twice: the client's side, then the server's")
      ->type_name("MAP");
  app.add_option("--endpoints", flags.endpoints, "every packet is between CLIENT:SERVER")
      ->type_name("A:B");
  app.add_option("--seed", flags.seed, "scramble addresses, same prefixes staying the same")
      ->type_name("N");
  app.add_flag("--skipbroadcast", flags.keep_group_addresses, "not multicast and broadcast");
  app.add_option("--sides", flags.sides,
                 "who is the client: auto, direction, clients=NET,… or servers=NET,…")
      ->type_name("RULE");
}

void add_packet_options(CLI::App& app, RewriteFlags& flags) {
  app.add_option("--portmap", flags.port_maps, "ports: 80:8080,1000-1010:99")->type_name("MAP");
  app.add_option("--ttl", flags.ttl, "TTL and hop limit: N, +N or -N")->type_name("N");
  app.add_option("--tos", flags.tos, "IPv4 TOS byte")->check(CLI::Range(0, 255));
  app.add_option("--tclass", flags.traffic_class, "IPv6 traffic class")->check(CLI::Range(0, 255));
  app.add_option("--flowlabel", flags.flow_label, "IPv6 flow label")->check(CLI::Range(0, 0xfffff));
  app.add_flag("--inner", flags.inner, "in tunnels too");
  app.add_flag("-C,--fixcsum", flags.fix_checksums, "compute checksums, do not only update them");
}

}  // namespace

void RewriteFlags::add_to(CLI::App& app) {
  add_address_options(app, *this);
  add_packet_options(app, *this);
  add_link_options(app, *this);
}

RewriteOptions RewriteFlags::options() const {
  RewriteOptions rewrite;
  if (!source_mac.empty()) rewrite.source_mac = parse_mac_pair("--enet-smac", source_mac);
  if (!destination_mac.empty())
    rewrite.destination_mac = parse_mac_pair("--enet-dmac", destination_mac);
  rewrite.keep_group_macs = keep_group_macs;
  rewrite.vlan = parse_vlan(vlan);
  rewrite.vlan_tag.id = vlan_id;
  rewrite.vlan_tag.priority = narrow(vlan_priority);
  if (vlan_cfi) rewrite.vlan_tag.drop_eligible = *vlan_cfi != 0;
  if (!vlan_protocol.empty())
    rewrite.vlan_tag.protocol =
        vlan_protocol.ends_with('q') ? std::uint16_t{0x8100} : std::uint16_t{0x88a8};
  rewrite.source_map = cidr_maps("--srcipmap", source_maps);
  rewrite.destination_map = cidr_maps("--dstipmap", destination_maps);
  if (pnat.size() > 2) throw UsageError("--pnat: once, or once for each side");
  if (!pnat.empty()) rewrite.pnat = parse_cidr_maps("--pnat", pnat.front());
  if (pnat.size() == 2) rewrite.pnat_server = parse_cidr_maps("--pnat", pnat.back());
  if (!endpoints.empty()) rewrite.endpoints = parse_endpoints("--endpoints", endpoints);
  rewrite.seed = seed;
  rewrite.keep_group_addresses = keep_group_addresses;
  for (const std::string& text : port_maps)
    for (const PortMap& map : parse_port_maps("--portmap", text)) rewrite.port_map.push_back(map);
  if (!ttl.empty()) rewrite.ttl = parse_hop_limit("--ttl", ttl);
  rewrite.tos = narrow(tos);
  rewrite.traffic_class = narrow(traffic_class);
  rewrite.flow_label = flow_label;
  rewrite.inner = inner;
  rewrite.fix_checksums = fix_checksums;
  return rewrite;
}

}  // namespace gray
