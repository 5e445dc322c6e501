#include <gtest/gtest.h>

#include <limits>

#include "replay/protocol/grpc/call.h"
#include "replay/protocol/grpc/frames.h"
#include "replay/protocol/grpc/metadata.h"

namespace gray::grpc {
namespace {

using namespace std::string_literals;

Request call_of(const std::string& target, const std::string& type = "application/grpc") {
  Request request;
  request.method = "POST";
  request.target = target;
  request.headers = {{"content-type", type}, {"te", "trailers"}};
  return request;
}

TEST(GrpcFrames, BodiesAreMessages) {
  const std::string body = "\0\0\0\0\3abc"s + "\1\0\0\0\2xy"s + "\0\0\0\0\0"s;
  const Framing framing = read_framing(body);
  ASSERT_EQ(framing.messages.size(), 3u);
  EXPECT_EQ(framing.rest, Framing::Rest::None);
  EXPECT_EQ(framing.framed, body.size());
  EXPECT_EQ(framing.messages[0].payload, "abc");
  EXPECT_FALSE(framing.messages[0].compressed);
  EXPECT_EQ(framing.messages[1].payload, "xy");
  EXPECT_TRUE(framing.messages[1].compressed);
  EXPECT_EQ(framing.messages[1].offset, 8u);
  EXPECT_EQ(framing.messages[2].payload, "");
  EXPECT_TRUE(read_framing("").messages.empty());

  std::string again;
  for (const MessageFrame& message : framing.messages)
    append_message(again, message.compressed, message.payload);
  EXPECT_EQ(again, body);
}

TEST(GrpcFrames, EachCutEndsBeforeTheCutMessage) {
  const std::string body = "\0\0\0\0\3abc"s + "\1\0\0\0\2xy"s;
  for (std::size_t size = 0; size < body.size(); ++size) {
    const Framing framing = read_framing(std::string_view(body).substr(0, size));
    EXPECT_EQ(framing.messages.size(), size >= 8 ? 1u : 0u) << size;
    EXPECT_EQ(framing.framed, size >= 8 ? 8u : 0u) << size;
    EXPECT_EQ(framing.rest, size == 0 || size == 8 ? Framing::Rest::None : Framing::Rest::Cut)
        << size;
  }
}

TEST(GrpcFrames, OtherBytesAreNoMessages) {
  EXPECT_EQ(read_framing("{\"a\":1}").rest, Framing::Rest::BadFlag);
  EXPECT_EQ(read_framing("\0\xff\xff\xff\xff"s + "x").rest, Framing::Rest::Cut);
  const Framing mixed = read_framing("\0\0\0\0\1a\2\0\0\0\1b"s);
  EXPECT_EQ(mixed.messages.size(), 1u);
  EXPECT_EQ(mixed.rest, Framing::Rest::BadFlag);
  EXPECT_EQ(split_messages("\0\0\0\0\1a\2\0\0\0\1b"s).size(), 1u);
}

TEST(GrpcCall, IsReadFromHeadersAndTrailers) {
  Request request = call_of("/shop.v1.Shop/GetItem", "application/grpc+proto");
  request.headers.push_back({"grpc-timeout", "1500m"});
  request.headers.push_back({"grpc-encoding", "gzip"});
  request.body = "\0\0\0\0\0"s;
  Response response;
  response.status = 200;
  response.headers = {{"grpc-encoding", "identity"}};
  response.trailers = {{"grpc-status", "5"}, {"grpc-message", "no item %e4%bd%a0 100%"}};
  response.body = "\0\0\0\0\0\0\0\0\0\1x"s;
  const auto call = read_call(request, &response);
  ASSERT_TRUE(call);
  EXPECT_EQ(call->service, "shop.v1.Shop");
  EXPECT_EQ(call->method, "GetItem");
  EXPECT_EQ(call->timeout, "1500m");
  EXPECT_EQ(call->request_encoding, "gzip");
  EXPECT_EQ(call->response_encoding, "identity");
  EXPECT_EQ(call->status, 5);
  EXPECT_EQ(call->status_message, "no item \xe4\xbd\xa0 100%");
  EXPECT_EQ(call->request_messages, 1u);
  EXPECT_EQ(call->response_messages, 2u);
}

TEST(GrpcCall, TrailersOnlyAndNotSeen) {
  Response trailers_only;
  trailers_only.headers = {{"content-type", "application/grpc"}, {"grpc-status", "12"}};
  EXPECT_EQ(read_call(call_of("/a.B/C"), &trailers_only)->status, 12);
  Response cut;
  EXPECT_EQ(read_call(call_of("/a.B/C"), &cut)->status, std::nullopt);
  EXPECT_EQ(read_call(call_of("/a.B/C"), nullptr)->status, std::nullopt);
  for (const char* odd : {"", "-1", "0x", "5 ", "99999999999"}) {
    cut.trailers = {{"grpc-status", odd}};
    EXPECT_EQ(read_call(call_of("/a.B/C"), &cut)->status, std::nullopt) << odd;
  }
}

TEST(GrpcCall, IsInferredFromBodiesWhereTheMediaTypeCannotBeKnown) {
  const std::string unknown(kUnknownHeaderText);
  Request request = call_of(unknown);
  request.headers = {{unknown, unknown}, {"x-call", "7"}};
  request.unknown_headers = 2;
  request.body = "\0\0\0\0\1a\0\0\0\0\2bc"s;
  Response response;
  response.body = "\0\0\0\0\1z"s;
  const auto call = read_call(request, &response);
  ASSERT_TRUE(call);
  EXPECT_FALSE(says_grpc(request.headers));
  EXPECT_EQ(call->request_messages, 2u);
  EXPECT_EQ(call->response_messages, 1u);
  EXPECT_EQ(call->service + call->method, "");
  EXPECT_EQ(call->status, std::nullopt);
  EXPECT_TRUE(says_grpc(call_of("/a.B/C").headers));

  response.body = "{}";
  EXPECT_FALSE(read_call(request, &response)) << "an answer of another make";
  Request other = request;
  other.body += 'x';
  EXPECT_FALSE(read_call(other, nullptr)) << "not whole messages";
  other.body.clear();
  EXPECT_FALSE(read_call(other, nullptr)) << "nothing to tell it by";
  other = request;
  other.truncated = true;
  EXPECT_FALSE(read_call(other, nullptr)) << "its end is not there";
  other = request;
  other.headers.push_back({"content-type", "application/json"});
  EXPECT_FALSE(read_call(other, nullptr)) << "known to be something else";
  other = request;
  other.unknown_headers = 0;
  EXPECT_FALSE(read_call(other, nullptr)) << "there is no content-type";
}

TEST(GrpcCall, BinaryMetadataIsPutIntoBase64) {
  Headers headers{{"a-bin", "\0\0\1\2\xff"s},
                  {"b-bin", "\0"s},
                  {"c-bin", "\0abc"s},
                  {"d-bin", "AAEC"},
                  {"plain", "\0abc"s},
                  {"bin", "\0abc"s},
                  {"e-bin", std::string(kUnknownHeaderText)}};
  put_binary_metadata_into_base64(headers);
  EXPECT_EQ(headers[0].value, "AAEC/w");
  EXPECT_EQ(headers[1].value, "");
  EXPECT_EQ(headers[2].value, "YWJj");
  EXPECT_EQ(headers[3].value, "AAEC");
  EXPECT_EQ(headers[4].value, "\0abc"s);
  EXPECT_EQ(headers[5].value, "\0abc"s);
  EXPECT_EQ(headers[6].value, kUnknownHeaderText);
}

TEST(GrpcCall, OnlyOfItsMediaType) {
  for (const char* type :
       {"application/grpc", "Application/gRPC", "application/grpc+json", "application/grpc;x=y"})
    EXPECT_TRUE(read_call(call_of("/a.B/C", type), nullptr)) << type;
  for (const char* type : {"application/grpc-web", "application/grpcx", "application/json", ""})
    EXPECT_FALSE(read_call(call_of("/a.B/C", type), nullptr)) << type;
  EXPECT_TRUE(read_call(call_of("odd"), nullptr)->service.empty());
}

TEST(GrpcCall, Timeouts) {
  EXPECT_EQ(timeout_ns("1n"), 1u);
  EXPECT_EQ(timeout_ns("20u"), 20'000u);
  EXPECT_EQ(timeout_ns("1500m"), 1'500'000'000u);
  EXPECT_EQ(timeout_ns("2S"), 2'000'000'000u);
  EXPECT_EQ(timeout_ns("3M"), 180'000'000'000u);
  EXPECT_EQ(timeout_ns("99999999H"), std::numeric_limits<std::uint64_t>::max());
  for (const char* bad : {"", "S", "1", "1s", "-1S", "1.5S", "123456789S", "1 S", "0x1S"})
    EXPECT_EQ(timeout_ns(bad), std::nullopt) << bad;
}

TEST(GrpcCall, KindsAndStatusNames) {
  EXPECT_EQ(status_name(0), "OK");
  EXPECT_EQ(status_name(4), "DEADLINE_EXCEEDED");
  EXPECT_EQ(status_name(16), "UNAUTHENTICATED");
  EXPECT_EQ(status_name(17), "");
  EXPECT_EQ(status_name(-1), "");
  GrpcCall call;
  call.status = 0;
  call.request_messages = 1;
  call.response_messages = 3;
  EXPECT_EQ(kind_from_counts(call), std::nullopt);  // server streaming, or both
  call.request_messages = 2;
  ASSERT_TRUE(kind_from_counts(call));
  EXPECT_EQ(kind_from_counts(call)->name(), "bidi_streaming");
  call.status = 13;
  EXPECT_EQ(kind_from_counts(call), std::nullopt);
  EXPECT_EQ(CallKind{}.name(), "unary");
  EXPECT_EQ((CallKind{true, false}.name()), "client_streaming");
  EXPECT_EQ((CallKind{false, true}.name()), "server_streaming");
}

}  // namespace
}  // namespace gray::grpc
