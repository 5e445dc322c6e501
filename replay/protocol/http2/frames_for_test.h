// For tests: frames of HTTP/2 made by hand, and header blocks without a table.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "replay/protocol/http2/frame.h"

namespace gray::http2 {

inline std::string big_endian(std::uint32_t value, unsigned bytes) {
  std::string text;
  while (bytes-- > 0) text += static_cast<char>(value >> (8 * bytes));
  return text;
}

inline std::string frame(FrameType type, unsigned flags, std::uint32_t stream,
                         std::string_view payload) {
  std::string text = big_endian(static_cast<std::uint32_t>(payload.size()), 3);
  text += static_cast<char>(type);
  text += static_cast<char>(flags);
  return text + big_endian(stream, 4) + std::string(payload);
}

/// Literal fields that are not indexed; shorter than 127 bytes each.
inline std::string block(
    std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    text += '\0';
    text += static_cast<char>(name.size());
    text += name;
    text += static_cast<char>(value.size());
    text += value;
  }
  return text;
}

inline const std::string kClientStart =
    std::string(kPreface) + frame(FrameType::Settings, 0, 0, "");
inline const std::string kServerStart = frame(FrameType::Settings, 0, 0, "");

inline std::string ask_block(std::string_view method, std::string_view path) {
  return block({{":method", method}, {":scheme", "http"}, {":path", path}, {":authority", "shop"}});
}
inline std::string ask(std::uint32_t stream, std::string_view path, unsigned flags = kEndStream) {
  return frame(FrameType::Headers, flags | kEndHeaders, stream, ask_block("GET", path));
}
inline std::string answer(std::uint32_t stream, std::string_view status, unsigned flags = 0) {
  return frame(FrameType::Headers, flags | kEndHeaders, stream, block({{":status", status}}));
}
inline std::string data(std::uint32_t stream, std::string_view body, unsigned flags = kEndStream) {
  return frame(FrameType::Data, flags, stream, body);
}
inline std::string reset(std::uint32_t stream, std::uint32_t code) {
  return frame(FrameType::RstStream, 0, stream, big_endian(code, 4));
}

}  // namespace gray::http2
