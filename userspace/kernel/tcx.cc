#include <bpf/bpf.h>

#include <exception>
#include <optional>
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
  TcxLinks(Fd ingress, Fd egress, const TcPrograms& programs)
      : ingress_(std::move(ingress)), egress_(std::move(egress)), programs_(programs) {}
  std::string how() const override { return "tcx"; }
  void replace(std::span<const int> programs) override {
    update(ingress_, programs[0]);
    try {
      update(egress_, programs[1]);
    } catch (const std::exception&) {
      update(ingress_, programs_.ingress);
      throw;
    }
    programs_ = {.ingress = programs[0], .egress = programs[1]};
  }

 private:
  static void update(const Fd& link, int program) {
    if (!link) return;
    check(bpf_link_update(link.get(), program, nullptr), "replace the tc program");
  }

  Fd ingress_;
  Fd egress_;
  TcPrograms programs_;  // not owned
};

// Invalid for no program. Null when this kernel has no TCX.
std::optional<Fd> link_tcx(int program, unsigned ifindex, bpf_attach_type where,
                           const std::string& what) {
  if (program < 0) return Fd();
  const int link = bpf_link_create(program, static_cast<int>(ifindex), where, nullptr);
  if (link == -EINVAL || link == -EOPNOTSUPP) return std::nullopt;
  return Fd(check(link, "attach the tc program to the " + what));
}

}  // namespace

std::unique_ptr<Attachment> attach_tcx(const TcPrograms& programs, unsigned ifindex,
                                       const std::string& name) {
  auto ingress = link_tcx(programs.ingress, ifindex, kTcxIngress, "ingress of " + name);
  if (!ingress) return nullptr;
  auto egress = link_tcx(programs.egress, ifindex, kTcxEgress, "egress of " + name);
  if (!egress) return nullptr;
  return std::make_unique<TcxLinks>(std::move(*ingress), std::move(*egress), programs);
}

}  // namespace gray
