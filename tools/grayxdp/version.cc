// The verb `version`: grayxdp's own, the kernel's, and those of the libraries that speak to it.

#include <fmt/format.h>
#include <sys/utsname.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/grayxdp/verbs.h"
#include "userspace/kernel/probe.h"

namespace gray {
namespace {

constexpr const char* kVersion = "0.1.0";

int version(bool as_json) {
  utsname kernel{};
  uname(&kernel);
  const LibraryVersions libraries = library_versions();
  const nlohmann::ordered_json all{{"grayxdp", kVersion},
                                   {"kernel", kernel.release},
                                   {"libbpf", libraries.libbpf},
                                   {"libxdp", libraries.libxdp},
                                   {"libpcap", libraries.libpcap}};
  if (as_json) {
    std::cout << all.dump() << '\n';
    return kExitFine;
  }
  for (const auto& [name, number] : all.items())
    std::cout << fmt::format("{} {}\n", name, number.get<std::string>());
  return kExitFine;
}

}  // namespace

void add_version(CLI::App& app, Action& action) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* sub = app.add_subcommand("version", "versions of grayxdp, kernel and libraries");
  sub->add_flag("--json", *as_json, "as one JSON object");
  sub->footer(
      "Examples:\n"
      "  grayxdp version\n"
      "  grayxdp version --json\n"
      "  grayxdp version --json | jq -r .kernel");
  sub->callback([as_json, &action] { action = [as_json] { return version(*as_json); }; });
}

}  // namespace gray
