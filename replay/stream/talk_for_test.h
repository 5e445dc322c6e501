// For tests of reassembly: a model of what should come out, which knows nothing of sequence
// numbers, lists or windows, and a connection that says the same to both.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "replay/stream/wire_for_test.h"

namespace gray {

/// One direction as it should come out. Bytes that came first stay.
class Model {
 public:
  std::string text;

  void segment(std::size_t offset, std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::size_t at = offset + i;
      if (at >= there_.size()) there_.resize(at + 1), bytes_.resize(at + 1);
      if (at < next_ || there_[at]) continue;
      there_[at] = true;
      bytes_[at] = bytes[i];
    }
    advance();
  }
  /// The other side has all before `offset`.
  void acked(std::size_t offset) {
    while (first_held() <= offset) give_up();
    if (fin_ != kNone && next_ < fin_ && first_held() == kNone && offset > fin_) lose_to(fin_);
  }
  void fin(std::size_t offset) {
    fin_ = offset;
    advance();
  }
  void finish() {
    while (first_held() != kNone) give_up();
  }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};

  void advance() {
    while (next_ < there_.size() && there_[next_]) text += bytes_[next_++];
    if (next_ != fin_ || ended_) return;
    ended_ = true;
    text += "$";
  }
  std::size_t first_held() const {
    for (std::size_t at = next_; at < there_.size(); ++at)
      if (there_[at]) return at;
    return kNone;
  }
  void lose_to(std::size_t offset) {
    text += "<" + std::to_string(offset - next_) + ">";
    next_ = offset;
    advance();
  }
  void give_up() { lose_to(first_held()); }

  std::vector<bool> there_;
  std::string bytes_;
  std::size_t next_ = 0;
  std::size_t fin_ = kNone;
  bool ended_ = false;
};

struct Piece {
  std::size_t offset;
  std::string bytes;
};
using Pieces = std::vector<Piece>;

/// A connection, sent to the reassembler and to the models alike.
class Talk {
 public:
  explicit Talk(std::uint64_t seed) : random(seed) {
    first_[0] = static_cast<std::uint32_t>(random());
    first_[1] = static_cast<std::uint32_t>(random());
  }

  std::mt19937_64 random;
  Wire wire;
  Model models[2];

  std::size_t below(std::size_t limit) { return random() % limit; }
  void start_at(std::uint32_t client, std::uint32_t server) { first_ = {client, server}; }
  void open() { wire.open(first_[0], first_[1]); }

  std::string stream() {
    std::string text(1 + below(3000), ' ');
    for (char& c : text) c = static_cast<char>('a' + below(26));
    return text;
  }
  Pieces cut(std::string_view stream) {
    Pieces pieces;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t length = std::min(1 + below(200), stream.size() - at);
      pieces.push_back({at, std::string(stream.substr(at, length))});
      at += length;
    }
    return pieces;
  }
  /// Adds a part of the stream again, here and there.
  void repeat(Pieces& pieces, std::string_view stream) {
    for (std::size_t count = 1 + pieces.size() / 3; count > 0; --count) {
      const std::size_t at = below(stream.size());
      const std::size_t length = std::min(1 + below(300), stream.size() - at);
      const auto place = pieces.begin() + static_cast<std::ptrdiff_t>(below(pieces.size()));
      pieces.insert(place, {at, std::string(stream.substr(at, length))});
    }
  }
  void reorder(Pieces& pieces, std::size_t reach) {
    for (std::size_t i = 0; i < pieces.size(); ++i)
      std::swap(pieces[i], pieces[std::min(pieces.size() - 1, i + below(reach))]);
  }

  std::uint32_t seq(unsigned from, std::size_t offset) const {
    return first_[from] + static_cast<std::uint32_t>(offset);
  }
  void send(unsigned from, const Piece& piece) {
    wire.send(from, seq(from, piece.offset), piece.bytes, kTcpPsh);
    models[from].segment(piece.offset, piece.bytes);
  }
  void send_all(unsigned from, const Pieces& pieces) {
    for (const Piece& piece : pieces) send(from, piece);
  }
  /// Both sides at once, in any mixture.
  void mix(const Pieces& client, const Pieces& server) {
    std::size_t at[2] = {0, 0};
    while (at[0] < client.size() || at[1] < server.size()) {
      const bool client_next = at[1] == server.size() || (at[0] < client.size() && below(2) == 0);
      const unsigned side = client_next ? 0 : 1;
      send(side, (side == 0 ? client : server)[at[side]++]);
    }
  }
  /// `from` says it has all of the other side before `offset`.
  void ack(unsigned from, std::size_t offset) {
    wire.send(from, seq(from, 0), "", kTcpAck, seq(1 - from, offset));
    models[1 - from].acked(offset);
  }
  void fin(unsigned from, std::size_t offset) {
    wire.send(from, seq(from, offset), "", kTcpFin);
    models[from].fin(offset);
  }
  void finish() {
    wire.reassembler.finish();
    for (Model& model : models) model.finish();
    compare();
  }
  /// What came out so far, of a connection of which something came out.
  void compare() const {
    wire.check();
    ASSERT_EQ(wire.recorder.heard.size(), 1U);
    for (unsigned side = 0; side < 2; ++side)
      ASSERT_EQ(wire.recorder.heard[0]->text[side], models[side].text) << "side " << side;
    ASSERT_EQ(wire.reassembler.held_bytes(), 0U);
  }

 private:
  std::array<std::uint32_t, 2> first_;
};

}  // namespace gray
