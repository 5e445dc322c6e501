#include "replay/protocol/grpc/frames.h"

namespace gray::grpc {
namespace {

std::uint64_t length_of(std::string_view prefix) noexcept {
  std::uint64_t length = 0;
  for (std::size_t i = 1; i < kMessagePrefix; ++i)
    length = length << 8 | static_cast<std::uint8_t>(prefix[i]);
  return length;
}

}  // namespace

Framing read_framing(std::string_view body) {
  Framing framing;
  while (framing.framed < body.size()) {
    const std::string_view rest = body.substr(framing.framed);
    const auto flag = static_cast<std::uint8_t>(rest[0]);
    if (flag > 1) {
      framing.rest = Framing::Rest::BadFlag;
      break;
    }
    if (rest.size() < kMessagePrefix || length_of(rest) > rest.size() - kMessagePrefix) {
      framing.rest = Framing::Rest::Cut;
      break;
    }
    const std::uint64_t length = length_of(rest);
    framing.messages.push_back({flag == 1, framing.framed, rest.substr(kMessagePrefix, length)});
    framing.framed += kMessagePrefix + length;
  }
  return framing;
}

std::vector<MessageFrame> split_messages(std::string_view body) {
  return read_framing(body).messages;
}

void append_message(std::string& body, bool compressed, std::string_view payload) {
  body += compressed ? '\1' : '\0';
  for (int shift = 24; shift >= 0; shift -= 8) body += static_cast<char>(payload.size() >> shift);
  body += payload;
}

}  // namespace gray::grpc
