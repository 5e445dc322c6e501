#include <gtest/gtest.h>

#include "replay/content/base64.h"
#include "replay/content/decode.h"
#include "replay/content/encode.h"
#include "replay/protocol/grpc/frames.h"
#include "replay/schema/proto_file_for_test.h"
#include "replay/schema/wire.h"
#include "replay/scrub/scrubber_for_test.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr const char* kProto = R"(
syntax = "proto3";
package shop.v1;
enum Level { LOW = 0; HIGH = 1; }
message User {
  string phone = 1; string name = 2; string password = 3; int64 number = 4; bytes picture = 5;
  map<string, string> extra = 6; repeated int64 numbers = 7; User friend = 8; Level level = 9;
  google.protobuf.Any any = 10; double real = 11; string gone = 12; int32 pin = 13;
}
message Order { User user = 1; User other = 2; }
service Shop { rpc Put(User) returns (Order); rpc Ask(Order) returns (User); }
)";

std::string text(std::uint32_t number, std::string_view value) {
  std::string out;
  append_field(out, {number, WireType::Length, 0, value});
  return out;
}
std::string varint(std::uint32_t number, std::uint64_t value) {
  std::string out;
  append_field(out, {number, WireType::Varint, value, {}});
  return out;
}

Request call(const std::string& method, const std::string& message) {
  Request request = post("application/grpc", "");
  request.target = "/shop.v1.Shop/" + method;
  grpc::append_message(request.body, false, message);
  return request;
}

/// The scrubbed message, or the name of why it does not go on.
std::string scrubbed(const Scrubber& scrubber, const std::string& method,
                     const std::string& message) {
  Request request = call(method, message);
  if (const char* refused = scrubber.scrub(request)) return refused;
  const auto messages = grpc::split_messages(request.body);
  EXPECT_EQ(messages.size(), 1u);
  return std::string(messages.at(0).payload);
}

Scrubber typed_scrubber(const std::string& rules) {
  Scrubber scrubber = scrubber_with(rules);
  scrubber.use_schemas(std::make_shared<CurrentSchemas>(Schemas{schema_of(kProto)}));
  return scrubber;
}

/// What the same number becomes in a JSON document: it joins with this one.
std::uint64_t as_in_json(const Scrubber& scrubber, const std::string& digits) {
  const std::uint64_t number = std::stoull(scrubber.scrub_value("json.$.number", digits));
  EXPECT_NE(std::to_string(number), digits);
  return number;
}

constexpr const char* kRules = R"(
    - {field: proto.shop.v1.User.phone, action: mask, keep_first: 3, keep_last: 4}
    - {field: proto.shop.v1.User.picture, action: keep}
    - {field: proto.shop.v1.User.gone, action: drop}
    - {field: proto.shop.v1.Order.other.name, action: mask}
    - {field: proto.shop.v1.User.pin, action: hash}
    - {pattern: '1[3-9][0-9]{9}', action: mask, keep_first: 3, keep_last: 4}
)";

TEST(ScrubProto, FieldsByRule) {
  const Scrubber scrubber = typed_scrubber(kRules);
  const auto put = [&](const std::string& message) { return scrubbed(scrubber, "Put", message); };
  EXPECT_EQ(put(text(1, "13812345678")), text(1, "138****5678"));
  EXPECT_EQ(put(text(5, "\xff\xfe")), text(5, "\xff\xfe"));
  EXPECT_EQ(put(text(12, "x") + text(2, "y")), text(2, "y"));
  EXPECT_EQ(put(text(8, text(8, text(1, "00000000000")))),
            text(8, text(8, text(1, "000****0000"))));
  const std::string user = text(2, "Li");
  EXPECT_EQ(scrubbed(scrubber, "Ask", text(1, user) + text(2, user)),
            text(1, user) + text(2, text(2, "**")));
  const std::string any = text(1, "x/shop.v1.User") + text(2, text(1, "00000000000"));
  EXPECT_EQ(put(text(10, any)),
            text(10, text(1, "x/shop.v1.User") + text(2, text(1, "000****0000"))));
  const std::string hashed = put(varint(13, 1234));
  EXPECT_NE(hashed, varint(13, 1234));
  EXPECT_EQ(hashed, put(varint(13, 1234)));
}

TEST(ScrubProto, NamesAndPatterns) {
  const Scrubber scrubber = typed_scrubber(kRules);
  const auto put = [&](const std::string& message) { return scrubbed(scrubber, "Put", message); };
  EXPECT_EQ(put(text(2, "call 13812345678 now")), text(2, "call 138****5678 now"));
  EXPECT_EQ(put(varint(4, 13812345678)), varint(4, as_in_json(scrubber, "13812345678")));
  EXPECT_EQ(put(varint(4, 42)), varint(4, 42));
  const std::string secret = put(text(3, "hunter2"));
  EXPECT_EQ(secret.size(), text(3, "hunter2").size());
  EXPECT_EQ(secret.find("hunter2"), secret.npos);
  const std::string entry = text(6, text(1, "access_token") + text(2, "hunter2"));
  EXPECT_EQ(put(entry).find("hunter2"), secret.npos);
  EXPECT_NE(put(entry).find("access_token"), secret.npos);
  std::string packed, masked;
  for (const std::uint64_t n : {5u, 6u}) append_varint(packed, n), append_varint(masked, n);
  append_varint(packed, 13812345678);
  append_varint(masked, as_in_json(scrubber, "13812345678"));
  EXPECT_EQ(put(text(7, packed)), text(7, masked));
}

TEST(ScrubProto, WithoutDescriptorsPatternsLook) {
  const Scrubber scrubber = scrubber_with(
      "    - {pattern: '1[3-9][0-9]{9}', action: mask, keep_first: 3, keep_last: 4}\n");
  const auto put = [&](const std::string& message) { return scrubbed(scrubber, "Put", message); };
  EXPECT_EQ(put(text(1, "tel 13812345678")), text(1, "tel 138****5678"));
  EXPECT_EQ(put(text(1, text(2, "13812345678"))), text(1, text(2, "138****5678")));
  EXPECT_EQ(put(varint(1, 13812345678)), varint(1, as_in_json(scrubber, "13812345678")));
  EXPECT_EQ(put(text(1, "\xff\xfe\x01")), "opaque_body");
  EXPECT_EQ(put("\xff"), "bad_proto");
  EXPECT_EQ(put(""), "");
}

TEST(ScrubProto, WhatIsNotUnderstoodDoesNotGoOn) {
  EXPECT_EQ(scrubbed(scrubber_with(kRules), "Put", text(1, "x")), "untyped_proto");
  EXPECT_EQ(scrubbed(typed_scrubber(kRules), "Other", text(1, "x")), "untyped_proto");
  const Scrubber scrubber = typed_scrubber("");
  EXPECT_EQ(scrubbed(scrubber, "Put", text(5, "\xff\xfe")), "opaque_body");
  Request cut = call("Put", text(2, "x"));
  cut.body.pop_back();
  EXPECT_STREQ(scrubber.scrub(cut), "cut_grpc");
  std::string deep;
  for (int i = 0; i < 200; ++i) deep = text(8, deep);
  EXPECT_EQ(scrubbed(scrubber, "Put", deep), "bad_proto");
}

TEST(ScrubProto, CompressedStaysCompressedAndPiecesMove) {
  const Scrubber scrubber = typed_scrubber(kRules);
  Request request = post("application/grpc+proto", "");
  request.target = "/shop.v1.Shop/Put";
  request.headers.push_back({"grpc-encoding", "gzip"});
  grpc::append_message(request.body, true,
                       *encode_gzip(text(12, std::string(300, 'x')) + text(2, "Li")));
  const std::size_t first = request.body.size();
  grpc::append_message(request.body, false, text(12, "gone") + text(2, "Han"));
  request.pieces = {{3, 1}, {first, 2}, {request.body.size(), 3}};
  ASSERT_EQ(scrubber.scrub(request), nullptr);
  const auto messages = grpc::split_messages(request.body);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_TRUE(messages[0].compressed);
  const Coding gzip = Coding::Gzip;
  EXPECT_EQ(decode({&gzip, 1}, messages[0].payload).bytes, text(2, "Li"));
  EXPECT_EQ(messages[1].payload, text(2, "Han"));
  EXPECT_EQ(request.pieces[0].end, 3u);
  EXPECT_EQ(request.pieces[1].end, messages[1].offset);
  EXPECT_EQ(request.pieces[2].end, request.body.size());
}

TEST(ScrubProto, RulesMustNameFieldsThatThereAre) {
  const auto complaint = [](const std::string& field, Schemas schemas) -> std::string {
    Scrubber scrubber = scrubber_with("    - {field: proto." + field + ", action: drop}\n");
    try {
      scrubber.use_schemas(std::make_shared<CurrentSchemas>(std::move(schemas)));
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  const Schemas known{schema_of("syntax = \"proto3\"; message Other {}"), schema_of(kProto)};
  for (const char* good :
       {"shop.v1.User.phone", "shop.v1.Order.user.friend.name", "shop.v1.User.extra.any key",
        "shop.v1.User.any.phone", "shop.v1.User.ExtraEntry.value"})
    EXPECT_EQ(complaint(good, known), "") << good;
  for (const char* bad : {"shop.v1.User.phnoe", "shop.v1.Order.user.phone.x", "shop.v1.User",
                          "shop.v2.User.phone", "phone"})
    EXPECT_NE(complaint(bad, known).find(std::string("proto.") + bad + ": no such field"),
              std::string::npos)
        << bad;
  EXPECT_NE(complaint("shop.v1.User.phone", {}).find("give --descriptors FILE"), std::string::npos);
}

TEST(ScrubProto, ForShowingOpaqueBytesAreAHash) {
  const Scrubber scrubber = typed_scrubber("");
  const auto shown = [&](const std::string& message) {
    Response response;
    response.headers = {{"content-type", "application/grpc"}};
    grpc::append_message(response.body, false, message);
    EXPECT_EQ(scrubber.scrub_grpc("/shop.v1.Shop/Ask", response), nullptr);
    return std::string(grpc::split_messages(response.body).at(0).payload);
  };
  EXPECT_EQ(shown(text(2, "Li")), text(2, "Li"));
  const std::string hash = shown(text(5, "\xff\xfe"));
  EXPECT_EQ(hash.size(), 2u + 32u);
  EXPECT_EQ(shown(text(5, "\xff\xfe")), hash);
  EXPECT_NE(shown(text(5, "\xff\xfd")), hash);
  EXPECT_EQ(shown(text(99, "\xff\xfe")).size(), 3u + 32u);
}

TEST(ScrubProto, BinaryMetadata) {
  const Scrubber scrubber = typed_scrubber(kRules);
  Request request = call("Put", "");
  request.headers.push_back({"x-text-bin", base64_encode("tel 13812345678")});
  request.headers.push_back({"x-message-bin", base64_encode(text(1, text(1, "13812345678")))});
  request.headers.push_back({"x-opaque-bin", base64_encode("\xff\xfe\xfd")});
  ASSERT_EQ(scrubber.scrub(request), nullptr);
  EXPECT_EQ(base64_decode(*find_header(request.headers, "x-text-bin")), "tel 138****5678");
  EXPECT_EQ(base64_decode(*find_header(request.headers, "x-message-bin")),
            text(1, text(1, "138****5678")));
  EXPECT_EQ(find_header(request.headers, "x-opaque-bin"), nullptr);
}

}  // namespace
}  // namespace gray
