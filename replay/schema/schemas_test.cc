// Several sets side by side, files that change, and what changed from one set to another.
#include "replay/schema/schemas.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "replay/content/encode.h"
#include "replay/protocol/grpc/frames.h"
#include "replay/schema/difference.h"
#include "replay/schema/proto_file_for_test.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

std::string shop(const std::string& item, const std::string& rest = "") {
  return "syntax = \"proto3\"; package shop.v1; message Id { int64 id = 1; }"
         "message Item { " +
         item + " } " + rest +
         "service Shop { rpc Get(Id) returns (Item); rpc List(Id) returns (stream Item); }";
}
const std::string kOld = shop("string name = 1; int64 price = 2;");
const std::string kNew = shop("string name = 1; int64 price = 2; string note = 9;");
constexpr const char* kGet = "/shop.v1.Shop/Get";

Response answer(const std::vector<std::string>& messages) {
  Response response;
  for (const std::string& message : messages) grpc::append_message(response.body, false, message);
  return response;
}

const std::string kItem = "\x0a\x03tea\x10\x05";
const std::string kItemWithNote = kItem + "\x4a\x02hi";

TEST(Schemas, MessagesAreReadWithTheSetThatKnowsMost) {
  const Schemas schemas{schema_of(kOld), schema_of(kNew)};
  EXPECT_EQ(choose_type(schemas, kGet, Side::Response, {kItem}).schema, schemas[0].get());
  EXPECT_EQ(choose_type(schemas, kGet, Side::Response, {kItemWithNote}).schema, schemas[1].get());
  EXPECT_EQ(choose_type(schemas, "/x.Y/Get", Side::Response, {kItem}).type, nullptr);
  EXPECT_EQ(grpc_json(schemas, kGet, Side::Response, answer({kItemWithNote}))->text(),
            R"({"name":"tea","price":"5","note":"hi"})");
  EXPECT_EQ(grpc_json({}, kGet, Side::Response, answer({kItem}))->text(),
            R"({"1:text":"tea","2:varint":"5"})");
  EXPECT_EQ(grpc_json(schemas, "/shop.v1.Shop/List", Side::Response, answer({kItem}))->text(),
            R"([{"name":"tea","price":"5"}])");
}

TEST(Schemas, CompressedAndCutBodies) {
  const Schemas schemas{schema_of(kOld)};
  Response response;
  response.headers = {{"grpc-encoding", "gzip"}};
  grpc::append_message(response.body, true, *encode_gzip(kItem));
  EXPECT_EQ(grpc_json(schemas, kGet, Side::Response, response)->text(),
            R"({"name":"tea","price":"5"})");
  response.body.resize(response.body.size() - 1);
  EXPECT_FALSE(grpc_json(schemas, kGet, Side::Response, response));
  response = answer({kItem});
  response.body += std::string(3, '\0');
  EXPECT_STREQ(grpc_json(schemas, kGet, Side::Response, response)->problem, "cut_grpc");
  response = {};
  grpc::append_message(response.body, true, kItem);
  EXPECT_FALSE(grpc_json(schemas, kGet, Side::Response, response));
}

TEST(Schemas, AnAddedFieldIsNoDifferenceAndAChangedOneIs) {
  for (const Schemas& schemas :
       {Schemas{schema_of(kOld)}, Schemas{schema_of(kOld), schema_of(kNew)}}) {
    const auto added = grpc_trees(schemas, kGet, answer({kItem}), answer({kItemWithNote}));
    ASSERT_TRUE(added);
    EXPECT_EQ(added->production, R"({"name":"tea","price":5})");
    EXPECT_EQ(added->canary, added->production);
    EXPECT_EQ(added->added, std::vector<std::string>{schemas.size() > 1 ? "$.note" : "$.9"});
    const auto changed =
        grpc_trees(schemas, kGet, answer({kItem}), answer({"\x0a\x03tea\x10\x06"}));
    EXPECT_EQ(changed->canary, R"({"name":"tea","price":6})");
    EXPECT_TRUE(changed->added.empty());
  }
  // Of what production sends itself, known or not, a change is one.
  const Schemas old{schema_of(kOld)};
  const auto both = grpc_trees(old, kGet, answer({kItemWithNote}), answer({kItem + "\x4a\x02ho"}));
  EXPECT_EQ(both->production, R"({"name":"tea","price":5,"9:text":"hi"})");
  EXPECT_EQ(both->canary, R"({"name":"tea","price":5,"9:text":"ho"})");
  EXPECT_FALSE(grpc_trees(old, kGet, answer({kItem}), answer({"\xff"})));
}

// The canary's field has another type: told by its path, whatever its bytes read as.
TEST(Schemas, AFieldOfAnotherTypeIsADifferenceOfThatField) {
  const Schemas schemas{schema_of(shop("string name = 1; int64 price = 2; Id owner = 3;"))};
  const std::string owner = kItem + "\x1a\x02\x08\x07";
  const auto trees = [&](const std::string& production, const std::string& canary) {
    const auto both = grpc_trees(schemas, kGet, answer({production}), answer({canary}));
    EXPECT_TRUE(both);
    if (!both) return std::string();
    EXPECT_TRUE(both->added.empty());
    return both->production + " " + both->canary;
  };
  const std::string same = R"({"name":"tea","price":5,"owner":{"id":7}})";
  EXPECT_EQ(trees(owner, owner), same + " " + same);
  // A message became a text that is no message.
  EXPECT_EQ(trees(owner, kItem + "\x1a\x02\x7fx"),
            same + R"( {"name":"tea","price":5,"3:bytes":"f3g="})");
  EXPECT_EQ(trees(owner, kItem + "\x1a\x03 ab"),
            same + R"( {"name":"tea","price":5,"3:text":" ab"})");
  // A number became a text, also where production said nothing of it.
  EXPECT_EQ(trees(kItem, "\x0a\x03tea\x12\x01x"),
            R"({"name":"tea","price":5} {"name":"tea","2:text":"x"})");
  EXPECT_EQ(trees("\x0a\x03tea", "\x0a\x03tea\x12\x01x"),
            R"({"name":"tea"} {"name":"tea","2:text":"x"})");
  EXPECT_EQ(grpc_json(schemas, kGet, Side::Response, answer({kItem + "\x1a\x02\x7fx"}))->text(),
            R"({"name":"tea","price":"5","3:bytes":"f3g="})");
}

TEST(Schemas, FilesAreReadAgainWhenTheyChange) {
  std::string folder = std::filesystem::temp_directory_path() / "gray-schema-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/shop.pb";
  const auto write = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  };
  EXPECT_THROW(DescriptorFiles({path}), UsageError);
  write(set_of(kOld).SerializeAsString());
  DescriptorFiles files({path});
  const auto first = files.schemas()[0];
  EXPECT_TRUE(files.reload().empty());
  EXPECT_EQ(files.schemas()[0], first);
  write("broken");
  EXPECT_EQ(files.reload().size(), 1u);
  EXPECT_TRUE(files.reload().empty());  // said once
  EXPECT_EQ(files.schemas()[0], first);
  write(set_of(kNew).SerializeAsString());
  EXPECT_TRUE(files.reload().empty());
  EXPECT_NE(files.schemas()[0]->message("shop.v1.Item")->field("note"), nullptr);
  EXPECT_EQ(first->message("shop.v1.Item")->field("note"), nullptr);
  std::filesystem::remove_all(folder);
}

TEST(Schemas, SetsMustHoldTogether) {
  EXPECT_THROW(read_schema("", "x"), UsageError);
  EXPECT_THROW(read_schema("\xff", "x"), UsageError);
  auto set = set_of(kOld);
  set.mutable_file()->DeleteSubrange(0, 1);  // as without --include_imports
  EXPECT_THROW(read_schema(set.SerializeAsString(), "x"), UsageError);
}

struct Rule {
  const char* before;
  const char* after;
  const char* change;  ///< "! " is breaking, "+ " compatible
};

TEST(SchemaDifference, RuleByRule) {
  const Rule kRules[] = {
      {"string a = 1;", "string a = 1;", ""},
      {"string a = 1;", "string a = 1; int32 b = 2;", "+ shop.v1.Item.b: field 2 added"},
      {"string a = 1;", "", "! shop.v1.Item.a: field 1 removed, its number not reserved"},
      {"string a = 1;", "reserved 1;", "+ shop.v1.Item.a: field 1 removed, its number reserved"},
      {"reserved 1;", "string a = 1;", "! shop.v1.Item.a: field 1 was reserved"},
      {"reserved \"a\";", "string a = 1;", "! shop.v1.Item.a: field 1 was reserved"},
      {"int32 a = 1;", "int64 a = 1;", "+ shop.v1.Item.a: type changed from int32 to int64"},
      {"int32 a = 1;", "sint32 a = 1;", "! shop.v1.Item.a: type changed from int32 to sint32"},
      {"int32 a = 1;", "string a = 1;", "! shop.v1.Item.a: type changed from int32 to string"},
      {"string a = 1;", "bytes a = 1;", "+ shop.v1.Item.a: type changed from string to bytes"},
      {"fixed32 a = 1;", "sfixed32 a = 1;",
       "+ shop.v1.Item.a: type changed from fixed32 to sfixed32"},
      {"fixed32 a = 1;", "float a = 1;", "! shop.v1.Item.a: type changed from fixed32 to float"},
      {"Id a = 1;", "Item a = 1;",
       "! shop.v1.Item.a: type changed from shop.v1.Id to shop.v1.Item"},
      {"string a = 1;", "string b = 1;", "+ shop.v1.Item.a: renamed to b"},
      {"string a = 1;", "int32 b = 1;", "! shop.v1.Item.a: number 1 reused for int32 b"},
      {"string a = 1;", "string a = 2;", "! shop.v1.Item.a: number 1 became 2"},
      {"string a = 1;", "repeated string a = 1;", "! shop.v1.Item.a: became repeated"},
      {"repeated string a = 1;", "string a = 1;", "! shop.v1.Item.a: is no longer repeated"},
      {"string a = 1;", "oneof o { string a = 1; }", "! shop.v1.Item.a: moved into a oneof"},
      {"oneof o { string a = 1; }", "string a = 1;", "! shop.v1.Item.a: moved out of a oneof"},
      {"enum E { Z = 0; A = 1; }", "enum E { Z = 0; }", "! shop.v1.Item.E.A: value 1 removed"},
      {"enum E { Z = 0; A = 1; }", "enum E { Z = 0; A = 2; }",
       "! shop.v1.Item.E.A: value 1 became 2"},
      {"enum E { Z = 0; }", "enum E { Z = 0; A = 1; }", "+ shop.v1.Item.E.A: value 1 added"},
      {"message M {}", "", "! shop.v1.Item.M: message removed"},
      {"", "message M {}", "+ shop.v1.Item.M: message added"},
  };
  for (const Rule& rule : kRules) {
    std::string found;
    for (const SchemaChange& change :
         schema_changes(*schema_of(shop(rule.before)), *schema_of(shop(rule.after))))
      found += (change.breaking ? "! " : "+ ") + change.place + ": " + change.reason;
    EXPECT_EQ(found, rule.change) << rule.before << " to " << rule.after;
  }
}

TEST(SchemaDifference, WhatIsRequiredMayNeitherComeNorGo) {
  const auto changes = [](const char* before, const char* after) {
    const auto schema = [](const std::string& fields) {
      return schema_of("syntax = \"proto2\"; package a; message M { " + fields + " }");
    };
    std::string found;
    for (const SchemaChange& change : schema_changes(*schema(before), *schema(after)))
      found += (change.breaking ? "! " : "+ ") + change.place + ": " + change.reason + "\n";
    return found;
  };
  EXPECT_EQ(changes("", "required int32 a = 1;"), "! a.M.a: required field 1 added\n");
  EXPECT_EQ(changes("", "optional int32 a = 1;"), "+ a.M.a: field 1 added\n");
  EXPECT_EQ(changes("required int32 a = 1;", "reserved 1;"), "! a.M.a: required field 1 removed\n");
  EXPECT_EQ(changes("optional int32 a = 1;", "required int32 a = 1;"),
            "! a.M.a: became required\n");
  EXPECT_EQ(changes("required int32 a = 1;", "optional int32 a = 1;"),
            "! a.M.a: is no longer required\n");
}

TEST(SchemaDifference, VersionsOfAPackageFindEachOtherAcrossOtherSets) {
  const auto set = [](const std::string& package) {
    return schema_of("syntax = \"proto3\"; package " + package + "; message M {}");
  };
  std::string pairs;
  for (const SchemaPair& pair :
       version_pairs({set("shop"), set("users"), set("shop"), set("shop"), set("users")})) {
    pairs += std::to_string(pair.before) + " to " + std::to_string(pair.after) + ":";
    for (const std::string& package : pair.packages) pairs += " " + package;
    pairs += "\n";
  }
  EXPECT_EQ(pairs, "0 to 2: shop\n2 to 3: shop\n1 to 4: users\n");
}

TEST(SchemaDifference, Methods) {
  const auto service = [](const std::string& methods) {
    return schema_of("syntax = \"proto3\"; package a; message M {} message N {} service S { " +
                     methods + " }");
  };
  const auto changes = [&](const char* before, const char* after) {
    std::string found;
    for (const SchemaChange& change : schema_changes(*service(before), *service(after)))
      found += (change.breaking ? "! " : "+ ") + change.place + ": " + change.reason + "\n";
    return found;
  };
  EXPECT_EQ(changes("rpc A(M) returns (N);", ""), "! a.S/A: method removed\n");
  EXPECT_EQ(changes("", "rpc A(M) returns (N);"), "+ a.S/A: method added\n");
  EXPECT_EQ(changes("rpc A(M) returns (N);", "rpc A(M) returns (stream N);"),
            "! a.S/A: unary became server_streaming\n");
  EXPECT_EQ(changes("rpc A(M) returns (N);", "rpc A(N) returns (M);"),
            "! a.S/A: takes a.N instead of a.M\n! a.S/A: gives a.M instead of a.N\n");
}

}  // namespace
}  // namespace gray
