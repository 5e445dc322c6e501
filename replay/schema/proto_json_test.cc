// Messages of random content, as libprotobuf and as grayxdp make JSON of them.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "replay/schema/proto_file_for_test.h"
#include "replay/schema/proto_json.h"
#include "replay/schema/wire.h"

namespace gray {
namespace {

namespace pb = google::protobuf;
using namespace std::string_literals;

constexpr const char* kProto = R"(
syntax = "proto3";
package rich.v1;
enum Colour { NONE = 0; RED = 1; BLUE = -5; }
message Leaf { string text = 1; sint64 number = 2; optional int32 maybe = 3; }
message Tree {
  double d = 1; float f = 2; int64 i64 = 3; uint64 u64 = 4; int32 i32 = 5; fixed64 x64 = 6;
  fixed32 x32 = 7; bool b = 8; string s = 9; bytes raw = 10; uint32 u32 = 11; Colour colour = 12;
  sfixed32 sx32 = 13; sfixed64 sx64 = 14; sint32 si32 = 15; sint64 si64 = 16;
  repeated int32 many = 17; repeated double reals = 18; repeated string words = 19;
  repeated Colour colours = 20; repeated Leaf leaves = 21; Tree child = 22;
  map<string, int32> counts = 23; map<int64, Leaf> by_id = 24; map<bool, bytes> flags = 25;
  oneof choice { string name = 26; Leaf leaf = 27; int32 code = 28; }
  repeated uint64 loose = 29 [packed = false]; optional bool sure = 30;
  google.protobuf.Any any = 31; map<uint32, Colour> paints = 1000;
}
service Trees { rpc Grow(stream Leaf) returns (Tree); }
)";

class Random {
 public:
  explicit Random(unsigned seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  std::uint64_t bits() { return below(3) == 0 ? below(300) : random_() >> below(64); }

  void fill(pb::Message& message, int depth) {
    const pb::Descriptor& type = *message.GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
      const pb::FieldDescriptor& field = *type.field(i);
      if (below(2) == 0 || (depth == 0 && field.message_type())) continue;
      const std::uint64_t times = field.is_repeated() ? below(4) : 1;
      for (std::uint64_t n = 0; n < times; ++n) set(message, field, depth);
    }
  }

 private:
  std::string text() {
    std::string text;
    for (std::uint64_t n = below(12); n > 0; --n)
      text += below(9) == 0 ? "\xe4\xbd\xa0"s : std::string(1, static_cast<char>(below(128)));
    return text;
  }

  void set(pb::Message& message, const pb::FieldDescriptor& field, int depth) {
    const pb::Reflection& on = *message.GetReflection();
    const bool add = field.is_repeated();
    const std::uint64_t n = bits();
    switch (field.cpp_type()) {
#define GRAY_SET(CASE, TYPE, VALUE)                                                      \
  case pb::FieldDescriptor::CPPTYPE_##CASE:                                              \
    add ? on.Add##TYPE(&message, &field, VALUE) : on.Set##TYPE(&message, &field, VALUE); \
    break;
      GRAY_SET(INT32, Int32, static_cast<std::int32_t>(n))
      GRAY_SET(INT64, Int64, static_cast<std::int64_t>(n))
      GRAY_SET(UINT32, UInt32, static_cast<std::uint32_t>(n))
      GRAY_SET(UINT64, UInt64, n)
      GRAY_SET(DOUBLE, Double, static_cast<double>(n) / 1024 - 5)
      GRAY_SET(FLOAT, Float, static_cast<float>(n % 1000) / 8)
      GRAY_SET(BOOL, Bool, n % 2 == 1)
      GRAY_SET(ENUM, EnumValue, n % 2 ? 1 : n % 3 ? -5 : 7)
      GRAY_SET(STRING, String, text())
#undef GRAY_SET
      case pb::FieldDescriptor::CPPTYPE_MESSAGE: {
        pb::Message& inside =
            add ? *on.AddMessage(&message, &field) : *on.MutableMessage(&message, &field);
        if (inside.GetDescriptor()->full_name() == "google.protobuf.Any")
          fill_any(inside, message, depth);
        else
          fill(inside, depth - 1);
      }
    }
  }

  void fill_any(pb::Message& any, const pb::Message& tree, int depth) {
    const pb::Descriptor& type = *any.GetDescriptor();
    std::unique_ptr<pb::Message> inside(tree.New());
    fill(*inside, depth - 1);
    any.GetReflection()->SetString(&any, type.FindFieldByNumber(1),
                                   "type.googleapis.com/rich.v1.Tree");
    any.GetReflection()->SetString(&any, type.FindFieldByNumber(2), inside->SerializeAsString());
  }

  std::mt19937_64 random_;
};

/// A pool of libprotobuf's and a schema of ours, of the same text.
class ProtoJsonTest : public ::testing::Test {
 protected:
  ProtoJsonTest() {
    const pb::FileDescriptorSet set = set_of(kProto);
    for (const auto& file : set.file()) pool_.BuildFile(file);
    schema_ = read_schema(set.SerializeAsString(), "test");
    prototype_ = factory_.GetPrototype(pool_.FindMessageTypeByName("rich.v1.Tree"));
  }

  const MessageType* tree() const { return schema_->message("rich.v1.Tree"); }
  std::string json(std::string_view bytes) const {
    const auto result = proto_json(schema_.get(), tree(), bytes);
    return result ? result->text : "(bad)";
  }

  pb::DescriptorPool pool_;
  pb::DynamicMessageFactory factory_{&pool_};
  const pb::Message* prototype_ = nullptr;
  std::shared_ptr<const Schema> schema_;
};

TEST_F(ProtoJsonTest, IsWhatLibprotobufMakesOfIt) {
  Random random(7);
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  for (int i = 0; i < 2000; ++i) {
    const std::unique_ptr<pb::Message> message(prototype_->New());
    random.fill(*message, 3);
    std::string expected;
    ASSERT_TRUE(pb::util::MessageToJsonString(*message, &expected, options).ok());
    const std::string bytes = message->SerializeAsString();
    const std::string ours = json(bytes);
    ASSERT_EQ(nlohmann::json::parse(ours), nlohmann::json::parse(expected)) << ours;
  }
}

TEST_F(ProtoJsonTest, ReadAndWrittenAgainIsTheSame) {
  Random random(8);
  for (int i = 0; i < 2000; ++i) {
    const std::unique_ptr<pb::Message> message(prototype_->New());
    random.fill(*message, 3);
    const std::string bytes = message->SerializeAsString();
    std::string again;
    WireReader reader(bytes);
    for (WireField field; reader.next(field);) append_field(again, field);
    ASSERT_FALSE(reader.bad());
    ASSERT_EQ(again, bytes);
  }
}

TEST_F(ProtoJsonTest, AnyBytesMayBePutIn) {
  Random random(9);
  for (int i = 0; i < 3000; ++i) {
    const std::unique_ptr<pb::Message> message(prototype_->New());
    random.fill(*message, 2);
    std::string bytes = message->SerializeAsString();
    if (bytes.empty()) continue;
    for (int n = 0; n < 3; ++n)
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    bytes.resize(random.below(bytes.size()) + 1);
    const std::string ours = json(bytes);
    if (ours != "(bad)") {
      ASSERT_TRUE(nlohmann::json::accept(ours)) << ours;
    }
    if (const auto guess = proto_json(nullptr, nullptr, bytes)) {
      ASSERT_TRUE(nlohmann::json::accept(guess->text)) << guess->text;
    }
  }
  EXPECT_EQ(json(std::string(200, '\x0b')), "(bad)");  // groups without an end
  std::string deep;
  for (int i = 0; i < 5000; ++i) {
    std::string outer;
    append_field(outer, {22, WireType::Length, 0, deep});
    deep = outer;
  }
  EXPECT_EQ(json(deep), "(bad)");
}

TEST_F(ProtoJsonTest, WhatTheWireMayDo) {
  EXPECT_EQ(json("\x28\x01\x28\x02"), R"({"i32":2})");    // the last counts
  EXPECT_EQ(json("\x28\x00"s), "{}");                     // the default is nothing
  EXPECT_EQ(json("\xf0\x01\x00"s), R"({"sure":false})");  // unless it may be absent
  EXPECT_EQ(json("\x88\x01\x05\x8a\x01\x02\x06\x07"), R"({"many":[5,6,7]})");  // packed or not
  EXPECT_EQ(json("\xd2\x01\x01x\xe0\x01\x05"), R"({"code":5})");  // of a oneof the last
  EXPECT_EQ(json("\xaa\x01\x02\x10\x02"), R"({"leaves":[{"number":"1"}]})");
  EXPECT_EQ(json("\xb2\x01\x02\x28\x05\xb2\x01\x02\x40\x01"), R"({"child":{"i32":5,"b":true}})");
  EXPECT_EQ(json("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), R"({"i32":-1})");
}

TEST_F(ProtoJsonTest, UnknownFieldsAreNamedByNumber) {
  EXPECT_EQ(json("\x2d\x01\x00\x00\x00"s), R"({"5:fixed32":1})");  // not the type it should have
  const auto found =
      proto_json(schema_.get(), tree(), "\x28\x01\xca\x3e\x02hi\xb2\x01\x03\xf8\x06\x07");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->text, R"({"i32":1,"child":{"111:varint":"7"},"1001:text":"hi"})");
  const std::set<UnknownField> none;
  const auto less = proto_json(schema_.get(), tree(),
                               "\x28\x01\xca\x3e\x02hi\xb2\x01\x03\xf8\x06\x07", {.only = &none});
  EXPECT_EQ(less->text, R"({"i32":1,"child":{}})");
  ASSERT_EQ(less->left_out.size(), 2u);
  EXPECT_EQ(less->left_out[0].parent, "$.child");
  EXPECT_EQ(less->left_out[0].field.second, 111u);
  EXPECT_EQ(less->left_out[1].parent, "$");
  EXPECT_EQ(less->left_out[1].field.second, 1001u);
}

TEST(ProtoJson, WithoutDescriptors) {
  const auto json = [](std::string_view bytes) {
    const auto found = proto_json(nullptr, nullptr, bytes, {.plain_numbers = true});
    return found ? found->text : "(bad)";
  };
  EXPECT_EQ(json("\x08\x05\x12\x02hi"), R"({"1:varint":5,"2:text":"hi"})");
  EXPECT_EQ(json("\x08\x05\x08\x06"), R"({"1:varint":[5,6]})");
  EXPECT_EQ(json("\x0a\x04\x08\x05\x10\x01"), R"({"1:message?":{"1:varint":5,"2:varint":1}})");
  EXPECT_EQ(json("\x0a\x02\xff\xfe"), R"({"1:bytes":"//4="})");
  EXPECT_EQ(json("\x0b\x08\x01\x0c"), R"({"1:group":{"1:varint":1}})");
  EXPECT_EQ(json("\x0a\x09"
                 "abc"),
            "(bad)");
  EXPECT_EQ(json(""), "{}");
}

}  // namespace
}  // namespace gray
