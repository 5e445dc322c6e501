#include "userspace/kernel/kernel_config.h"

#include <sys/utsname.h>
#include <zlib.h>

#include <array>
#include <sstream>

#include "userspace/base/owned.h"

namespace gray {
namespace {

constexpr std::size_t kMostBytes = 4 << 20;  // a real one has a quarter of a megabyte

// zlib reads files that are not compressed as they are. "" when it cannot be read.
std::string read_all(const std::string& path) {
  const Owned<gzFile_s, gzclose> file(gzopen(path.c_str(), "rb"));
  std::string text;
  if (!file) return text;
  std::array<char, 1 << 16> part;
  int size = 0;
  while (text.size() < kMostBytes && (size = gzread(file.get(), part.data(), part.size())) > 0)
    text.append(part.data(), static_cast<std::size_t>(size));
  return text;
}

}  // namespace

std::map<std::string, std::string> parse_kernel_config(const std::string& text) {
  std::map<std::string, std::string> values;
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    const std::size_t equals = line.find('=');
    if (!line.starts_with("CONFIG_") || equals == std::string::npos) continue;
    values[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return values;
}

KernelConfig read_kernel_config() {
  utsname kernel{};
  uname(&kernel);
  const std::string release = kernel.release;
  for (const std::string& path : {std::string("/proc/config.gz"), "/boot/config-" + release,
                                  "/lib/modules/" + release + "/config"}) {
    auto values = parse_kernel_config(read_all(path));
    if (!values.empty()) return {.source = path, .values = std::move(values)};
  }
  return {};
}

}  // namespace gray
