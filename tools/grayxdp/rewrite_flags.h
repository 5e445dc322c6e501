// The options that rewrite frames, shared by `rewrite` and `replay -i`; tcprewrite's names.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "replay/rewrite/options.h"
#include "replay/rewrite/sides.h"

namespace gray {

struct RewriteFlags {
  std::string source_mac;
  std::string destination_mac;
  bool keep_group_macs = false;
  std::string vlan;
  std::optional<std::uint16_t> vlan_id;
  std::optional<std::uint16_t> vlan_priority;
  std::optional<std::uint16_t> vlan_cfi;
  std::string vlan_protocol;
  std::vector<std::string> source_maps;
  std::vector<std::string> destination_maps;
  std::vector<std::string> pnat;
  std::string endpoints;
  std::optional<std::uint64_t> seed;
  bool keep_group_addresses = false;
  std::vector<std::string> port_maps;
  std::string ttl;
  std::optional<std::uint16_t> tos;
  std::optional<std::uint16_t> traffic_class;
  std::optional<std::uint32_t> flow_label;
  bool inner = false;
  bool fix_checksums = false;
  std::string sides = "auto";

  void add_to(CLI::App& app);
  /// Throws UsageError.
  RewriteOptions options() const;
  SidesOptions sides_options() const { return SidesOptions::parse(sides); }
};

}  // namespace gray
