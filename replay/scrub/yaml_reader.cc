#include "replay/scrub/yaml_reader.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr std::size_t kMaxFile = 1u << 20;

std::string read_file(std::string_view what, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || std::filesystem::is_directory(path) || !(text << file.rdbuf()))
    throw UsageError(fmt::format("{} {}: cannot be read, or empty", what, path));
  if (text.str().size() > kMaxFile)
    throw UsageError(fmt::format("{} {}: longer than {} bytes", what, path, kMaxFile));
  return text.str();
}

}  // namespace

YAML::Node YamlReader::load() const {
  return YAML::Load(read_file(what_, path_));
}

// yaml-cpp counts from 0, people and editors from 1.
std::string YamlReader::place(const YAML::Mark& mark) const {
  return mark.is_null() ? path_ + ": "
                        : fmt::format("{}:{}:{}: ", path_, mark.line + 1, mark.column + 1);
}

void YamlReader::fail(const YAML::Node& node, const std::string& what) const {
  throw UsageError(place(node.Mark()) + what);
}

void YamlReader::check_map(const YAML::Node& node, std::string_view what,
                           const std::set<std::string>& known) const {
  if (!node.IsMap()) fail(node, fmt::format("{} must be a map", what));
  std::set<std::string> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) fail(entry.first, "a key must be a word");
    const std::string& key = entry.first.Scalar();
    if (!known.contains(key))
      fail(entry.first,
           fmt::format("unknown key '{}' in {}: want {}", key, what, fmt::join(known, ", ")));
    if (!seen.insert(key).second) fail(entry.first, fmt::format("'{}' stands twice", key));
  }
}

std::string YamlReader::scalar(const YAML::Node& node, std::string_view what) const {
  if (!node.IsScalar()) fail(node, fmt::format("{} must be a text", what));
  return node.Scalar();
}

bool YamlReader::read_bool(const YAML::Node& node, std::string_view what) const {
  const std::string text = scalar(node, what);
  if (text != "true" && text != "false") fail(node, fmt::format("{} must be true or false", what));
  return text == "true";
}

}  // namespace gray
