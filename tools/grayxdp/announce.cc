#include "tools/grayxdp/announce.h"

#include <fmt/format.h>

#include <iostream>

#include "userspace/base/units.h"

namespace gray {

void announce(std::string_view verb, const LiveFlags& live, const LiveFacts& facts) {
  std::string how = fmt::format("{} mode, {}", live.mode, facts.attached);
  if (!facts.xdp_ingress.empty()) how += fmt::format(", ingress at {} XDP", facts.xdp_ingress);
  if (facts.dispatcher) how += " in libxdp's dispatcher";
  if (live.mode == "tap") {
    how += facts.zero_copy ? ", zero-copy" : ", copy";
    if (!facts.zero_copy_refusal.empty())
      how += fmt::format(" (no zero-copy: {})", facts.zero_copy_refusal);
    if (facts.hardware_clock) how += ", hardware clock";
    how += facts.multi_buffer ? ", frames to 64 KiB" : ", frames above a page are too_long";
    if (!facts.multi_buffer_refusal.empty())
      how += fmt::format(" (no multi-buffer: {})", facts.multi_buffer_refusal);
    how += fmt::format(", {} queue{} of {}{}", facts.queues.size(),
                       facts.queues.size() == 1 ? "" : "s", format_bytes(facts.umem_bytes),
                       facts.huge_pages ? " on huge pages" : "");
  }
  std::cerr << fmt::format("{}: listening on {} ({})\n", verb, live.interface, how);
}

}  // namespace gray
