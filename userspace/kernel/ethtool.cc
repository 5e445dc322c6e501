// Each question is one ioctl, or two where its answer has to be sized first.
#include "userspace/kernel/ethtool.h"

#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <string_view>

#include "userspace/base/errors.h"
#include "userspace/base/fd.h"

namespace gray {
namespace {

constexpr std::uint32_t kMostFeatures = 1024;  // 64-odd in Linux 6.18
constexpr std::uint32_t kMostEntries = 1 << 16;

bool ask(const std::string& interface, void* command) {
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = static_cast<char*>(command);
  const Fd fd(check_errno(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "open a socket"));
  return ioctl(fd.get(), SIOCETHTOOL, &request) == 0;
}

// A command with `count` elements of T behind it, in memory that is aligned for both.
template <class Command, class T>
class Sized {
 public:
  explicit Sized(std::size_t count)
      : words_((sizeof(Command) + count * sizeof(T) + sizeof(std::uint64_t) - 1) /
               sizeof(std::uint64_t)) {}
  Command* get() noexcept { return reinterpret_cast<Command*>(words_.data()); }
  const T* elements() const noexcept {
    return reinterpret_cast<const T*>(reinterpret_cast<const char*>(words_.data()) +
                                      sizeof(Command));
  }

 private:
  std::vector<std::uint64_t> words_;
};

// The kernel's names of its features, in the order of their bits.
std::vector<std::string> feature_names(const std::string& interface) {
  Sized<ethtool_sset_info, std::uint32_t> size(1);
  size.get()->cmd = ETHTOOL_GSSET_INFO;
  size.get()->sset_mask = 1ULL << ETH_SS_FEATURES;
  if (!ask(interface, size.get()) || size.get()->sset_mask == 0) return {};
  const std::uint32_t count = std::min(*size.elements(), kMostFeatures);
  Sized<ethtool_gstrings, std::array<char, ETH_GSTRING_LEN>> strings(count);
  strings.get()->cmd = ETHTOOL_GSTRINGS;
  strings.get()->string_set = ETH_SS_FEATURES;
  strings.get()->len = count;
  if (!ask(interface, strings.get())) return {};
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < std::min(strings.get()->len, count); ++i) {
    const auto& name = strings.elements()[i];
    names.emplace_back(name.data(), strnlen(name.data(), name.size()));
  }
  return names;
}

struct OffloadName {
  std::string_view kernel;
  std::string_view ethtool;
};
constexpr std::array kOffloads{OffloadName{"rx-gro", "gro"},
                               OffloadName{"rx-lro", "lro"},
                               OffloadName{"rx-gro-hw", "rx-gro-hw"},
                               OffloadName{"rx-vlan-hw-parse", "rxvlan"},
                               OffloadName{"tx-tcp-segmentation", "tso"},
                               OffloadName{"tx-generic-segmentation", "gso"}};

}  // namespace

std::string read_driver(const std::string& interface) {
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  if (!ask(interface, &driver)) return {};
  return {driver.driver, strnlen(driver.driver, sizeof(driver.driver))};
}

Channels read_channels(const std::string& interface) {
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  if (!ask(interface, &channels)) return {};
  return {.rx = channels.rx_count + channels.combined_count,
          .tx = channels.tx_count + channels.combined_count,
          .rx_max = std::max(channels.max_rx, channels.max_combined),
          .combined = channels.max_combined > 0};
}

std::optional<Rss> read_rss(const std::string& interface) {
  ethtool_rxfh size{};
  size.cmd = ETHTOOL_GRSSH;
  if (!ask(interface, &size) || size.indir_size == 0) return std::nullopt;
  const std::uint32_t entries = std::min(size.indir_size, kMostEntries);
  // The key stands behind the table, in bytes.
  Sized<ethtool_rxfh, std::uint32_t> table(entries + size.key_size / sizeof(std::uint32_t) + 1);
  table.get()->cmd = ETHTOOL_GRSSH;
  table.get()->indir_size = entries;
  table.get()->key_size = size.key_size;
  if (!ask(interface, table.get())) return std::nullopt;
  const std::set<std::uint32_t> queues(table.elements(), table.elements() + entries);
  // input_xfrm since Linux 6.8, where the header of Debian 12 has rsvd8[0]: RXH_XFRM_SYM_XOR and
  // RXH_XFRM_SYM_OR_XOR of <linux/ethtool.h>.
  constexpr std::uint8_t kSymmetric = 1U << 0 | 1U << 1;
  const std::uint8_t transform = table.get()->rsvd8[0];
  return Rss{.entries = entries,
             .queues = static_cast<std::uint32_t>(queues.size()),
             .symmetric = transform != 0xff && (transform & kSymmetric) != 0};
}

std::vector<Offload> read_offloads(const std::string& interface) {
  const std::vector<std::string> names = feature_names(interface);
  const auto blocks = static_cast<std::uint32_t>((names.size() + 31) / 32);
  Sized<ethtool_gfeatures, ethtool_get_features_block> features(blocks);
  features.get()->cmd = ETHTOOL_GFEATURES;
  features.get()->size = blocks;
  if (names.empty() || !ask(interface, features.get())) return {};
  std::vector<Offload> offloads;
  for (const OffloadName& wanted : kOffloads) {
    const auto found = std::find(names.begin(), names.end(), wanted.kernel);
    if (found == names.end()) continue;
    const auto bit = static_cast<std::size_t>(found - names.begin());
    const ethtool_get_features_block& block = features.elements()[bit / 32];
    const std::uint32_t mask = 1U << bit % 32;
    offloads.push_back({.name = std::string(wanted.ethtool),
                        .on = (block.active & mask) != 0,
                        .fixed = (block.available & mask) == 0});
  }
  return offloads;
}

HardwareClock read_clock(const std::string& interface) {
  ethtool_ts_info info{};
  info.cmd = ETHTOOL_GET_TS_INFO;
  info.phc_index = -1;
  if (!ask(interface, &info)) return {};
  return {.index = info.phc_index,
          .stamps_rx = (info.so_timestamping & SOF_TIMESTAMPING_RX_HARDWARE) != 0,
          .stamps_all = (info.rx_filters & 1U << HWTSTAMP_FILTER_ALL) != 0,
          .stamps_tx = (info.so_timestamping & SOF_TIMESTAMPING_TX_HARDWARE) != 0};
}

}  // namespace gray
