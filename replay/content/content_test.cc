#include <gtest/gtest.h>

#include <random>

#include "replay/content/decode.h"
#include "replay/content/encode.h"

namespace gray {
namespace {

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

constexpr const char* kText = R"({"phone":"13812345678","name":"Li Lei","items":[1,2,3]})";

// gzip -9n, zstd -19, Python's zlib.compress and a raw deflate of it, brotli of Node.js, of kText.
constexpr const char* kGzipHex =
    "1f8b0800000000000203ab562ac8c8cf4b55b2523234b630343236313533b750d251ca4bcc0509fa642af8a46602f9"
    "9925a9b9c54a56d1863a463ac6b1b5006831dc6537000000";
constexpr const char* kZstdHex =
    "28b52ffd0468b901007b2270686f6e65223a223133383132333435363738222c226e616d65223a224c69204c656922"
    "2c226974656d73223a5b312c322c335d7df58917ff";
constexpr const char* kZlibHex =
    "78daab562ac8c8cf4b55b2523234b630343236313533b750d251ca4bcc0509fa642af8a46602f99925a9b9c54a56d1"
    "863a463ac6b1b500a1bf0f05";
constexpr const char* kRawHex =
    "ab562ac8c8cf4b55b2523234b630343236313533b750d251ca4bcc0509fa642af8a46602f99925a9b9c54a56d1863a"
    "463ac6b1b500";
constexpr const char* kBrotliHex =
    "0b1b807b2270686f6e65223a223133383132333435363738222c226e616d65223a224c69204c6569222c226974656d"
    "73223a5b312c322c335d7d03";

Decoded decode_listed(std::string_view list, std::string_view body,
                      const DecodeLimits& limits = {}) {
  const auto codings = parse_codings(list);
  EXPECT_TRUE(codings) << list;
  return decode(*codings, body, limits);
}

std::string random_text(std::mt19937& random, std::size_t size) {
  std::string text;
  while (text.size() < size) text += "item " + std::to_string(random() % 5000) + ", ";
  text.resize(size);
  return text;
}

TEST(Coding, ListsAreRead) {
  using List = std::vector<Coding>;
  EXPECT_EQ(parse_codings(""), List{});
  EXPECT_EQ(parse_codings("identity"), List{});
  EXPECT_EQ(parse_codings(" GZip ,\tbr,,zstd"), (List{Coding::Gzip, Coding::Brotli, Coding::Zstd}));
  EXPECT_EQ(parse_codings("x-gzip, deflate"), (List{Coding::Gzip, Coding::Deflate}));
  EXPECT_EQ(parse_codings("gzip, compress"), std::nullopt);
  EXPECT_EQ(parse_codings("gzip,gzip,gzip,gzip,gzip"), std::nullopt);
  EXPECT_EQ(content_codings({{"Content-Encoding", "gzip"}, {"content-encoding", "br"}}),
            (List{Coding::Gzip, Coding::Brotli}));
}

TEST(Decode, WhatOtherProgramsEncoded) {
  for (const auto& [list, hex] : {std::pair{"gzip", kGzipHex},
                                  {"deflate", kZlibHex},
                                  {"deflate", kRawHex},
                                  {"br", kBrotliHex},
                                  {"zstd", kZstdHex}}) {
    const Decoded decoded = decode_listed(list, from_hex(hex));
    EXPECT_EQ(decoded.problem, nullptr) << list;
    EXPECT_EQ(decoded.bytes, kText) << list;
  }
}

TEST(Decode, EachCutGivesAPrefix) {
  std::mt19937 random(1);
  const std::string text = random_text(random, 3000);
  for (const char* list : {"gzip", "deflate", "br", "zstd", "gzip, br", "deflate, gzip"}) {
    const std::string coded = *encode(*parse_codings(list), text);
    std::size_t longest = 0;
    for (std::size_t size = 0; size < coded.size(); ++size) {
      const Decoded decoded = decode_listed(list, coded.substr(0, size));
      ASSERT_STREQ(decoded.problem, kCutEncoding) << list << " cut at " << size;
      ASSERT_TRUE(text.starts_with(decoded.bytes)) << list << " cut at " << size;
      longest = std::max(longest, decoded.bytes.size());
    }
    // zstd gives out whole blocks only, and this is a single one; so may be what codes bytes that
    // are coded already.
    const std::string_view name = list;
    const bool streams = name != "zstd" && name.find(',') == name.npos;
    EXPECT_GE(longest, streams ? text.size() / 2 : 0) << list;
  }
}

TEST(Decode, EncodedComesBack) {
  std::mt19937 random(2);
  for (const char* list : {"gzip", "deflate", "br", "zstd", "gzip,br", "zstd,deflate,br,gzip"}) {
    for (const std::size_t size : {0u, 1u, 1000u, 400'000u}) {
      const std::string text = random_text(random, size);
      const auto coded = encode(*parse_codings(list), text);
      ASSERT_TRUE(coded);
      const Decoded decoded = decode_listed(list, *coded);
      ASSERT_EQ(decoded.problem, nullptr) << list << ' ' << size;
      ASSERT_EQ(decoded.bytes, text) << list << ' ' << size;
    }
  }
}

TEST(Decode, SeveralMembersAreOneBody) {
  const std::string two = from_hex(kGzipHex) + from_hex(kGzipHex);
  EXPECT_EQ(decode_listed("gzip", two).bytes, std::string(kText) + kText);
  EXPECT_EQ(decode_listed("gzip", two + std::string(8, '\0')).problem, nullptr);
  EXPECT_EQ(decode_listed("zstd", from_hex(kZstdHex) + from_hex(kZstdHex)).bytes,
            std::string(kText) + kText);
}

TEST(Decode, BombsAreBounded) {
  const std::string zeros(16u << 20, '\0');
  for (const char* list : {"gzip", "deflate", "br", "zstd", "gzip,gzip", "br,br"}) {
    const std::string bomb = *encode(*parse_codings(list), zeros);
    const Decoded decoded = decode_listed(list, bomb);
    ASSERT_NE(decoded.problem, nullptr) << list;
    EXPECT_STREQ(decoded.problem, kDecodedBomb) << list;
    EXPECT_LE(decoded.bytes.size(), (1u << 20) + 200 * bomb.size() + 16 * 1024) << list;
  }
  // What text reaches is no bomb, until it is too large altogether.
  std::mt19937 random(3);
  const std::string text = random_text(random, 8u << 20);
  const std::string coded = *encode_gzip(text);
  EXPECT_EQ(decode_listed("gzip", coded).problem, nullptr);
  const Decoded part = decode_listed("gzip", coded, {.max_bytes = 1000});
  EXPECT_STREQ(part.problem, kDecodedTooLarge);
  EXPECT_EQ(part.bytes, text.substr(0, 1000));
}

TEST(Decode, AnyBytesMayBePutIn) {
  std::mt19937 random(4);
  const std::string text = random_text(random, 5000);
  for (const char* list : {"gzip", "deflate", "br", "zstd", "br,gzip"}) {
    const std::string coded = *encode(*parse_codings(list), text);
    for (int i = 0; i < 2000; ++i) {
      std::string broken = coded;
      for (std::size_t changes = 1 + random() % 3; changes > 0; --changes)
        broken[random() % broken.size()] = static_cast<char>(random());
      const Decoded decoded = decode_listed(list, broken);
      ASSERT_LE(decoded.bytes.size(), 16u << 20);
      const bool checksum = std::string_view(list) == "gzip";
      ASSERT_TRUE(decoded.problem || !checksum || decoded.bytes == text);
    }
    EXPECT_NE(decode_listed(list, "this is no coded body at all").problem, nullptr) << list;
  }
}

TEST(Decode, MessagesLoseTheirCoding) {
  Response response;
  response.headers = {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}};
  response.body = from_hex(kGzipHex);
  response.complete = true;
  Response cut = response;
  EXPECT_TRUE(undo_content_encoding(response));
  EXPECT_EQ(response.body, kText);
  EXPECT_EQ(response.body_bytes, response.body.size());
  EXPECT_EQ(find_header(response.headers, "content-encoding"), nullptr);
  EXPECT_FALSE(response.truncated);

  cut.body.resize(40);
  cut.truncated = true;
  EXPECT_TRUE(undo_content_encoding(cut));
  EXPECT_TRUE(cut.truncated);
  EXPECT_TRUE(std::string_view(kText).starts_with(cut.body));

  Response unknown;
  unknown.headers = {{"Content-Encoding", "compress"}};
  unknown.body = "x";
  EXPECT_FALSE(undo_content_encoding(unknown));
  EXPECT_EQ(unknown.body, "x");
  EXPECT_STREQ(decode_body(unknown).problem, kUnknownEncoding);
}

}  // namespace
}  // namespace gray
