#include "replay/schema/difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace gray {
namespace {

constexpr std::array<std::string_view, 19> kKindNames{
    "",        "double",   "float",    "int64",  "uint64",  "int32", "fixed64",
    "fixed32", "bool",     "string",   "group",  "message", "bytes", "uint32",
    "enum",    "sfixed32", "sfixed64", "sint32", "sint64"};

/// Kinds of one group read each other's bytes.
int wire_group(FieldKind kind) noexcept {
  switch (kind) {
    case FieldKind::Int32:
    case FieldKind::UInt32:
    case FieldKind::Int64:
    case FieldKind::UInt64:
    case FieldKind::Bool:
    case FieldKind::Enum:
      return 100;
    case FieldKind::SInt32:
    case FieldKind::SInt64:
      return 101;
    case FieldKind::String:
    case FieldKind::Bytes:
      return 102;
    case FieldKind::Fixed32:
    case FieldKind::SFixed32:
      return 103;
    case FieldKind::Fixed64:
    case FieldKind::SFixed64:
      return 104;
    default:
      return static_cast<int>(kind);
  }
}

std::string type_name(const FieldType& field) {
  if (field.message) return field.message->name;
  if (field.enumeration) return field.enumeration->name;
  return std::string(kKindNames[static_cast<std::size_t>(field.kind)]);
}

bool reserves(const MessageType& type, std::uint32_t number) noexcept {
  return std::any_of(type.reserved.begin(), type.reserved.end(), [&](const auto& range) {
    return static_cast<std::int64_t>(number) >= range.first &&
           static_cast<std::int64_t>(number) < range.second;
  });
}

class Differ {
 public:
  Differ(const Schema& before, const Schema& after, const std::set<std::string>& packages)
      : before_(before), after_(after), packages_(packages) {}

  std::vector<SchemaChange> run() {
    members(before_.messages, after_.messages, "message",
            [this](const MessageType& a, const MessageType& b) { message(a, b); });
    members(before_.enums, after_.enums, "enum",
            [this](const EnumType& a, const EnumType& b) { enumeration(a, b); });
    methods();
    return std::move(changes_);
  }

 private:
  void add(bool breaking, std::string place, std::string reason) {
    changes_.push_back({breaking, std::move(place), std::move(reason)});
  }

  /// By the longest package that the name, "shop.v1.User" or "shop.v1.Shop/Get", begins with.
  bool looked_at(std::string_view name) const {
    name = name.substr(0, name.find('/'));
    for (std::size_t dot = name.rfind('.'); dot != name.npos; dot = name.rfind('.')) {
      name = name.substr(0, dot);
      const std::string package(name);
      const bool in_before = before_.packages.contains(package);
      const bool in_after = after_.packages.contains(package);
      if (in_before || in_after) return packages_.contains(package);
    }
    return packages_.contains("");
  }

  template <class Map, class Both>
  void members(const Map& before, const Map& after, const char* what, Both&& both) {
    for (const auto& [name, type] : before) {
      if (!looked_at(name)) continue;
      const auto found = after.find(name);
      if (found == after.end())
        add(true, name, fmt::format("{} removed", what));
      else
        both(type, found->second);
    }
    for (const auto& [name, type] : after)
      if (looked_at(name) && !before.contains(name))
        add(false, name, fmt::format("{} added", what));
  }

  void message(const MessageType& before, const MessageType& after) {
    for (const FieldType& field : before.fields) {
      const std::string place = before.name + '.' + field.name;
      const FieldType* now = after.field(field.number);
      if (now)
        changed(place, field, *now);
      else if (const FieldType* moved = after.field(field.name))
        add(true, place, fmt::format("number {} became {}", field.number, moved->number));
      else if (field.required)
        add(true, place, fmt::format("required field {} removed", field.number));
      else if (reserves(after, field.number))
        add(false, place, fmt::format("field {} removed, its number reserved", field.number));
      else
        add(true, place, fmt::format("field {} removed, its number not reserved", field.number));
    }
    for (const FieldType& field : after.fields) {
      if (before.field(field.number) || before.field(field.name)) continue;
      const std::string place = after.name + '.' + field.name;
      if (reserves(before, field.number) || before.reserved_names.contains(field.name))
        add(true, place, fmt::format("field {} was reserved", field.number));
      else if (field.required)
        add(true, place, fmt::format("required field {} added", field.number));
      else
        add(false, place, fmt::format("field {} added", field.number));
    }
  }

  void changed(const std::string& place, const FieldType& before, const FieldType& after) {
    const bool same_types = type_name(before) == type_name(after);
    const bool same_wire =
        wire_group(before.kind) == wire_group(after.kind) && (same_types || !before.message);
    if (before.name != after.name && !same_wire)
      return add(
          true, place,
          fmt::format("number {} reused for {} {}", before.number, type_name(after), after.name));
    if (before.name != after.name) add(false, place, fmt::format("renamed to {}", after.name));
    if (!same_types)
      add(!same_wire, place,
          fmt::format("type changed from {} to {}", type_name(before), type_name(after)));
    if (before.repeated != after.repeated)
      add(true, place, after.repeated ? "became repeated" : "is no longer repeated");
    if (before.required != after.required)
      add(true, place, after.required ? "became required" : "is no longer required");
    if (before.oneof < 0 && after.oneof >= 0) add(true, place, "moved into a oneof");
    if (before.oneof >= 0 && after.oneof < 0) add(true, place, "moved out of a oneof");
  }

  void enumeration(const EnumType& before, const EnumType& after) {
    for (const auto& [name, number] : before.numbers) {
      const auto now = after.numbers.find(name);
      const std::string place = before.name + '.' + name;
      if (now == after.numbers.end())
        add(true, place, fmt::format("value {} removed", number));
      else if (now->second != number)
        add(true, place, fmt::format("value {} became {}", number, now->second));
    }
    for (const auto& [name, number] : after.numbers)
      if (!before.numbers.contains(name))
        add(false, after.name + '.' + name, fmt::format("value {} added", number));
  }

  void methods() {
    members(before_.methods, after_.methods, "method", [](const auto&, const auto&) {});
    for (const auto& [name, before] : before_.methods) {
      const auto found = after_.methods.find(name);
      if (found == after_.methods.end()) continue;
      const MethodType& after = found->second;
      if (before.kind != after.kind)
        add(true, name, fmt::format("{} became {}", before.kind.name(), after.kind.name()));
      if (before.input->name != after.input->name)
        add(true, name,
            fmt::format("takes {} instead of {}", after.input->name, before.input->name));
      if (before.output->name != after.output->name)
        add(true, name,
            fmt::format("gives {} instead of {}", after.output->name, before.output->name));
    }
  }

  const Schema& before_;
  const Schema& after_;
  const std::set<std::string>& packages_;
  std::vector<SchemaChange> changes_;
};

}  // namespace

std::vector<SchemaChange> schema_changes(const Schema& before, const Schema& after,
                                         const std::set<std::string>& packages) {
  return Differ(before, after, packages).run();
}

std::vector<SchemaChange> schema_changes(const Schema& before, const Schema& after) {
  return schema_changes(before, after, shared_packages(before, after));
}

std::set<std::string> shared_packages(const Schema& before, const Schema& after) {
  std::set<std::string> shared;
  for (const std::string& package : before.packages)
    if (package != "google.protobuf" && after.packages.contains(package)) shared.insert(package);
  return shared;
}

std::vector<SchemaPair> version_pairs(const std::vector<std::shared_ptr<const Schema>>& sets) {
  std::vector<SchemaPair> pairs;
  for (std::size_t after = 1; after < sets.size(); ++after) {
    std::set<std::string> found;
    for (std::size_t before = after; before-- > 0;) {
      std::set<std::string> fresh;
      for (const std::string& package : shared_packages(*sets[before], *sets[after]))
        if (found.insert(package).second) fresh.insert(package);
      if (!fresh.empty()) pairs.push_back({before, after, std::move(fresh)});
    }
  }
  return pairs;
}

}  // namespace gray
