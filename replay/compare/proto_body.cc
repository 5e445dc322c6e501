#include "replay/compare/proto_body.h"

#include <algorithm>
#include <array>

#include "replay/protocol/grpc/call.h"
#include "replay/protocol/grpc/frames.h"

namespace gray {
namespace {

using SharedResponse = std::shared_ptr<const Response>;

bool whole(const BodySource& source) noexcept {
  return source.response->complete && !source.response->truncated;
}

bool says_grpc(const BodySource& source) {
  const std::string media = media_type(source.response->headers);
  return (media == "application/grpc" || media == "application/grpc+proto") &&
         source.exchange != nullptr && grpc::read_call(source.exchange->request, nullptr);
}

// A coding of the whole body is not gRPC's.
bool takes_grpc(const BodySource& source) {
  return whole(source) && find_header(source.response->headers, "content-encoding") == nullptr &&
         says_grpc(source);
}

// One message and nothing around it, as HTTP APIs answer it, Connect and Twirp among them.
bool takes_message(const BodySource& source) {
  constexpr std::array<std::string_view, 5> kTypes{
      "application/protobuf", "application/x-protobuf", "application/vnd.google.protobuf",
      "application/x-google-protobuf", "application/proto"};
  if (!whole(source) || source.exchange == nullptr) return false;
  const std::string media = media_type(source.response->headers);
  return std::ranges::find(kTypes, media) != kTypes.end();
}

SharedResponse lent(const BodySource& source) {
  return {SharedResponse(), source.response};
}

// As gRPC would have sent it, so that it is read, and scrubbed, as all messages are.
SharedResponse framed(const BodySource& source) {
  const auto response = std::make_shared<Response>();
  response->headers = {{"content-type", "application/grpc"}};
  response->complete = true;
  grpc::append_message(response->body, false, source.body);
  response->body_bytes = response->body.size();
  return response;
}

std::optional<Tree> shown(const Scrubber& scrubber, const TypedSide& typed,
                          const Exchange& exchange, const Response& response) {
  Response copy = response;
  if (scrubber.scrub_grpc(exchange.request.target, copy) != nullptr) return std::nullopt;
  const auto text = grpc_tree(typed, copy);
  return text ? parse_json_copy(*text) : std::nullopt;
}

std::optional<TreePair> make_pair(std::shared_ptr<const Schemas> schemas, const Scrubber& scrubber,
                                  const Exchange& exchange, SharedResponse production,
                                  SharedResponse canary) {
  auto trees = grpc_trees(*schemas, exchange.request.target, *production, *canary);
  if (!trees) return std::nullopt;
  auto left = parse_json_copy(trees->production), right = parse_json_copy(trees->canary);
  if (!left || !right) return std::nullopt;
  // What the messages are typed with lives as long as `schemas`.
  return TreePair{std::move(*left), std::move(*right), std::move(trees->added),
                  [schemas = std::move(schemas), &scrubber, &exchange, typed = trees->typed,
                   production = std::move(production), canary = std::move(canary)] {
                    return ShownTrees{shown(scrubber, typed, exchange, *production),
                                      shown(scrubber, typed, exchange, *canary)};
                  }};
}

BodyMaker maker(std::shared_ptr<const CurrentSchemas> schemas, const Scrubber& scrubber,
                bool (*takes)(const BodySource&), SharedResponse (*response)(const BodySource&)) {
  if (!schemas) schemas = std::make_shared<const CurrentSchemas>();
  return {.part = "proto",
          .takes = takes,
          .make = {},
          .scrub = {},
          .make_both = [schemas = std::move(schemas), &scrubber, response](
                           const BodySource& production, const BodySource& canary) {
            return make_pair(schemas->get(), scrubber, *production.exchange, response(production),
                             response(canary));
          }};
}

}  // namespace

BodyMaker grpc_maker(std::shared_ptr<const CurrentSchemas> schemas, const Scrubber& scrubber) {
  return maker(std::move(schemas), scrubber, takes_grpc, lent);
}

BodyMaker proto_maker(std::shared_ptr<const CurrentSchemas> schemas, const Scrubber& scrubber) {
  return maker(std::move(schemas), scrubber, takes_message, framed);
}

}  // namespace gray
