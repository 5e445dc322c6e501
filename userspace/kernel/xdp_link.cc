#include "userspace/kernel/xdp_link.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>
#include <linux/if_link.h>

#include <cerrno>
#include <utility>

#include "userspace/base/errors.h"
#include "userspace/base/fd.h"

namespace gray {
namespace {

class XdpLink final : public Attachment {
 public:
  XdpLink(Fd link, XdpMode mode) : link_(std::move(link)), mode_(mode) {}
  std::string how() const override { return mode_ == XdpMode::Native ? "native" : "generic"; }
  void replace(std::span<const int> programs) override {
    check(bpf_link_update(link_.get(), programs[0], nullptr), "replace the XDP program");
  }

 private:
  Fd link_;
  XdpMode mode_;
};

void refuse_other_program(unsigned ifindex, const std::string& name) {
  bpf_xdp_query_opts found{};
  found.sz = sizeof(found);
  check(bpf_xdp_query(static_cast<int>(ifindex), 0, &found), "look for XDP programs on " + name);
  for (const std::uint32_t id :
       {found.prog_id, found.drv_prog_id, found.skb_prog_id, found.hw_prog_id})
    if (id != 0)
      throw_errno(EBUSY, fmt::format("interface {0} already runs XDP program {1}: detach it "
                                     "(ip link set dev {0} xdp off) or choose another interface",
                                     name, id));
}

// The link's fd, or a negative errno.
int link_xdp(int program, unsigned ifindex, XdpMode mode) {
  bpf_link_create_opts options{};
  options.sz = sizeof(options);
  options.flags = mode == XdpMode::Native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
  return bpf_link_create(program, static_cast<int>(ifindex), BPF_XDP, &options);
}

}  // namespace

std::unique_ptr<Attachment> attach_xdp(int program, unsigned ifindex, const std::string& name,
                                       XdpMode mode) {
  refuse_other_program(ifindex, name);
  XdpMode got = mode == XdpMode::Generic ? XdpMode::Generic : XdpMode::Native;
  int link = link_xdp(program, ifindex, got);
  if (link < 0 && mode == XdpMode::Auto && link != -EBUSY && link != -EPERM) {
    got = XdpMode::Generic;
    link = link_xdp(program, ifindex, got);
  }
  const char* kind = got == XdpMode::Native ? "native" : "generic";
  check(link, fmt::format("attach the {} XDP program to {}", kind, name));
  return std::make_unique<XdpLink>(Fd(link), got);
}

}  // namespace gray
