// Where the body of a message ends and whether its connection goes on, from its headers (RFC 9112
// sections 6.3 and 9.3). Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "replay/protocol/exchange.h"

namespace gray::http1 {

enum class BodyEnd : std::uint8_t {
  None,        ///< there is no body
  Length,      ///< after `length` bytes
  Chunked,     ///< after the last chunk
  Connection,  ///< with the connection
  Unknown,     ///< its Content-Length is no number
};

struct Framing {
  BodyEnd end = BodyEnd::None;
  std::uint64_t length = 0;
  bool keep_alive = false;
  bool upgrade = false;  ///< asked for (request), or another protocol follows (response)
};

/// Both add what is odd to message.anomalies. `asked` is the method that the response answers;
/// empty when it is not known.
Framing request_framing(std::string_view method, std::string_view target, Message& message);
Framing response_framing(int status, std::string_view asked, Message& message);

/// Adds a name of anomaly.h, once.
void flag(Message& message, std::string_view anomaly);

/// The host in a target of absolute form ("http://host:81/x"); empty in all others.
std::string_view authority_in(std::string_view target) noexcept;

}  // namespace gray::http1
