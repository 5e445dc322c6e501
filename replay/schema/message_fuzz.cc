// Any bytes as a protobuf message and as a gRPC body, with and without its type: shown as JSON that
// is JSON, bounded, and as a pair of trees for comparing. The first byte chooses.
#include <nlohmann/json.hpp>

#include "replay/schema/proto_file_for_test.h"
#include "replay/schema/schemas.h"
#include "replay/schema/wire.h"
#include "userspace/base/fuzz.h"

namespace gray {
namespace {

constexpr const char* kProto = R"(
syntax = "proto3";
package f;
enum Level { LOW = 0; HIGH = 1; }
message M {
  string text = 1; bytes data = 2; int32 i = 3; sint64 s = 4; fixed32 f = 5; double d = 6; float g = 7;
  bool b = 8; Level level = 9; M inside = 10; repeated M many = 11; map<string, M> map = 12;
  repeated int64 packed = 13; repeated float floats = 14; oneof one { uint64 u = 15; M other = 16; }
  google.protobuf.Any any = 17; map<int32, Level> levels = 18;
}
service S { rpc One(M) returns (M); rpc Many(stream M) returns (stream M); }
)";

// What a JSON text says that is no JSON is of no use to a program; nests are bounded far below.
void check(const std::string& text) {
  require(nlohmann::json::accept(text), "what is shown is JSON");
}

void one_message(const Schema& schema, const MessageType* type, std::string_view bytes) {
  const auto exact = proto_json(&schema, type, bytes, {.plain_numbers = true});
  const auto text = proto_json(&schema, type, bytes);
  require(exact.has_value() == text.has_value(), "both know a message");
  if (!text) return;
  check(text->text);
  check(exact->text);
  require(is_wire_message(bytes), "a message is fields from end to end");
  require(exact->unknown == text->unknown, "both know the same fields");
  const auto known = proto_json(&schema, type, bytes, {.only = &text->unknown});
  require(known && known->text == text->text, "nothing is left out of what is named");
}

}  // namespace
}  // namespace gray

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gray;
  static const Schemas kSchemas{schema_of(kProto)};
  FuzzInput input(data, size);
  const unsigned choice = input.byte();
  const auto bytes = input.rest();
  const std::string text(bytes.begin(), bytes.end());
  if ((choice & 1) != 0) {
    one_message(*kSchemas[0], (choice & 2) != 0 ? kSchemas[0]->message("f.M") : nullptr, text);
    return 0;
  }
  const char* target = (choice & 2) != 0 ? "/f.S/Many" : "/f.S/None";
  Message production, canary;
  production.headers = {{"content-type", "application/grpc"}, {"grpc-encoding", "gzip"}};
  production.complete = canary.complete = true;
  production.body = text.substr(0, text.size() / 2);
  canary.headers = production.headers;
  canary.body = text.substr(text.size() / 2);
  if (const auto json = grpc_json(kSchemas, target, Side::Response, production)) check(json->text());
  const auto same = grpc_trees(kSchemas, target, production, production);
  require(!same || (same->production == same->canary && same->added.empty()), "equal to itself");
  if (const auto trees = grpc_trees(kSchemas, target, production, canary)) {
    check(trees->production);
    check(trees->canary);
  }
  return 0;
}
