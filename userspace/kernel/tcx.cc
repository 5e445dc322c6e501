#include <bpf/bpf.h>

#include <utility>

#include "userspace/base/errors.h"
#include "userspace/base/fd.h"
#include "userspace/kernel/tc.h"

namespace gray {
namespace {

// enum bpf_attach_type of Linux 6.6; the headers of Debian 12 end before.
constexpr auto kTcxIngress = static_cast<bpf_attach_type>(46);
constexpr auto kTcxEgress = static_cast<bpf_attach_type>(47);

class TcxLinks final : public Attachment {
 public:
  TcxLinks(Fd ingress, Fd egress) : ingress_(std::move(ingress)), egress_(std::move(egress)) {}
  std::string how() const override { return "tcx"; }

 private:
  Fd ingress_;
  Fd egress_;
};

int link_tcx(int program, unsigned ifindex, bpf_attach_type where) {
  return bpf_link_create(program, static_cast<int>(ifindex), where, nullptr);
}

}  // namespace

std::unique_ptr<Attachment> attach_tcx(const TcPrograms& programs, unsigned ifindex,
                                       const std::string& name) {
  const int ingress = link_tcx(programs.ingress, ifindex, kTcxIngress);
  if (ingress == -EINVAL || ingress == -EOPNOTSUPP) return nullptr;
  Fd first(check(ingress, "attach the tc program to the ingress of " + name));
  Fd second(check(link_tcx(programs.egress, ifindex, kTcxEgress),
                  "attach the tc program to the egress of " + name));
  return std::make_unique<TcxLinks>(std::move(first), std::move(second));
}

}  // namespace gray
