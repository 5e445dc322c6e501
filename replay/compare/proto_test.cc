// Answers of gRPC calls: messages as trees by the names of descriptors, the status from trailers,
// and no secret of either in what is told.
#include <gtest/gtest.h>

#include "replay/compare/compare.h"
#include "replay/compare/trial_for_test.h"
#include "replay/content/encode.h"
#include "replay/protocol/grpc/frames.h"
#include "replay/schema/proto_file_for_test.h"
#include "replay/schema/wire.h"
#include "replay/scrub/scrubber_for_test.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

std::string shop(const std::string& more = "") {
  return "syntax = \"proto3\"; package shop.v1; message Id { int64 id = 1; }"
         "message User { string phone = 1; string name = 2; bytes picture = 3; int64 pin = 4; }"
         "message Item { string name = 1; int64 price = 2; repeated string tags = 3; User user = 4;"
         " map<string, string> extra = 5; repeated Item parts = 6; " +
         more +
         "} service Shop { rpc Get(Id) returns (Item); rpc List(Id) returns (stream Item); }";
}

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

Response answer(const std::vector<std::string>& messages,
                Headers trailers = {{"grpc-status", "0"}}) {
  Response response = response_of(200, {{"content-type", "application/grpc"}}, "");
  response.version = "2";
  for (const std::string& message : messages) grpc::append_message(response.body, false, message);
  response.body_bytes = response.body.size();
  response.trailers = std::move(trailers);
  return response;
}

Trial call(const Response& production, const Response& canary, const std::string& method = "Get") {
  Trial trial = trial_of(production, canary);
  trial.exchange->request.method = "POST";
  trial.exchange->request.target = "/shop.v1.Shop/" + method;
  trial.exchange->request.headers = {{"content-type", "application/grpc"}};
  return trial;
}

std::string text_of(const Comparison& comparison) {
  std::string all;
  for (const Difference& difference : comparison.differences)
    all += (all.empty() ? "" : "\n") + difference.field + ": " + difference.production + " -> " +
           difference.canary;
  for (const std::string& field : comparison.compatible) all += "\n+ " + field;
  return all;
}

std::shared_ptr<const CurrentSchemas> sets(const std::vector<std::string>& protos) {
  Schemas schemas;
  for (const std::string& proto : protos) schemas.push_back(schema_of(proto));
  return std::make_shared<const CurrentSchemas>(std::move(schemas));
}

struct Shop {
  explicit Shop(std::vector<std::string> protos = {shop()}, CompareOptions options = {},
                Scrubber with = Scrubber::off())
      : scrubber(std::move(with)) {
    options.schemas = sets(protos);
    if (scrubber.on()) scrubber.use_schemas(options.schemas);
    comparator = std::make_unique<Comparator>(options, scrubber);
  }
  std::string compare(const Response& production, const Response& canary,
                      const std::string& method = "Get") const {
    return text_of(comparator->compare(call(production, canary, method)));
  }
  std::string compare(const std::string& production, const std::string& canary) const {
    return compare(answer({production}), answer({canary}));
  }

  Scrubber scrubber;
  std::unique_ptr<Comparator> comparator;
};

const std::string kTea = text(1, "tea") + varint(2, 5);

TEST(CompareProto, FieldsByName) {
  const Shop shop;
  EXPECT_EQ(shop.compare(kTea, varint(2, 5) + text(1, "tea")), "");
  EXPECT_EQ(shop.compare(kTea, text(1, "tea") + varint(2, 6)), "proto.$.price: 5 -> 6");
  EXPECT_EQ(shop.compare(kTea, text(1, "tea")), "proto.$.price: 5 -> ");
  EXPECT_EQ(shop.compare(kTea + text(4, text(2, "Li")), kTea + text(4, text(2, "Han"))),
            R"(proto.$.user.name: "Li" -> "Han")");
  EXPECT_EQ(shop.compare(kTea + text(5, text(1, "a") + text(2, "b")),
                         kTea + text(5, text(1, "a") + text(2, "c"))),
            R"(proto.$.extra.a: "b" -> "c")");
}

TEST(CompareProto, AStreamIsAListOfMessages) {
  const Shop shop;
  EXPECT_EQ(
      shop.compare(answer({kTea, kTea}), answer({kTea, text(1, "tea") + varint(2, 6)}), "List"),
      "proto.$[1].price: 5 -> 6");
  EXPECT_EQ(shop.compare(answer({kTea}), answer({}), "List"), "proto.$[0]: {2 members} -> ");
}

TEST(CompareProto, CompressedIsReadAsTheSame) {
  Response gzip = answer({});
  gzip.headers.push_back({"grpc-encoding", "gzip"});
  grpc::append_message(gzip.body, true, *encode_gzip(kTea));
  gzip.body_bytes = gzip.body.size();
  EXPECT_EQ(Shop().compare(answer({kTea}), gzip), "");
}

TEST(CompareProto, AnAddedFieldIsCompatible) {
  const std::string with_note = kTea + text(9, "hi");
  EXPECT_EQ(Shop().compare(kTea, with_note), "\n+ proto.$.9");
  const Shop both({shop(), shop("string note = 9;")});
  EXPECT_EQ(both.compare(kTea, with_note), "\n+ proto.$.note");
  EXPECT_EQ(both.compare(kTea + text(6, kTea), kTea + text(6, with_note)),
            "\n+ proto.$.parts[0].note");
  // Production has it too: then it is a value like any other.
  EXPECT_EQ(Shop().compare(with_note, kTea + text(9, "ho")), R"(proto.$.9:text: "hi" -> "ho")");
  // Nobody can tell without descriptors.
  const Shop untyped(std::vector<std::string>{});
  EXPECT_EQ(untyped.compare(kTea, with_note), R"(proto.$.9:text:  -> "hi")");
  EXPECT_EQ(untyped.compare(kTea, text(1, "tea") + varint(2, 6)), "proto.$.2:varint: 5 -> 6");
}

TEST(CompareProto, RulesApply) {
  CompareOptions options;
  options.ignores = {"proto.$.price", "proto.$..name", "trailer.x-node"};
  const Shop ignoring({shop()}, options);
  EXPECT_EQ(ignoring.compare(kTea, text(1, "te") + varint(2, 6)), "");
  EXPECT_EQ(ignoring.compare(answer({kTea}, {{"grpc-status", "0"}, {"x-node", "a"}}),
                             answer({kTea}, {{"grpc-status", "0"}, {"x-node", "b"}})),
            "");
  const TestFolder folder;
  CompareOptions rules;
  rules.rules = folder.write("compare.yaml",
                             "compare:\n  rules:\n"
                             "    - {field: proto.$.price, absolute: 1}\n"
                             "    - {field: proto.$.tags, set: true}\n"
                             "    - {field: proto.$.parts, key: name}\n");
  const Shop ruled({shop()}, rules);
  EXPECT_EQ(ruled.compare(kTea + text(3, "a") + text(3, "b"),
                          text(1, "tea") + varint(2, 6) + text(3, "b") + text(3, "a")),
            "");
  const std::string cup = text(1, "cup"), pot = text(1, "pot");
  EXPECT_EQ(ruled.compare(text(6, cup + varint(2, 1)) + text(6, pot),
                          text(6, pot) + text(6, cup + varint(2, 9))),
            "proto.$.parts[0].price: 1 -> 9");
}

TEST(CompareGrpc, TheStatusIsTheOneDifference) {
  const Shop shop;
  const Response ok = answer({kTea});
  const Headers not_found{{"grpc-status", "5"}, {"grpc-message", "no%20tea"}};
  EXPECT_EQ(shop.compare(ok, answer({}, not_found)),
            "trailer.grpc-status: 0 OK -> 5 NOT_FOUND\ntrailer.grpc-message:  -> no tea");
  Response trailers_only = answer({}, {});
  trailers_only.headers.insert(trailers_only.headers.end(), not_found.begin(), not_found.end());
  EXPECT_EQ(shop.compare(answer({}, not_found), trailers_only), "");
  EXPECT_EQ(shop.compare(answer({}, not_found),
                         answer({}, {{"grpc-status", "5"}, {"grpc-message", "no tea"}})),
            "");
  EXPECT_EQ(shop.compare(answer({}, not_found),
                         answer({}, {{"grpc-status", "5"}, {"grpc-message", "none"}})),
            "trailer.grpc-message: no tea -> none");
  const Comparison found = shop.comparator->compare(call(ok, answer({}, not_found)));
  EXPECT_EQ(found.differences[0].cause, Cause::StatusClass);
  Response unseen = answer({kTea}, {});
  unseen.complete = false;
  EXPECT_EQ(shop.compare(unseen, ok), "");
}

TEST(CompareTrailers, OfAnyAnswer) {
  Response production = response_of(200, {}, "x"), canary = production;
  production.trailers = {{"X-Sum", "1"}, {"Server-Timing", "a"}};
  canary.trailers = {{"x-sum", "2"}, {"server-timing", "b"}};
  const Scrubber off = Scrubber::off();
  EXPECT_EQ(text_of(Comparator({}, off).compare(trial_of(production, canary))),
            "trailer.x-sum: 1 -> 2");
}

constexpr const char* kRules = R"(
    - {field: proto.shop.v1.User.phone, action: mask, keep_first: 3, keep_last: 4}
    - {field: proto.shop.v1.User.name, action: drop}
    - {field: proto.shop.v1.User.pin, action: hash}
)";

TEST(CompareProto, WhatIsToldIsScrubbedByTheRulesOfFields) {
  const Shop shop({::gray::shop()}, {}, scrubber_with(kRules));
  const auto user = [](const std::string& fields) { return kTea + text(4, fields); };
  EXPECT_EQ(shop.compare(user(text(1, "00000000000")), user(text(1, "11111111111"))),
            R"(proto.$.user.phone: "000****0000" -> "111****1111")");
  EXPECT_EQ(shop.compare(user(text(2, "Li")), user(text(2, "Han"))), "");  // dropped on both sides
  const std::string pins = shop.compare(user(varint(4, 1234)), user(varint(4, 4321)));
  EXPECT_NE(pins.find("proto.$.user.pin: "), pins.npos);
  EXPECT_EQ(pins.find("1234"), pins.npos) << pins;
  EXPECT_EQ(pins.find("4321"), pins.npos) << pins;
  // The canary echoes what it was sent.
  EXPECT_EQ(shop.compare(user(text(1, "00000000000")), user(text(1, "000****0000"))), "");
  EXPECT_EQ(shop.compare(user(text(2, "Li")), user("")), "");
}

TEST(CompareProto, WhatIsToldIsScrubbedByPatternsToo) {
  const Shop shop({::gray::shop()}, {}, scrubber_with(""));
  const std::string phone = "13812345678";
  const std::string texts[] = {
      shop.compare(text(1, phone), text(1, "13987654321")),
      shop.compare(varint(2, 13812345678), varint(2, 13987654321)),
      shop.compare(text(5, text(1, phone) + text(2, "a")), text(5, text(1, phone) + text(2, "b"))),
      shop.compare(text(3, phone) + text(3, "x"), text(3, phone) + text(3, "y")),
      shop.compare(text(9, phone), text(9, "13987654321")),
  };
  for (const std::string& told : texts) {
    EXPECT_NE(told, "");
    for (const char* secret : {"13812345678", "13987654321"})
      EXPECT_EQ(told.find(secret), told.npos) << told;
  }
  const std::string bytes =
      shop.compare(text(4, text(3, "\xff" + phone)), text(4, text(3, "\xfe")));
  EXPECT_NE(bytes.find("proto.$.user.picture: \""), bytes.npos) << bytes;
  EXPECT_EQ(bytes.find("/zEzODEy"), bytes.npos) << "base64 of it: " << bytes;
  const std::string unknown = shop.compare(text(9, "\xff\x01"), text(9, "\xfe\x01"));
  EXPECT_NE(unknown.find("proto.$.9:bytes: \""), unknown.npos) << unknown;
}

// Over plain HTTP: by number where nothing says the type, by name where the path does.
TEST(CompareProto, OfAMessageAlone) {
  const auto message = [](const std::string& body, const char* type = "application/x-protobuf") {
    return response_of(200, {{"Content-Type", type}}, body);
  };
  const auto compare = [](const Shop& shop, const char* target, const Response& production,
                          const Response& canary) {
    Trial trial = trial_of(production, canary);
    trial.exchange->request.target = target;
    return text_of(shop.comparator->compare(trial));
  };
  const Shop shop;
  const Response tea = message(kTea), dear = message(text(1, "tea") + varint(2, 6));
  EXPECT_EQ(compare(shop, "/price", tea, message(varint(2, 5) + text(1, "tea"))), "");
  EXPECT_EQ(compare(shop, "/price", tea, dear), "proto.$.2:varint: 5 -> 6");
  EXPECT_EQ(compare(shop, "/shop.v1.Shop/Get", tea, dear), "proto.$.price: 5 -> 6");
  EXPECT_EQ(compare(shop, "/price", message("\xff\xff"), message("\xff\xfe")),
            "body: 2 bytes, differs at 1 -> 2 bytes, differs at 1");
  const std::string zipped = encode_gzip(kTea).value();
  Response gzip = message(zipped, "application/protobuf");
  gzip.headers.push_back({"Content-Encoding", "gzip"});
  Response dear_gzip = message(encode_gzip(dear.body).value(), "application/protobuf");
  dear_gzip.headers.push_back({"Content-Encoding", "gzip"});
  EXPECT_EQ(compare(shop, "/price", gzip, dear_gzip), "proto.$.2:varint: 5 -> 6");

  const Shop scrubbing({::gray::shop()}, {}, scrubber_with(kRules));
  const std::string phones =
      compare(scrubbing, "/shop.v1.Shop/Get", message(text(4, text(1, "00000000000"))),
              message(text(4, text(1, "11111111111"))));
  EXPECT_EQ(phones, R"(proto.$.user.phone: "000****0000" -> "111****1111")");
  const std::string untyped = compare(scrubbing, "/users", message(text(4, text(2, "Li"))),
                                      message(text(4, text(2, "Wu"))));
  EXPECT_NE(untyped, "");
  EXPECT_EQ(untyped.find("Li"), untyped.npos) << untyped;
}

TEST(CompareProto, OtherBodiesAreBytes) {
  Response broken = answer({kTea});
  broken.body.pop_back();
  broken.body_bytes = broken.body.size();
  EXPECT_EQ(Shop().compare(answer({kTea}), broken),
            "body: 12 bytes, differs at 11 -> 11 bytes, differs at 11");
}

}  // namespace
}  // namespace gray
