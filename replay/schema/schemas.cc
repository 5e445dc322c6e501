#include "replay/schema/schemas.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>
#include <limits>
#include <sstream>

#include "replay/content/grpc_messages.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

std::shared_ptr<const Schema> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf()))
    throw UsageError(fmt::format("descriptors {}: cannot be read, or empty", path));
  return read_schema(text.str(), path);
}

/// Fields that the type does not know, in all messages; the largest number when one is none.
std::size_t unknown_fields(const Schema& schema, const MessageType& type,
                           const std::vector<std::string>& messages) {
  std::size_t count = 0;
  for (const std::string& message : messages) {
    const auto json = proto_json(&schema, &type, message);
    if (!json) return std::numeric_limits<std::size_t>::max();
    count += json->unknown.size();
  }
  return count;
}

/// One document of all messages, or nothing.
std::optional<ProtoJson> document(const TypedSide& side, const std::vector<std::string>& messages,
                                  const ProtoJsonOptions& options) {
  ProtoJson all;
  if (side.streams) all.text = "[";
  for (std::size_t i = 0; i < messages.size(); ++i) {
    auto one = proto_json(side.schema, side.type, messages[i], options);
    if (!one) return std::nullopt;
    if (i > 0) all.text += ',';
    all.text += one->text;
    all.unknown.merge(one->unknown);
    for (std::string& place : one->left_out)
      all.left_out.push_back(side.streams ? fmt::format("$[{}]{}", i, place.substr(1)) : place);
    if (!side.streams) break;
  }
  if (side.streams) all.text += ']';
  return all;
}

}  // namespace

bool DescriptorFiles::look(File& file) {
  struct stat status {};
  if (::stat(file.path.c_str(), &status) != 0) return false;
  const std::int64_t time = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
  const bool changed = time != file.time_ns || status.st_size != file.size;
  file.time_ns = time;
  file.size = status.st_size;
  return changed;
}

DescriptorFiles::DescriptorFiles(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    look(files_.emplace_back(File{path}));
    schemas_.push_back(read_file(path));
  }
}

std::vector<std::string> DescriptorFiles::reload() {
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (!look(files_[i])) continue;
    try {
      schemas_[i] = read_file(files_[i].path);
    } catch (const UsageError& error) {
      problems.push_back(std::string(error.what()) + "; the old ones stay");
    }
  }
  return problems;
}

TypedSide choose_type(const Schemas& schemas, std::string_view target, Side side,
                      const std::vector<std::string>& messages) {
  TypedSide best{nullptr, nullptr, messages.size() != 1};
  const std::size_t slash = target.rfind('/');
  if (!target.starts_with('/') || slash == 0) return best;
  std::size_t fewest = std::numeric_limits<std::size_t>::max();
  for (const auto& schema : schemas) {
    const MethodType* method =
        schema->method(target.substr(1, slash - 1), target.substr(slash + 1));
    if (!method) continue;
    const MessageType& type = side == Side::Request ? *method->input : *method->output;
    const std::size_t unknown = unknown_fields(*schema, type, messages);
    if (best.type && unknown >= fewest) continue;
    fewest = unknown;
    best = {schema.get(), &type,
            side == Side::Request ? method->kind.client_streams : method->kind.server_streams};
  }
  return best;
}

std::optional<GrpcBodyJson> grpc_json(const Schemas& schemas, std::string_view target, Side side,
                                      const Message& message) {
  const GrpcMessages found = grpc_messages(message);
  if (found.problem && found.messages.empty()) return std::nullopt;
  TypedSide typed = choose_type(schemas, target, side, found.messages);
  typed.streams = typed.streams || found.messages.size() != 1;
  auto json = document(typed, found.messages, {});
  if (!json) json = document({nullptr, nullptr, typed.streams}, found.messages, {});
  if (!json) return std::nullopt;
  return GrpcBodyJson{std::move(json->text), found.problem};
}

std::optional<GrpcTrees> grpc_trees(const Schemas& schemas, std::string_view target,
                                    const Message& production, const Message& canary) {
  const GrpcMessages left = grpc_messages(production);
  const GrpcMessages right = grpc_messages(canary);
  if (left.problem || right.problem) return std::nullopt;
  TypedSide typed = choose_type(schemas, target, Side::Response, left.messages);
  typed.streams = typed.streams || left.messages.size() != 1 || right.messages.size() != 1;
  auto ours = document(typed, left.messages, {.plain_numbers = true});
  if (!ours) return std::nullopt;
  auto theirs = document(typed, right.messages, {.plain_numbers = true, .only = &ours->unknown});
  if (!theirs) return std::nullopt;
  return GrpcTrees{std::move(ours->text), std::move(theirs->text), std::move(theirs->left_out)};
}

}  // namespace gray
