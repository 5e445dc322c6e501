#include "replay/protocol/grpc/frames.h"

namespace gray::grpc {
namespace {

constexpr std::size_t kPrefix = 5;

std::uint64_t length_of(std::string_view prefix) noexcept {
  std::uint64_t length = 0;
  for (std::size_t i = 1; i < kPrefix; ++i)
    length = length << 8 | static_cast<std::uint8_t>(prefix[i]);
  return length;
}

}  // namespace

std::vector<MessageFrame> split_messages(std::string_view body) {
  std::vector<MessageFrame> messages;
  std::uint64_t offset = 0;
  while (body.size() - offset >= kPrefix) {
    const std::string_view rest = body.substr(offset);
    const std::uint64_t length = length_of(rest);
    const auto flag = static_cast<std::uint8_t>(rest[0]);
    if (flag > 1 || length > rest.size() - kPrefix) break;
    messages.push_back({flag == 1, offset, rest.substr(kPrefix, length)});
    offset += kPrefix + length;
  }
  return messages;
}

}  // namespace gray::grpc
