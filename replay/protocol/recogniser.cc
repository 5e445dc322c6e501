// Holds the first bytes of a connection until some protocol of the registry knows them, and passes
// everything on to its reader from then on. A side whose first bytes nobody knows is looked at
// again segment by segment when its beginning was not captured. What only the search needs is let
// go with its end: an idle connection is to take few bytes.
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "replay/protocol/registry.h"

namespace gray {
namespace {

constexpr std::size_t kMaxPrefix = 16384;  // bytes of one side, until someone must know them
constexpr unsigned kMaxTries = 512;        // segments of a side without a beginning

class Recogniser final : public StreamConsumer {
 public:
  Recogniser(const Connection& connection, const ConnectionNames& names, ProtocolContext& context)
      : connection_(connection),
        names_(names),
        context_(context),
        search_(std::make_unique<Search>()) {}
  ~Recogniser() override { let_go(); }

  void data(unsigned from, std::span<const std::uint8_t> bytes,
            std::uint64_t time_ns) noexcept override {
    if (reader_) return reader_->data(from, bytes, time_ns);
    if (!search_) return;
    Side& side = search_->sides[from];
    side.seen = true;
    if (side.unknown && !side.cut) {
      search_->passed += bytes.size();
      return;
    }
    if (!side.seen_start) side.cut = side.cut || !connection_.syn[from];
    side.seen_start = true;
    if (!hold(2 * bytes.size())) return become_opaque("no_memory");
    search_->held.push_back({from, time_ns, {bytes.begin(), bytes.end()}});
    side.prefix.insert(side.prefix.end(), bytes.begin(), bytes.end());
    look(from);
  }

  void gap(unsigned from, std::uint64_t length) noexcept override {
    if (reader_) return reader_->gap(from, length);
    if (!search_) return;
    search_->sides[from].cut = search_->sides[from].seen_start = true;
    not_known(from);
  }

  void end(unsigned from) noexcept override {
    if (reader_) return reader_->end(from);
    if (!search_) return;
    search_->sides[from].ended = true;
    if (!search_->sides[from].prefix.empty()) not_known(from);
  }

  void closed(CloseReason reason) noexcept override {
    if (reader_) return reader_->closed(reason);
    if (search_) become_opaque(reason_unknown());
  }

  bool wanted() const noexcept override { return reader_ ? reader_->wanted() : search_ != nullptr; }

 private:
  struct Side {
    std::vector<std::uint8_t> prefix;
    unsigned tries = 0;
    bool seen = false;
    bool seen_start = false;
    bool cut = false;      // its first byte was not captured
    bool unknown = false;  // its first bytes are of no protocol
    bool ended = false;
  };
  struct Held {
    unsigned from;
    std::uint64_t time_ns;
    std::vector<std::uint8_t> bytes;
  };
  struct Search {
    std::array<Side, 2> sides;
    std::vector<Held> held;
    std::size_t charged = 0;   // of the memory budget
    std::uint64_t passed = 0;  // bytes that were let go, since no protocol begins in them
  };

  bool hold(std::size_t bytes) noexcept {
    if (!context_.kept.take(bytes)) return false;
    search_->charged += bytes;
    return true;
  }
  std::unique_ptr<Search> let_go() noexcept {
    if (search_) context_.kept.give_back(search_->charged);
    return std::move(search_);
  }

  void look(unsigned from) noexcept {
    Side& side = search_->sides[from];
    bool more = false;
    for (const Protocol& protocol : protocols()) {
      const Match match = protocol.recognise(side.prefix);
      if (match == Match::Yes) return become(protocol);
      more = more || match == Match::More;
    }
    if (!more || side.prefix.size() > kMaxPrefix) not_known(from);
  }

  void not_known(unsigned from) noexcept {
    Side& side = search_->sides[from];
    side.unknown = true;
    context_.kept.give_back(2 * side.prefix.size());
    search_->passed += side.prefix.size();
    search_->charged -= 2 * side.prefix.size();
    side.prefix.clear();
    std::erase_if(search_->held, [&](const Held& held) { return held.from == from; });
    const Side& other = search_->sides[1 - from];
    const bool hopeless = !side.cut || ++side.tries > kMaxTries;
    const bool other_hopeless = other.unknown && (!other.cut || other.tries > kMaxTries);
    if (hopeless && other_hopeless) become_opaque(reason_unknown());
  }

  const char* reason_unknown() const noexcept {
    if (names_.tunnels > 0) return "connect";
    return connection_.syn[0] || connection_.syn[1] ? "unknown" : "no_syn";
  }

  void become(const Protocol& protocol) noexcept {
    if (protocol.reader == nullptr) return become_opaque(std::string(protocol.name));
    reader_ = protocol.reader(connection_, names_, context_);
    const std::unique_ptr<Search> search = let_go();
    context_.skipped += search->passed;
    for (const Held& piece : search->held) reader_->data(piece.from, piece.bytes, piece.time_ns);
    for (unsigned from = 0; from < 2; ++from)
      if (search->sides[from].ended) reader_->end(from);
  }

  void become_opaque(const std::string& reason) noexcept {
    ++context_.opaque[reason];
    let_go();
  }

  const Connection& connection_;
  const ConnectionNames names_;
  ProtocolContext& context_;
  std::unique_ptr<StreamConsumer> reader_;
  std::unique_ptr<Search> search_;  // none: known, or opaque
};

}  // namespace

std::unique_ptr<StreamConsumer> make_recogniser(const Connection& connection,
                                                const ConnectionNames& names,
                                                ProtocolContext& context) {
  return std::make_unique<Recogniser>(connection, names, context);
}

}  // namespace gray
