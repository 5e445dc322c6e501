// Coded bodies of any bytes, alone and within each other, and gRPC bodies of such messages: what
// comes out is bounded, a prefix of a body gives a prefix of the content. The first byte chooses
// the codings, two bits each.
#include <vector>

#include "replay/content/decode.h"
#include "replay/content/grpc_messages.h"
#include "userspace/base/fuzz.h"

namespace gray {
namespace {

constexpr DecodeLimits kLimits{.max_bytes = 1u << 20, .max_ratio = 200, .free_bytes = 10'000};
constexpr const char* kNames[] = {"gzip", "deflate", "br", "zstd"};

void check(const Decoded& decoded, std::size_t coded) {
  require(decoded.bytes.size() <= kLimits.max_bytes, "the content is bounded");
  const bool free = decoded.bytes.size() <= kLimits.free_bytes + (1u << 18);
  require(free || decoded.bytes.size() / kLimits.max_ratio <= coded + (1u << 18) / 200,
          "and in proportion to what came in, up to what a decoder gives out at once");
}

void as_message(unsigned choice, std::string body) {
  Message message;
  message.headers = {{"content-encoding", kNames[choice & 3U]},
                     {"grpc-encoding", kNames[choice >> 2 & 1U]}};
  message.body_bytes = body.size();
  message.body = std::move(body);
  message.complete = true;
  std::size_t bytes = 0;
  for (const std::string& one : grpc_messages(message, kLimits).messages) bytes += one.size();
  require(bytes <= kLimits.max_bytes, "all messages together are bounded");
  const std::string before = message.body;
  if (!undo_content_encoding(message, kLimits))
    require(message.body == before && message.headers.size() == 2,
            "untouched when it could not be");
}

}  // namespace
}  // namespace gray

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gray;
  FuzzInput input(data, size);
  const unsigned choice = input.byte();
  const auto bytes = input.rest();
  const std::string body(bytes.begin(), bytes.end());
  std::vector<Coding> codings{static_cast<Coding>(choice & 3U)};
  if ((choice & 0x10U) != 0) codings.push_back(static_cast<Coding>(choice >> 2 & 3U));
  const Decoded whole = decode(codings, body, kLimits);
  // One behind the other, the second may be as much as the first made of it.
  if (codings.size() == 1) check(whole, body.size());
  require(whole.bytes.size() <= kLimits.max_bytes, "the content is bounded");
  if (whole.problem == nullptr && codings.size() == 1) {
    const Decoded half = decode(codings, body.substr(0, body.size() / 2), kLimits);
    require(whole.bytes.starts_with(half.bytes), "a prefix gives a prefix");
  }
  as_message(choice, body);
  return 0;
}
