#include "replay/protocol/exchange_id.h"

#include <netinet/in.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "userspace/packet/community_id.h"

namespace gray {

ExchangeId make_exchange_id(const Connection& connection, std::uint64_t offset,
                            std::uint32_t position) noexcept {
  std::array<std::uint8_t, 80> input{};
  std::size_t at = 0;
  const auto add = [&](const auto& value) {
    std::memcpy(&input[at], &value, sizeof value);
    at += sizeof value;
  };
  for (unsigned side = 0; side < 2; ++side) {
    add(connection.ends[side].address.bytes);
    add(connection.ends[side].port);
    add(connection.first_seq[side]);
  }
  add(connection.first_ns);
  add(offset);
  add(position);
  static EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::array<std::uint8_t, 32> digest{};
  EVP_Digest(input.data(), at, digest.data(), nullptr, kSha256, nullptr);
  ExchangeId id;
  std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

void name_exchange(Exchange& exchange, const Connection& connection, const ConnectionNames& names,
                   const ProtocolContext& context, const ExchangePlace& place) noexcept {
  exchange.client = connection.ends[place.client];
  exchange.server = connection.ends[1 - place.client];
  exchange.stream = connection.stream;
  exchange.position = place.position;
  exchange.flow_tag = names.flow_tag;
  if (context.options.community_ids)
    exchange.community_id = community_id(IPPROTO_TCP, exchange.client, exchange.server);
  exchange.id = make_exchange_id(connection, place.offset, place.position);
}

}  // namespace gray
