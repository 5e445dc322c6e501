// The header decoder against nghttp2: equal when the whole connection is seen, never wrong when it
// is joined in the middle, and equal again once the table has been filled anew.
#include "replay/protocol/http2/hpack.h"

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <random>
#include <vector>

#include "replay/protocol/http2/huffman.h"
#include "userspace/base/owned.h"

namespace gray::http2 {
namespace {

using Block = std::vector<std::uint8_t>;
using Deflater = Owned<nghttp2_hd_deflater, nghttp2_hd_deflate_del>;
using Inflater = Owned<nghttp2_hd_inflater, nghttp2_hd_inflate_del>;

Deflater make_deflater(std::size_t size) {
  nghttp2_hd_deflater* made = nullptr;
  nghttp2_hd_deflate_new(&made, size);
  return Deflater(made);
}

Inflater make_inflater() {
  nghttp2_hd_inflater* made = nullptr;
  nghttp2_hd_inflate_new(&made);
  return Inflater(made);
}

Block deflate(nghttp2_hd_deflater* deflater, Headers& fields, std::mt19937_64& random) {
  std::vector<nghttp2_nv> list;
  for (Header& field : fields) {
    const auto bytes = [](std::string& text) {
      return reinterpret_cast<std::uint8_t*>(text.data());
    };
    const auto flags = static_cast<std::uint8_t>(random() % 8 == 0 ? NGHTTP2_NV_FLAG_NO_INDEX : 0);
    list.push_back(
        {bytes(field.name), bytes(field.value), field.name.size(), field.value.size(), flags});
  }
  Block block(nghttp2_hd_deflate_bound(deflater, list.data(), list.size()));
  const ssize_t size =
      nghttp2_hd_deflate_hd(deflater, block.data(), block.size(), list.data(), list.size());
  EXPECT_GE(size, 0);
  block.resize(static_cast<std::size_t>(size));
  return block;
}

// As nghttp2 reads it; nothing when it refuses.
std::optional<Headers> inflate(nghttp2_hd_inflater* inflater, const Block& block) {
  Headers fields;
  const std::uint8_t* at = block.data();
  std::size_t left = block.size();
  while (true) {
    nghttp2_nv nv;
    int flags = 0;
    const ssize_t used = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, at, left, 1);
    if (used < 0) return std::nullopt;
    at += used;
    left -= static_cast<std::size_t>(used);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
      fields.push_back({{reinterpret_cast<const char*>(nv.name), nv.namelen},
                        {reinterpret_cast<const char*>(nv.value), nv.valuelen}});
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && left == 0) return std::nullopt;
  }
  nghttp2_hd_inflate_end_headers(inflater);
  return fields;
}

std::string text(const Headers& fields) {
  std::string all;
  for (const Header& field : fields) all += field.name + ": " + field.value + "\n";
  return all;
}

// Few names and values, so that the table is used; now and then a long or binary one.
Headers random_fields(std::mt19937_64& random) {
  static const char* const kNames[] = {":path", ":authority", "user-agent",   "cookie",
                                       "x-id",  "x-trace",    "content-type", "grpc-timeout"};
  Headers fields{{":method", random() % 2 == 0 ? "GET" : "POST"}};
  for (auto count = 1 + random() % 8; count > 0; --count) {
    std::string value = "v" + std::to_string(random() % 40);
    if (random() % 30 == 0) value.assign(random() % 3000, static_cast<char>('a' + random() % 26));
    if (random() % 10 == 0)
      for (auto more = random() % 20; more > 0; --more) value += static_cast<char>(random());
    fields.push_back({kNames[random() % std::size(kNames)], value});
  }
  return fields;
}

void maybe_change_size(std::mt19937_64& random, nghttp2_hd_deflater* deflater,
                       nghttp2_hd_inflater* inflater, HpackDecoder& decoder) {
  if (random() % 10 != 0) return;
  static constexpr std::uint32_t kSizes[] = {0, 50, 300, 4096, 20'000, 100'000};
  const std::uint32_t size = kSizes[random() % std::size(kSizes)];
  nghttp2_hd_deflate_change_table_size(deflater, size);
  if (inflater != nullptr) nghttp2_hd_inflate_change_table_size(inflater, size);
  decoder.allow_table_size(size);
}

TEST(Huffman, DecodesWhatNghttp2Encodes) {
  std::mt19937_64 random(1);
  const Deflater deflater = make_deflater(0);
  HpackDecoder decoder(nullptr);
  for (int symbol = 0; symbol < 256; ++symbol) {
    // Long codes hide among short ones, so that the whole is worth encoding.
    const std::string value = std::string(60, 'a') + static_cast<char>(symbol) + "e" +
                              static_cast<char>(symbol) + static_cast<char>(255 - symbol);
    Headers fields{{"x", value}};
    const Block block = deflate(deflater.get(), fields, random);
    ASSERT_LT(block.size(), value.size()) << "not Huffman";
    EXPECT_EQ(text(decoder.decode(block).fields), "x: " + value + "\n") << symbol;
  }
}

TEST(Huffman, RefusesBadPadding) {
  const std::pair<Block, bool> cases[] = {
      {{}, true},
      {{0x1f}, true},                     // 'a' and 111
      {{0x18}, false},                    // 'a' and 000
      {{0x1f, 0xff}, false},              // 11 bits of padding
      {{0xff}, false},                    // 8 bits of padding
      {{0xff, 0xff, 0xff, 0xff}, false},  // EOS
  };
  for (const auto& [bytes, fine] : cases) {
    std::string out;
    EXPECT_EQ(huffman_decode(bytes, out), fine) << bytes.size();
  }
}

// RFC 7541 appendix C.3 and C.4: requests with one table, without and with Huffman.
TEST(Hpack, ExamplesOfTheRfc) {
  HpackDecoder decoder(nullptr);
  const Block first{0x82, 0x86, 0x84, 0x41, 0x0f, 'w', 'w', 'w', '.', 'e',
                    'x',  'a',  'm',  'p',  'l',  'e', '.', 'c', 'o', 'm'};
  const std::string head = ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n";
  EXPECT_EQ(text(decoder.decode(first).fields), head);
  const Block second{0x82, 0x86, 0x84, 0xbe, 0x58, 0x86, 0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf};
  EXPECT_EQ(text(decoder.decode(second).fields), head + "cache-control: no-cache\n");
  EXPECT_EQ(decoder.table().known_entries(), 2U);
}

TEST(Hpack, EqualsNghttp2WhenAllIsSeen) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Deflater deflater = make_deflater(100'000);
    const Inflater inflater = make_inflater();
    HpackDecoder decoder(nullptr);
    for (int i = 0; i < 100; ++i) {
      maybe_change_size(random, deflater.get(), inflater.get(), decoder);
      Headers fields = random_fields(random);
      const Block block = deflate(deflater.get(), fields, random);
      const HeaderList list = decoder.decode(block);
      const auto oracle = inflate(inflater.get(), block);
      ASSERT_TRUE(oracle);
      ASSERT_FALSE(list.bad);
      ASSERT_EQ(text(list.fields), text(*oracle));
      ASSERT_EQ(list.unknown, 0U);
      ASSERT_EQ(text(list.fields), text(fields));
    }
  }
}

// What nghttp2 refuses is bad here, and the other way round.
TEST(Hpack, MutatedBlocksAreJudgedAsByNghttp2) {
  unsigned refused = 0;
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Deflater deflater = make_deflater(4096);
    const Inflater inflater = make_inflater();
    HpackDecoder decoder(nullptr);
    for (int i = 0; i < 4; ++i) {
      Headers fields = random_fields(random);
      Block block = deflate(deflater.get(), fields, random);
      if (i > 0) block[random() % block.size()] = static_cast<std::uint8_t>(random());
      const HeaderList list = decoder.decode(block);
      const auto oracle = inflate(inflater.get(), block);
      ASSERT_EQ(list.bad, !oracle) << i;
      if (!oracle) {
        ++refused;
        break;
      }
      ASSERT_EQ(text(list.fields), text(*oracle));
    }
  }
  EXPECT_GT(refused, 200U);
}

// Joined at any block, and with blocks lost later on: a field is right, or says that it is unknown.
TEST(Hpack, JoinedInTheMiddleIsNeverWrong) {
  std::uint64_t unknown = 0, healed = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Deflater deflater = make_deflater(100'000);
    const bool resizes = seed % 2 == 0;
    HpackDecoder decoder(nullptr);
    decoder.lost();
    const auto join = random() % 60;
    for (std::uint64_t i = 0; i < 200; ++i) {
      if (resizes) maybe_change_size(random, deflater.get(), nullptr, decoder);
      Headers fields = random_fields(random);
      const Block block = deflate(deflater.get(), fields, random);
      if (i < join) continue;
      if (i < 100 && random() % 50 == 0) {
        decoder.lost();
        continue;
      }
      const HeaderList list = decoder.decode(block);
      ASSERT_FALSE(list.bad);
      ASSERT_EQ(list.fields.size(), fields.size());
      std::uint32_t marked = 0;
      for (std::size_t f = 0; f < fields.size(); ++f) {
        const bool no_name = list.fields[f].name == kUnknownHeaderText;
        const bool no_value = list.fields[f].value == kUnknownHeaderText;
        marked += no_name || no_value ? 1 : 0;
        ASSERT_TRUE(no_name || list.fields[f].name == fields[f].name);
        ASSERT_TRUE(no_value || list.fields[f].value == fields[f].value);
      }
      ASSERT_EQ(marked, list.unknown);
      unknown += marked;
      if (i > 190 && marked == 0) ++healed;
    }
  }
  EXPECT_GT(unknown, 1000U);
  EXPECT_GT(healed, 400U * 9 / 2) << "does not heal";
}

TEST(Hpack, HealsWhenAnEntryComesBack) {
  HpackDecoder decoder(nullptr);
  decoder.lost();
  const HeaderList before = decoder.decode(Block{0xbe});  // the newest entry
  EXPECT_EQ(before.unknown, 1U);
  EXPECT_EQ(before.fields.at(0).name, kUnknownHeaderText);
  decoder.decode(Block{0x40, 1, 'a', 1, 'b'});
  EXPECT_EQ(text(decoder.decode(Block{0xbe}).fields), "a: b\n");
  EXPECT_EQ(decoder.decode(Block{0xbf}).unknown, 1U);
  // A literal whose name is unknown: its value is known, and stays so in the table.
  const HeaderList half = decoder.decode(Block{0x7f, 0, 1, 'c'});
  EXPECT_EQ(half.fields.at(0).name, kUnknownHeaderText);
  EXPECT_EQ(half.fields.at(0).value, "c");
  const HeaderList again = decoder.decode(Block{0xbe, 0xbf});
  EXPECT_EQ(again.fields.at(0).value, "c");
  EXPECT_EQ(again.fields.at(1).value, "b");
  // An emptied table has nothing unknown in it.
  decoder.decode(Block{0x20, 0x3f, 0xe1, 0x1f});
  EXPECT_FALSE(decoder.table().partial());
  EXPECT_TRUE(decoder.decode(Block{0xbe}).bad);
}

TEST(Hpack, ABombIsCutShort) {
  HpackDecoder decoder(nullptr);
  Block block{0x40, 1, 'a', 0x7f, 0xa1, 0x1e};  // 127 + 0x21 + 0x1e * 128 = 4000 bytes follow
  block.resize(6 + 4000, 'x');
  block.resize(block.size() + 100'000, 0xbe);
  const HeaderList list = decoder.decode(block);
  EXPECT_FALSE(list.bad);
  EXPECT_TRUE(list.truncated);
  std::size_t bytes = 0;
  for (const Header& field : list.fields) bytes += field.value.size();
  EXPECT_LE(bytes, kMaxHeaderList);
}

TEST(Hpack, TheTableTakesItsMemoryFromTheBudget) {
  MemoryBudget budget{10'000, 0};
  {
    HpackDecoder decoder(&budget);
    decoder.allow_table_size(60'000);
    decoder.decode(Block{0x3f, 0xc1, 0xd4, 0x03});  // 60,000
    Block block{0x40, 1, 'a', 0x64};
    block.resize(4 + 100, 'x');
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(decoder.decode(block).bad);
    EXPECT_GT(budget.used, 0U);
    EXPECT_LE(budget.used, budget.limit);
    EXPECT_EQ(decoder.decode(Block{0xbe}).unknown, 0U);
  }
  EXPECT_EQ(budget.used, 0U);
}

TEST(Hpack, AnyBytesMayBePutIn) {
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    std::mt19937_64 random(seed);
    HpackDecoder decoder(nullptr);
    if (seed % 2 == 0) decoder.lost();
    for (int i = 0; i < 5; ++i) {
      Block block(random() % 60);
      for (std::uint8_t& byte : block) byte = static_cast<std::uint8_t>(random());
      const HeaderList list = decoder.decode(block);
      ASSERT_LE(list.unknown, list.fields.size());
      ASSERT_FALSE(looks_like_block(block) && list.fields.empty() && !list.bad) << seed;
    }
  }
}

}  // namespace
}  // namespace gray::http2
