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
    for (LeftOut& field : one->left_out) {
      if (side.streams) field.parent = fmt::format("$[{}]{}", i, field.parent.substr(1));
      all.left_out.push_back(std::move(field));
    }
    if (!side.streams) break;
  }
  if (side.streams) all.text += ']';
  return all;
}

/// Of a set that knows the field, its name; else its number.
std::string place_of(const LeftOut& out, const Schema* other) {
  const auto [type, number] = out.field;
  const MessageType* known = other ? other->message(type->name) : nullptr;
  const FieldType* field = known ? known->field(number) : nullptr;
  return fmt::format("{}.{}", out.parent, field ? field->name : std::to_string(number));
}

constexpr ProtoJsonOptions kForComparing{.plain_numbers = true};

/// As document(), and once more when something in it is not what its type says.
std::optional<ProtoJson> any_document(const TypedSide& side,
                                      const std::vector<std::string>& messages,
                                      ProtoJsonOptions options) {
  auto all = document(side, messages, options);
  if (all) return all;
  options.doubt_messages = true;
  return document(side, messages, options);
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

std::string GrpcBodyJson::text() const {
  return streams ? fmt::format("[{}]", fmt::join(messages, ",")) : messages.at(0);
}

std::optional<GrpcBodyJson> grpc_json(const Schemas& schemas, std::string_view target, Side side,
                                      const Message& message) {
  const GrpcMessages found = grpc_messages(message);
  if (found.problem && found.messages.empty()) return std::nullopt;
  TypedSide typed = choose_type(schemas, target, side, found.messages);
  GrpcBodyJson json;
  json.streams = typed.streams || found.messages.size() != 1;
  json.problem = found.problem;
  for (const std::string& bytes : found.messages) {
    auto one = proto_json(typed.schema, typed.type, bytes);
    if (!one) one = proto_json(typed.schema, typed.type, bytes, {.doubt_messages = true});
    if (!one) one = proto_json(nullptr, nullptr, bytes);
    if (!one) return std::nullopt;
    json.messages.push_back(std::move(one->text));
  }
  return json;
}

std::optional<GrpcTrees> grpc_trees(const Schemas& schemas, std::string_view target,
                                    const Message& production, const Message& canary) {
  const GrpcMessages left = grpc_messages(production);
  const GrpcMessages right = grpc_messages(canary);
  if (left.problem || right.problem) return std::nullopt;
  TypedSide typed = choose_type(schemas, target, Side::Response, left.messages);
  typed.streams = typed.streams || left.messages.size() != 1 || right.messages.size() != 1;
  auto ours = any_document(typed, left.messages, kForComparing);
  if (!ours) return std::nullopt;
  auto theirs =
      any_document(typed, right.messages, {.plain_numbers = true, .only = &ours->unknown});
  if (!theirs) return std::nullopt;
  GrpcTrees trees{std::move(ours->text), std::move(theirs->text), {}, typed};
  if (theirs->left_out.empty()) return trees;
  const Schema* other = choose_type(schemas, target, Side::Response, right.messages).schema;
  for (const LeftOut& out : theirs->left_out) trees.added.push_back(place_of(out, other));
  return trees;
}

std::optional<std::string> grpc_tree(const TypedSide& typed, const Message& response) {
  const GrpcMessages found = grpc_messages(response);
  if (found.problem || (!typed.streams && found.messages.size() != 1)) return std::nullopt;
  auto json = any_document(typed, found.messages, kForComparing);
  if (!json) return std::nullopt;
  return std::move(json->text);
}

}  // namespace gray
