// libxdp's own way to say that it could not make a dispatcher is to attach a single program and to
// be content; that is found out and undone.
#include "userspace/kernel/dispatcher.h"

#include <fmt/core.h>
#include <xdp/libxdp.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "userspace/base/errors.h"
#include "userspace/base/owned.h"
#include "userspace/kernel/detach_guard.h"
#include "userspace/kernel/skeleton.h"

namespace gray {
namespace {

// Higher runs later; libxdp's default is 50. Ours takes frames away, so it comes last.
constexpr unsigned kRunLast = 1000;

using XdpProgram = Owned<xdp_program, xdp_program__close>;
using Multiprog = Owned<xdp_multiprog, xdp_multiprog__close>;

// What libxdp last warned of, in this thread.
std::string& warning() {
  thread_local std::string text;
  return text;
}

int keep_warning(libxdp_print_level level, const char* format, va_list arguments) {
  char line[256];
  std::vsnprintf(line, sizeof(line), format, arguments);
  if (std::getenv("GRAYXDP_DEBUG") != nullptr) std::fputs(line, stderr);
  if (level != LIBXDP_WARN) return 0;
  warning() = line;
  while (!warning().empty() && warning().back() == '\n') warning().pop_back();
  return 0;
}

void check_libxdp(int result, const std::string& doing) {
  if (result >= 0) return;
  throw_errno(-result, warning().empty() ? doing : doing + " (" + warning() + ")");
}

// Null: no XDP program there.
Multiprog attached_to(unsigned ifindex) {
  xdp_multiprog* found = xdp_multiprog__get_from_ifindex(static_cast<int>(ifindex));
  if (libxdp_get_error(found) != 0) return nullptr;
  return Multiprog(found);
}

const char* word_for(xdp_attach_mode mode) {
  return mode == XDP_MODE_SKB ? "generic" : "native";
}

// The mode of those that are there already, which ours has to share.
xdp_attach_mode first_mode(unsigned ifindex, const std::string& name, XdpMode wanted) {
  const xdp_attach_mode asked = wanted == XdpMode::Generic ? XDP_MODE_SKB : XDP_MODE_NATIVE;
  const Multiprog others = attached_to(ifindex);
  if (!others) return asked;
  if (xdp_multiprog__is_legacy(others.get()))
    throw UsageError(
        fmt::format("{0} runs an XDP program that libxdp's dispatcher does not hold, so none can "
                    "join it: detach it (ip link set dev {0} xdp off), and load it by xdp-loader",
                    name));
  const xdp_attach_mode there = xdp_multiprog__attach_mode(others.get());
  if (wanted != XdpMode::Auto && asked != there)
    throw UsageError(fmt::format("the XDP programs of {} run in {} mode: --xdp {} or auto", name,
                                 word_for(there), word_for(there)));
  return there;
}

void detach(std::uint32_t id, unsigned ifindex) noexcept {
  xdp_program* program = xdp_program__from_id(id);
  if (libxdp_get_error(program) != 0) return;
  const XdpProgram owned(program);
  xdp_program__detach(program, static_cast<int>(ifindex), XDP_MODE_UNSPEC, 0);
}

class DispatcherSeat final : public Attachment {
 public:
  DispatcherSeat(std::uint32_t program, unsigned ifindex, xdp_attach_mode mode)
      : program_(program),
        ifindex_(ifindex),
        mode_(mode),
        guard_([program, ifindex] { detach(program, ifindex); }) {}
  ~DispatcherSeat() override { detach(program_, ifindex_); }
  DispatcherSeat(const DispatcherSeat&) = delete;
  DispatcherSeat& operator=(const DispatcherSeat&) = delete;

  std::string how() const override { return word_for(mode_); }
  void replace(std::span<const int>) override {
    throw UsageError("the filter of a program in libxdp's dispatcher stays as it was at its start");
  }

 private:
  std::uint32_t program_;  // its id: the dispatcher keeps it loaded
  unsigned ifindex_;
  xdp_attach_mode mode_;
  DetachGuard guard_;
};

XdpProgram open_program(bpf_object* twin) {
  xdp_program_opts options{};
  options.sz = sizeof(options);
  options.obj = twin;
  options.prog_name = "tap_ingress";
  xdp_program* program = xdp_program__create(&options);
  check_libxdp(static_cast<int>(libxdp_get_error(program)), "open the XDP program by libxdp");
  XdpProgram owned(program);
  check_libxdp(xdp_program__set_run_prio(program, kRunLast), "order the XDP programs");
  return owned;
}

}  // namespace

std::unique_ptr<Attachment> join_dispatcher(bpf_object* twin, unsigned ifindex,
                                            const std::string& name, XdpMode wanted) {
  static std::once_flag once;
  std::call_once(once, [] { libxdp_set_print(keep_warning); });
  const LibbpfLog log;
  warning().clear();
  xdp_attach_mode mode = first_mode(ifindex, name, wanted);
  const XdpProgram program = open_program(twin);
  const auto attach = [&] {
    return xdp_program__attach(program.get(), static_cast<int>(ifindex), mode, 0);
  };
  int result = attach();
  if (result < 0 && wanted == XdpMode::Auto && mode == XDP_MODE_NATIVE && !attached_to(ifindex)) {
    mode = XDP_MODE_SKB;
    result = attach();
  }
  // Kernels from 6.13 on let an extension change packet data only where the dispatcher says that it
  // may, and libxdp's does since the middle of 2025. Ours puts metadata in front of frames.
  if (result == -EINVAL)
    log.check(result, "join the XDP programs of " + name +
                          " by libxdp's dispatcher: this kernel wants a newer libxdp for that");
  check_libxdp(result, "join the XDP programs of " + name + " by libxdp's dispatcher");
  auto seat = std::make_unique<DispatcherSeat>(xdp_program__id(program.get()), ifindex, mode);
  const Multiprog now = attached_to(ifindex);
  if (!now || xdp_multiprog__is_legacy(now.get())) {
    seat.reset();
    throw std::runtime_error(
        "libxdp's dispatcher cannot be had here: the kernel refuses BPF programs that extend "
        "others (BPF_PROG_TYPE_EXT), or there is no bpffs on /sys/fs/bpf; without "
        "--with-dispatcher " +
        name + " is taken alone");
  }
  return seat;
}

}  // namespace gray
