#include "replay/protocol/http2/fields.h"

#include <algorithm>
#include <utility>

namespace gray::http2 {
namespace {

int status_of(std::string_view text) noexcept {
  int status = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return 0;
    status = status * 10 + (digit - '0');
    if (status > 999) return 0;
  }
  return status >= 100 ? status : 0;
}

void take(Header& field, PseudoHeaders& pseudo) noexcept {
  const std::string_view name = field.name;
  if (name == ":method") {
    pseudo.method = std::move(field.value);
  } else if (name == ":scheme") {
    pseudo.scheme = std::move(field.value);
  } else if (name == ":path") {
    pseudo.path = std::move(field.value);
  } else if (name == ":authority") {
    pseudo.authority = std::move(field.value);
  } else if (name == ":status") {
    pseudo.status = status_of(field.value);
  }
}

}  // namespace

PseudoHeaders take_pseudo_headers(Headers& fields) noexcept {
  PseudoHeaders pseudo;
  auto to = fields.begin();
  for (Header& field : fields) {
    if (field.name.starts_with(':')) {
      take(field, pseudo);
    } else {
      if (&*to != &field) *to = std::move(field);
      ++to;
    }
  }
  fields.erase(to, fields.end());
  return pseudo;
}

Sender sender_of(const Headers& fields) noexcept {
  for (const Header& field : fields) {
    if (!field.name.starts_with(':')) continue;
    return field.name == ":status" ? Sender::Server : Sender::Client;
  }
  return Sender::Unknown;
}

void set_request_line(Request& request, PseudoHeaders&& pseudo, bool partial) noexcept {
  const std::string unknown(partial ? kUnknownHeaderText : std::string_view());
  const bool connect = pseudo.method && *pseudo.method == "CONNECT";
  if (pseudo.authority) {
    request.authority = *pseudo.authority;
  } else {
    const std::string* host = find_header(request.headers, "host");
    request.authority = host != nullptr ? *host : unknown;
  }
  request.method = std::move(pseudo.method).value_or(std::string(kUnknownHeaderText));
  request.target = pseudo.path ? std::move(*pseudo.path) : connect ? request.authority : unknown;
}

}  // namespace gray::http2
