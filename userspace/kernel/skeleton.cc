#include "userspace/kernel/skeleton.h"

#include <bpf/libbpf.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>

namespace gray {
namespace {

constexpr std::size_t kMaxLine = 1 << 16;  // a verifier log's end is what matters

std::string& complaints() {
  thread_local std::string text;
  return text;
}

int print(libbpf_print_level level, const char* format, va_list arguments) {
  if (std::getenv("GRAYXDP_DEBUG") != nullptr) {
    va_list copy;
    va_copy(copy, arguments);
    std::vfprintf(stderr, format, copy);
    va_end(copy);
  }
  if (level != LIBBPF_WARN) return 0;
  va_list copy;
  va_copy(copy, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, copy);
  va_end(copy);
  if (length <= 0) return 0;
  std::string text(static_cast<std::size_t>(length) + 1, '\0');
  std::vsnprintf(text.data(), text.size(), format, arguments);
  text.pop_back();
  std::string& all = complaints();
  all += text;
  if (all.size() > kMaxLine) all.erase(0, all.size() - kMaxLine);
  return 0;
}

// The verifier's own last line where there is one, else libbpf's first.
std::string_view telling_line(std::string_view text) {
  constexpr std::string_view kEnd = "-- END PROG LOAD LOG --";
  const bool verifier = text.find(kEnd) != std::string_view::npos;
  if (verifier) text = text.substr(0, text.find(kEnd));
  std::string_view line;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view candidate = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (candidate.empty() || candidate.starts_with("processed ")) continue;
    if (verifier && candidate.starts_with("libbpf: ")) continue;
    line = candidate;
    if (!verifier) break;
  }
  return line;
}

}  // namespace

LibbpfLog::LibbpfLog() {
  static std::once_flag once;
  std::call_once(once, [] { libbpf_set_print(print); });
  complaints().clear();
}

void LibbpfLog::check(int result, const std::string& doing) const {
  if (result >= 0) return;
  const std::string line(telling_line(complaints()));
  throw_errno(-result, line.empty() ? doing : doing + " (" + line + ")");
}

void share_maps(const bpf_object* from, bpf_object* to) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, to) {
    const std::string name = bpf_map__name(map);
    if (name.ends_with(".rodata")) continue;
    const bpf_map* known = bpf_object__find_map_by_name(from, name.c_str());
    if (known == nullptr) throw_errno(ENOENT, "find the BPF map " + name);
    check(bpf_map__reuse_fd(map, bpf_map__fd(known)), "share the BPF map " + name);
  }
}

}  // namespace gray
