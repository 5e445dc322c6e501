// google.protobuf's types with JSON forms of their own, as libprotobuf and as grayxdp write them,
// and values that no form can hold.
#include "replay/schema/well_known.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "replay/schema/proto_file_for_test.h"
#include "replay/schema/proto_json.h"
#include "replay/schema/wire.h"

namespace gray {
namespace {

namespace pb = google::protobuf;

constexpr const char* kProto = R"(
syntax = "proto3";
package known.v1;
import "google/protobuf/any.proto"; import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto"; import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
message All {
  google.protobuf.Timestamp at = 1; google.protobuf.Duration long = 2;
  google.protobuf.FieldMask mask = 3; google.protobuf.Struct struct = 4;
  google.protobuf.Value value = 5; google.protobuf.ListValue list = 6;
  google.protobuf.DoubleValue d = 7; google.protobuf.FloatValue f = 8;
  google.protobuf.Int64Value i64 = 9; google.protobuf.UInt64Value u64 = 10;
  google.protobuf.Int32Value i32 = 11; google.protobuf.UInt32Value u32 = 12;
  google.protobuf.BoolValue b = 13; google.protobuf.StringValue s = 14;
  google.protobuf.BytesValue raw = 15; google.protobuf.Any any = 16;
  repeated google.protobuf.Timestamp times = 17; map<string, google.protobuf.Duration> spans = 18;
  repeated google.protobuf.NullValue nulls = 19;
}
)";

pb::FileDescriptorSet known_set() {
  pb::FileDescriptorSet set;
  for (const pb::Descriptor* type :
       {pb::Any::descriptor(), pb::Duration::descriptor(), pb::FieldMask::descriptor(),
        pb::Struct::descriptor(), pb::Timestamp::descriptor(), pb::DoubleValue::descriptor()})
    type->file()->CopyTo(set.add_file());
  const auto parsed = set_of(kProto);
  *set.add_file() = parsed.file(1);
  auto* imports = set.mutable_file(set.file_size() - 1)->mutable_dependency();
  imports->RemoveLast();  // the one that set_of() adds
  return set;
}

class WellKnown : public testing::Test {
 protected:
  WellKnown() {
    const pb::FileDescriptorSet set = known_set();
    for (const auto& file : set.file()) EXPECT_NE(pool_.BuildFile(file), nullptr) << file.name();
    schema_ = read_schema(set.SerializeAsString(), "test");
    prototype_ = factory_.GetPrototype(pool_.FindMessageTypeByName("known.v1.All"));
  }

  std::string ours(const std::string& bytes, bool plain_numbers = false) const {
    const auto json = proto_json(schema_.get(), schema_->message("known.v1.All"), bytes,
                                 {.plain_numbers = plain_numbers});
    return json ? json->text : "(bad)";
  }
  std::string bytes_of(const std::string& text_format) const {
    const std::unique_ptr<pb::Message> message(prototype_->New());
    EXPECT_TRUE(pb::TextFormat::ParseFromString(text_format, message.get())) << text_format;
    return message->SerializeAsString();
  }

  pb::DescriptorPool pool_;
  pb::DynamicMessageFactory factory_{&pool_};
  const pb::Message* prototype_ = nullptr;
  std::shared_ptr<const Schema> schema_;
};

TEST_F(WellKnown, AreWhatLibprotobufMakesOfThem) {
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  for (const char* text : {
           "at {}",
           "at { seconds: 1767323045 nanos: 120000000 }",
           "at { seconds: 1 nanos: 1 }",
           "at { seconds: -1 nanos: 999999999 }",
           "at { seconds: -62135596800 } times { seconds: 253402300799 nanos: 999999000 }",
           "long { seconds: 3 nanos: 10000 } spans { key: 'a' value { seconds: -3 nanos: "
           "-500000000 } }",
           "long { nanos: -1 } spans { key: '' value {} }",
           "long { seconds: 315576000000 }",
           "mask {} struct {} list {} ",
           "mask { paths: 'a_b.c_d' paths: 'e' }",
           "struct { fields { key: 'b' value { number_value: 1.5 } }"
           " fields { key: 'a' value { null_value: NULL_VALUE } }"
           " fields { key: 'c' value { struct_value { fields { key: 'd' value { bool_value: true } "
           "} } } }"
           " fields { key: 'e' value { list_value { values { string_value: 'x' } values { "
           "number_value: -3 } } } } }",
           "value { string_value: '' }",
           "value { null_value: NULL_VALUE }",
           "value { list_value {} }",
           "d { value: 0.1 } f { value: 0.1 } i64 { value: -9007199254740993 } u64 { value: "
           "18446744073709551615 }",
           "i32 { value: -1 } u32 { value: 4294967295 } b { value: true } s { value: '\\303\\244' "
           "} raw { value: '\\377' }",
           "d {} f {} i64 {} u64 {} i32 {} u32 {} b {} s {} raw {}",
           "any { type_url: 'type.googleapis.com/google.protobuf.Duration' value: '\\010\\005' }",
           "any { type_url: 'type.googleapis.com/google.protobuf.StringValue' value: '\\012\\001x' "
           "}",
           "any { type_url: 'type.googleapis.com/google.protobuf.Struct' value: "
           "'\\012\\007\\012\\001a\\022\\002 \\001' }",
           "nulls: [NULL_VALUE, NULL_VALUE]",
       }) {
    const std::unique_ptr<pb::Message> message(prototype_->New());
    ASSERT_TRUE(pb::TextFormat::ParseFromString(text, message.get())) << text;
    std::string expected;
    ASSERT_TRUE(pb::util::MessageToJsonString(*message, &expected, options).ok()) << text;
    const std::string json = ours(message->SerializeAsString());
    ASSERT_TRUE(nlohmann::json::accept(json)) << json;
    EXPECT_EQ(nlohmann::json::parse(json), nlohmann::json::parse(expected)) << json;
  }
}

TEST_F(WellKnown, WhatNoFormCanHoldIsWrittenAsFields) {
  const std::pair<const char*, const char*> cases[] = {
      {"at { seconds: 253402300800 }", R"({"at":{"seconds":"253402300800"}})"},
      {"at { seconds: -9223372036854775808 }", R"({"at":{"seconds":"-9223372036854775808"}})"},
      {"at { seconds: 1 nanos: -1 }", R"({"at":{"seconds":"1","nanos":-1}})"},
      {"at { seconds: 1 nanos: 1000000000 }", R"({"at":{"seconds":"1","nanos":1000000000}})"},
      {"long { seconds: 1 nanos: -1 }", R"({"long":{"seconds":"1","nanos":-1}})"},
      {"long { seconds: 9223372036854775807 nanos: 2147483647 }",
       R"({"long":{"seconds":"9223372036854775807","nanos":2147483647}})"},
      {"mask { paths: 'fooBar' }", R"({"mask":{"paths":["fooBar"]}})"},
      {"mask { paths: 'a_' }", R"({"mask":{"paths":["a_"]}})"},
      {"value { number_value: nan }", R"({"value":{"number_value":"NaN"}})"},
      {"value {}", R"({"value":{}})"},
  };
  for (const auto& [text, json] : cases) EXPECT_EQ(ours(bytes_of(text)), json) << text;
  EXPECT_EQ(ours("\x0a\x04\x08\x01\x48\x07"), R"({"at":{"seconds":"1","9:varint":"7"}})");
  EXPECT_EQ(ours("\x0a\x02\x08\xff"), "(bad)");
  // The mapping wants a "value"; libprotobuf leaves it out when it is empty.
  EXPECT_EQ(ours(bytes_of("any { type_url: 'x/google.protobuf.Struct' }")),
            R"({"any":{"@type":"x/google.protobuf.Struct","value":{}}})");
}

TEST_F(WellKnown, NumbersMayBePlain) {
  EXPECT_EQ(ours(bytes_of("i64 { value: 5 } u64 {}"), true), R"({"i64":5,"u64":0})");
}

TEST_F(WellKnown, DepthIsBoundedHere) {
  std::string value;
  append_field(value, {4, WireType::Varint, 1, {}});
  for (int i = 0; i < 200; ++i) {
    std::string list, outer;
    append_field(list, {1, WireType::Length, 0, value});
    append_field(outer, {6, WireType::Length, 0, list});
    value = outer;
  }
  std::string all;
  append_field(all, {5, WireType::Length, 0, value});
  EXPECT_EQ(ours(all), "(bad)");
}

// A set of descriptors may call anything by google's names.
TEST(WellKnownNames, WithOtherFieldsAreAnyMessage) {
  const auto schema = read_schema(
      [] {
        auto set = set_of(
            "syntax = \"proto3\"; package google.protobuf; message Timestamp { string seconds = 1; "
            "Timestamp nanos = 2; } message Struct { repeated Struct fields = 1; } message Value { "
            "Value null_value = 1; } message BoolValue { repeated bool value = 1; } "
            "message StringValue { BoolValue value = 1; } message Duration {}");
        return set.SerializeAsString();
      }(),
      "test");
  for (const char* name : {"Timestamp", "Struct", "Value", "BoolValue", "StringValue", "Duration"})
    EXPECT_FALSE(has_special_form(*schema->message(std::string("google.protobuf.") + name)))
        << name;
  EXPECT_EQ(
      proto_json(schema.get(), schema->message("google.protobuf.Timestamp"), "\x0a\x01x")->text,
      R"({"seconds":"x"})");
}

TEST(WellKnownTexts, OfPaths) {
  EXPECT_EQ(field_path_text("a_b.c"), "aB.c");
  for (const char* odd : {"A", "a_", "a__b", "a_1", "a,b"})
    EXPECT_FALSE(field_path_text(odd)) << odd;
}

}  // namespace
}  // namespace gray
