// The one file that knows libprotobuf: it checks a set, and its descriptors become our tables.
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>

#include <algorithm>

#include "replay/schema/types.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

namespace pb = google::protobuf;

class FirstError final : public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element, const pb::Message*,
                ErrorLocation, const std::string& what) override {
    if (text.empty()) text = fmt::format("{}: {}: {}", file, element, what);
  }
  std::string text;
};

class Loader {
 public:
  explicit Loader(Schema& schema) : schema_(schema) {}

  void file(const pb::FileDescriptor& file) {
    schema_.packages.insert(file.package());
    for (int i = 0; i < file.enum_type_count(); ++i) enumeration(*file.enum_type(i));
    for (int i = 0; i < file.message_type_count(); ++i) message(*file.message_type(i));
    for (int i = 0; i < file.service_count(); ++i) service(*file.service(i));
  }

 private:
  void enumeration(const pb::EnumDescriptor& from) {
    EnumType& to = schema_.enums[from.full_name()];
    to.name = from.full_name();
    for (int i = 0; i < from.value_count(); ++i) {
      to.names.emplace(from.value(i)->number(), from.value(i)->name());
      to.numbers.emplace(from.value(i)->name(), from.value(i)->number());
    }
  }

  // Nested as deep as libprotobuf lets a message be, which is 100 levels.
  void message(const pb::Descriptor& from) {
    for (int i = 0; i < from.enum_type_count(); ++i) enumeration(*from.enum_type(i));
    for (int i = 0; i < from.nested_type_count(); ++i) message(*from.nested_type(i));
    MessageType& to = schema_.messages[from.full_name()];
    to.name = from.full_name();
    to.map_entry = from.options().map_entry();
    for (int i = 0; i < from.field_count(); ++i) to.fields.push_back(field(*from.field(i)));
    std::sort(to.fields.begin(), to.fields.end(),
              [](const FieldType& a, const FieldType& b) { return a.number < b.number; });
    for (int i = 0; i < from.reserved_range_count(); ++i)
      to.reserved.emplace_back(from.reserved_range(i)->start, from.reserved_range(i)->end);
    for (int i = 0; i < from.reserved_name_count(); ++i)
      to.reserved_names.insert(from.reserved_name(i));
  }

  FieldType field(const pb::FieldDescriptor& from) {
    FieldType to;
    to.number = static_cast<std::uint32_t>(from.number());
    to.kind = static_cast<FieldKind>(from.type());
    to.repeated = from.is_repeated();
    to.required = from.is_required();
    to.presence = from.has_presence();
    to.name = from.name();
    if (const pb::OneofDescriptor* oneof = from.real_containing_oneof()) to.oneof = oneof->index();
    // Nodes of a map stay where they are, so that a type may be named before it is filled.
    if (from.message_type()) to.message = &schema_.messages[from.message_type()->full_name()];
    if (from.enum_type()) to.enumeration = &schema_.enums[from.enum_type()->full_name()];
    return to;
  }

  void service(const pb::ServiceDescriptor& from) {
    for (int i = 0; i < from.method_count(); ++i) {
      const pb::MethodDescriptor& method = *from.method(i);
      schema_.methods[from.full_name() + '/' + method.name()] = {
          &schema_.messages[method.input_type()->full_name()],
          &schema_.messages[method.output_type()->full_name()],
          {method.client_streaming(), method.server_streaming()}};
    }
  }

  Schema& schema_;
};

}  // namespace

std::shared_ptr<const Schema> read_schema(std::string_view bytes, const std::string& name) {
  pb::FileDescriptorSet set;
  if (bytes.size() > (64u << 20) ||
      !set.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || set.file_size() == 0)
    throw UsageError(fmt::format("descriptors {}: no FileDescriptorSet", name));
  pb::SimpleDescriptorDatabase database;
  for (const pb::FileDescriptorProto& file : set.file()) database.Add(file);
  FirstError errors;
  const pb::DescriptorPool pool(&database, &errors);
  auto schema = std::make_shared<Schema>();
  Loader loader(*schema);
  for (const pb::FileDescriptorProto& file : set.file()) {
    const pb::FileDescriptor* found = pool.FindFileByName(file.name());
    if (!found)
      throw UsageError(fmt::format("descriptors {}: {} (made with --include_imports?)", name,
                                   errors.text.empty() ? file.name() : errors.text));
    loader.file(*found);
  }
  return schema;
}

}  // namespace gray
