#include "replay/compare/proto_body.h"

#include "replay/protocol/grpc/call.h"

namespace gray {
namespace {

bool says_proto(const BodySource& source) {
  const std::string media = media_type(source.response->headers);
  return (media == "application/grpc" || media == "application/grpc+proto") &&
         source.exchange != nullptr && grpc::read_call(source.exchange->request, nullptr);
}

// A coding of the whole body is not gRPC's.
bool takes_proto(const BodySource& source) {
  return source.response->complete && !source.response->truncated &&
         find_header(source.response->headers, "content-encoding") == nullptr && says_proto(source);
}

std::optional<Tree> shown(const Scrubber& scrubber, const TypedSide& typed,
                          const Exchange& exchange, const Response& response) {
  Response copy = response;
  if (scrubber.scrub_grpc(exchange.request.target, copy) != nullptr) return std::nullopt;
  const auto text = grpc_tree(typed, copy);
  return text ? parse_json_copy(*text) : std::nullopt;
}

std::optional<TreePair> make_pair(std::shared_ptr<const Schemas> schemas, const Scrubber& scrubber,
                                  const BodySource& production, const BodySource& canary) {
  auto trees = grpc_trees(*schemas, production.exchange->request.target, *production.response,
                          *canary.response);
  if (!trees) return std::nullopt;
  auto left = parse_json_copy(trees->production), right = parse_json_copy(trees->canary);
  if (!left || !right) return std::nullopt;
  // What the messages are typed with lives as long as `schemas`.
  return TreePair{
      std::move(*left), std::move(*right), std::move(trees->added),
      [schemas = std::move(schemas), &scrubber, typed = trees->typed, production, canary] {
        return ShownTrees{shown(scrubber, typed, *production.exchange, *production.response),
                          shown(scrubber, typed, *canary.exchange, *canary.response)};
      }};
}

}  // namespace

BodyMaker proto_maker(std::shared_ptr<const CurrentSchemas> schemas, const Scrubber& scrubber) {
  if (!schemas) schemas = std::make_shared<const CurrentSchemas>();
  return {.part = "proto",
          .takes = takes_proto,
          .make = {},
          .scrub = {},
          .make_both = [schemas = std::move(schemas), &scrubber](const BodySource& production,
                                                                 const BodySource& canary) {
            return make_pair(schemas->get(), scrubber, production, canary);
          }};
}

}  // namespace gray
