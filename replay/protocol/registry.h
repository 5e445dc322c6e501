// Which protocols grayxdp knows, by the first bytes of a direction; never by port. A protocol is
// one line in registry.cc: how it is recognised, and what reads it (or, when nothing does yet,
// under which name its streams are counted as opaque).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "replay/protocol/exchange.h"
#include "replay/protocol/extractor.h"
#include "replay/protocol/memory_budget.h"
#include "replay/protocol/open_exchanges.h"
#include "replay/stream/stream.h"

namespace gray {

enum class Match : std::uint8_t { No, More, Yes };

/// What readers of protocols share: where exchanges go, what is kept, what is counted.
struct ProtocolContext {
  ProtocolContext(const ExtractorOptions& wanted, ExchangeSink& to)
      : options(wanted), sink(to), kept{wanted.max_kept, 0} {}

  const ExtractorOptions& options;
  ExchangeSink& sink;
  MemoryBudget kept;  ///< by open messages and first bytes
  OpenExchanges open;
  std::uint64_t begun = 0;  ///< exchanges
  std::uint64_t given = 0;  ///< exchanges given out
  // Messages: all of them, and where each went. The first is counted where they are read, the
  // others where they are put away.
  std::uint64_t messages = 0;
  std::uint64_t placed = 0;    ///< in an exchange that was or will be given out
  std::uint64_t interim = 0;   ///< 1xx responses
  std::uint64_t bad = 0;       ///< not even a start line, or no telling who sent them
  std::uint64_t unpaired = 0;  ///< their exchange was given out before they ended
  std::uint64_t skipped = 0;   ///< bytes of no message: none begins there, or its stream is unknown
  std::map<std::string, std::uint64_t>
      opaque;  ///< streams that are not read, or no more, by reason
};

/// A connection as its exchanges name it.
struct ConnectionNames {
  std::uint64_t flow_tag = 0;
  unsigned tunnels = 0;              ///< CONNECT tunnels around what is read
  std::uint32_t first_position = 0;  ///< of the exchanges inside of them
};

/// The reader may refer to its arguments: they outlive it.
using MakeReader = std::unique_ptr<StreamConsumer> (*)(const Connection&, const ConnectionNames&,
                                                       ProtocolContext&);

struct Protocol {
  std::string_view name;  ///< also the reason it is opaque for, without a reader
  Match (*recognise)(std::span<const std::uint8_t> first_bytes) noexcept;
  MakeReader reader;  ///< may be null
};

std::span<const Protocol> protocols() noexcept;

/// A connection that HTTP/1 gave to another protocol by "101 Switching Protocols".
struct Upgrade {
  unsigned client = 0;  ///< side that asked
  Exchange exchange;    ///< of the request and the 101, begun but not given out yet
  OpenExchanges::Mark open = {};
};

/// Reads what follows an upgrade, and gives `exchange` out.
using MakeUpgraded = std::unique_ptr<StreamConsumer> (*)(const Connection&, const ConnectionNames&,
                                                         ProtocolContext&, Upgrade&&);

/// By the response's Upgrade header; null when nothing reads that protocol.
MakeUpgraded find_upgraded(std::string_view protocol) noexcept;

/// Reads a connection of whichever protocol it turns out to be.
std::unique_ptr<StreamConsumer> make_recogniser(const Connection& connection,
                                                const ConnectionNames& names,
                                                ProtocolContext& context);

}  // namespace gray
