#include "tools/grayxdp/files_and_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "userspace/base/errors.h"

namespace gray {
namespace {

bool is_file(const std::string& argument) {
  constexpr std::array<std::string_view, 4> kEndings{".pcap", ".pcapng", ".cap", ".zst"};
  std::error_code absent;
  return argument == "-" || argument.find('/') != std::string::npos ||
         std::ranges::any_of(kEndings,
                             [&](std::string_view ending) { return argument.ends_with(ending); }) ||
         std::filesystem::exists(argument, absent);
}

}  // namespace

FilesAndFilter files_and_filter(const std::vector<std::string>& arguments,
                                const std::string& expression) {
  auto first_word = arguments.end();
  if (expression.empty() && !arguments.empty())
    first_word = std::find_if_not(arguments.begin() + 1, arguments.end(), is_file);
  FilesAndFilter found{.files = {arguments.begin(), first_word}, .filter = Filter(expression)};
  if (first_word == arguments.end()) return found;
  try {
    found.filter = Filter(fmt::format("{}", fmt::join(first_word, arguments.end(), " ")));
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("{}, and there is no file {}", error.what(), *first_word));
  }
  return found;
}

}  // namespace gray
