#include "replay/protocol/exchange_id.h"

#include <netinet/in.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

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
  // A context of its own for each would cost as much as the hash.
  struct Free {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };
  thread_local const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  EVP_DigestInit_ex2(context.get(), kSha256, nullptr);
  EVP_DigestUpdate(context.get(), input.data(), at);
  EVP_DigestFinal_ex(context.get(), digest.data(), nullptr);
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
