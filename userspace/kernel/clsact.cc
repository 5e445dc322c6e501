#include <bpf/libbpf.h>

#include <exception>

#include "userspace/base/errors.h"
#include "userspace/kernel/skeleton.h"
#include "userspace/kernel/tc.h"

namespace gray {
namespace {

// Ours among the filters of the qdisc: a priority that nobody uses by chance, "gray" in hex.
constexpr std::uint32_t kPriority = 0x6772;
constexpr std::uint32_t kHandle = 0x6179;

bpf_tc_hook hook_of(unsigned ifindex, bpf_tc_attach_point where) {
  bpf_tc_hook hook{};
  hook.sz = sizeof(hook);
  hook.ifindex = static_cast<int>(ifindex);
  hook.attach_point = where;
  return hook;
}

bpf_tc_opts ours(int program) {
  bpf_tc_opts options{};
  options.sz = sizeof(options);
  options.handle = kHandle;
  options.priority = kPriority;
  options.prog_fd = program;
  return options;
}

class Qdisc {
 public:
  Qdisc(unsigned ifindex, const std::string& name)
      : hook_(hook_of(ifindex, static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS))) {
    const LibbpfLog log;
    const int result = bpf_tc_hook_create(&hook_);
    if (result == -EEXIST) return;
    log.check(result, "add a clsact qdisc to " + name);
    made_ = true;
  }
  Qdisc(const Qdisc&) = delete;
  Qdisc& operator=(const Qdisc&) = delete;
  ~Qdisc() {
    if (made_) bpf_tc_hook_destroy(&hook_);
  }

 private:
  bpf_tc_hook hook_;
  bool made_ = false;
};

class TcFilter {
 public:
  TcFilter(int program, unsigned ifindex, const std::string& name, bpf_tc_attach_point where)
      : hook_(hook_of(ifindex, where)) {
    const LibbpfLog log;
    bpf_tc_opts options = ours(program);
    const int result = bpf_tc_attach(&hook_, &options);
    if (result == -EEXIST)
      throw_errno(EEXIST, "another grayxdp captures on " + name +
                              " (or one was killed there: tc qdisc del dev " + name + " clsact)");
    log.check(result, "attach the tc program to " + name);
  }
  TcFilter(const TcFilter&) = delete;
  TcFilter& operator=(const TcFilter&) = delete;
  void replace(int program) {
    const LibbpfLog log;
    bpf_tc_opts options = ours(program);
    options.flags = BPF_TC_F_REPLACE;
    log.check(bpf_tc_attach(&hook_, &options), "replace the tc program");
  }
  ~TcFilter() {
    bpf_tc_opts options = ours(0);
    bpf_tc_detach(&hook_, &options);
  }

 private:
  bpf_tc_hook hook_;
};

class ClsactFilters final : public Attachment {
 public:
  ClsactFilters(const TcPrograms& programs, unsigned ifindex, const std::string& name)
      : qdisc_(ifindex, name),
        ingress_(programs.ingress, ifindex, name, BPF_TC_INGRESS),
        egress_(programs.egress, ifindex, name, BPF_TC_EGRESS),
        programs_(programs) {}
  std::string how() const override { return "clsact"; }
  void replace(std::span<const int> programs) override {
    ingress_.replace(programs[0]);
    try {
      egress_.replace(programs[1]);
    } catch (const std::exception&) {
      ingress_.replace(programs_.ingress);
      throw;
    }
    programs_ = {.ingress = programs[0], .egress = programs[1]};
  }

 private:
  Qdisc qdisc_;  // goes last
  TcFilter ingress_;
  TcFilter egress_;
  TcPrograms programs_;  // not owned
};

}  // namespace

std::unique_ptr<Attachment> attach_clsact(const TcPrograms& programs, unsigned ifindex,
                                          const std::string& name) {
  return std::make_unique<ClsactFilters>(programs, ifindex, name);
}

}  // namespace gray
