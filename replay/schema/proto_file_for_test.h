// What the tests and fuzz targets of schemas share: sets made of .proto text by libprotobuf's own
// parser.
#pragma once

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <stdexcept>
#include <string>

#include "replay/schema/types.h"

namespace gray {

class ParseErrors final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber, const std::string& what) override {
    throw std::logic_error("line " + std::to_string(line + 1) + ": " + what);
  }
};

/// With google.protobuf.Any beside it, which `text` may use without an import.
inline google::protobuf::FileDescriptorSet set_of(const std::string& text) {
  google::protobuf::FileDescriptorSet set;
  const auto add = [&](const std::string& name, const std::string& source) {
    google::protobuf::io::ArrayInputStream stream(source.data(), static_cast<int>(source.size()));
    ParseErrors errors;
    google::protobuf::io::Tokenizer tokenizer(&stream, &errors);
    google::protobuf::compiler::Parser parser;
    parser.RecordErrorsTo(&errors);
    if (!parser.Parse(&tokenizer, set.add_file())) throw std::logic_error(name + " is no .proto");
    set.mutable_file(set.file_size() - 1)->set_name(name);
  };
  add("google/protobuf/any.proto",
      "syntax = \"proto3\"; package google.protobuf;"
      "message Any { string type_url = 1; bytes value = 2; }");
  add("test.proto", text);
  set.mutable_file(1)->add_dependency("google/protobuf/any.proto");
  return set;
}

inline std::shared_ptr<const Schema> schema_of(const std::string& text) {
  return read_schema(set_of(text).SerializeAsString(), "test");
}

}  // namespace gray
