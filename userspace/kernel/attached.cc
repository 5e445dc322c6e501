#include "userspace/kernel/attached.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>

#include <array>
#include <cstring>
#include <system_error>

#include "userspace/base/errors.h"
#include "userspace/base/fd.h"
#include "userspace/kernel/netlink.h"

namespace gray {
namespace {

// enum bpf_attach_type of Linux 6.6; the headers of Debian 12 end before.
constexpr auto kTcxIngress = static_cast<bpf_attach_type>(46);
constexpr auto kTcxEgress = static_cast<bpf_attach_type>(47);
constexpr std::uint32_t kMostPrograms = 64;  // BPF_MPROG_MAX
constexpr int kLoopback = 1;

std::string program_name(std::uint32_t id) {
  const Fd fd(bpf_prog_get_fd_by_id(id));
  if (!fd) return {};
  bpf_prog_info info{};
  std::uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0) return {};
  return {info.name, strnlen(info.name, sizeof(info.name))};
}

void add(std::vector<AttachedProgram>& found, const char* hook, std::uint32_t id) {
  if (id != 0) found.push_back({.hook = hook, .id = id, .name = program_name(id)});
}

void add_xdp(std::vector<AttachedProgram>& found, unsigned ifindex) {
  bpf_xdp_query_opts query{};
  query.sz = sizeof(query);
  if (bpf_xdp_query(static_cast<int>(ifindex), 0, &query) != 0) return;
  add(found, "xdp native", query.drv_prog_id);
  add(found, "xdp generic", query.skb_prog_id);
  add(found, "xdp offloaded", query.hw_prog_id);
}

// Negative errno, EINVAL on kernels without tcx.
int query_tcx(int ifindex, bpf_attach_type where, std::vector<std::uint32_t>& ids) {
  ids.assign(kMostPrograms, 0);
  std::uint32_t count = kMostPrograms;
  const int result = bpf_prog_query(ifindex, where, 0, nullptr, ids.data(), &count);
  ids.resize(result == 0 ? count : 0);
  return result;
}

void add_tcx(std::vector<AttachedProgram>& found, unsigned ifindex, bpf_attach_type where,
             const char* hook) {
  std::vector<std::uint32_t> ids;
  query_tcx(static_cast<int>(ifindex), where, ids);
  for (const std::uint32_t id : ids) add(found, hook, id);
}

std::uint32_t bpf_filter_id(const nlmsghdr& message) {
  std::uint32_t id = 0;
  for_attributes_behind(sizeof(tcmsg), message, [&](const rtattr& attribute) {
    if (attribute.rta_type != TCA_OPTIONS) return;
    for_attributes(RTA_DATA(&attribute), RTA_PAYLOAD(&attribute), [&](const rtattr& option) {
      if (option.rta_type == TCA_BPF_ID) id = attribute_value<std::uint32_t>(option);
    });
  });
  return id;
}

void add_clsact(std::vector<AttachedProgram>& found, unsigned ifindex, std::uint32_t parent,
                const char* hook) {
  struct {
    nlmsghdr header;
    tcmsg tc;
  } request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof(tcmsg));
  request.header.nlmsg_type = RTM_GETTFILTER;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.tc.tcm_ifindex = static_cast<int>(ifindex);
  request.tc.tcm_parent = parent;
  try {
    netlink_request(NETLINK_ROUTE, request.header,
                    [&](const nlmsghdr& message) { add(found, hook, bpf_filter_id(message)); });
  } catch (const std::system_error&) {
    // No such qdisc, or a kernel without it: no filters.
  }
}

}  // namespace

std::vector<AttachedProgram> attached_programs(unsigned ifindex) {
  std::vector<AttachedProgram> found;
  add_xdp(found, ifindex);
  add_tcx(found, ifindex, kTcxIngress, "tcx ingress");
  add_tcx(found, ifindex, kTcxEgress, "tcx egress");
  add_clsact(found, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), "clsact ingress");
  add_clsact(found, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), "clsact egress");
  return found;
}

bool kernel_has_tcx() {
  std::vector<std::uint32_t> ids;
  return query_tcx(kLoopback, kTcxIngress, ids) != -EINVAL;
}

}  // namespace gray
