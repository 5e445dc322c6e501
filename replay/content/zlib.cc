#include <zlib.h>

#include <array>
#include <limits>

#include "replay/content/decoders.h"
#include "replay/content/encode.h"

namespace gray {
namespace {

constexpr int kGzip = 16 + MAX_WBITS;
constexpr int kZlib = MAX_WBITS;
constexpr int kRaw = -MAX_WBITS;
constexpr std::size_t kStep = 16 * 1024;

class Inflater {
 public:
  Inflater(int window_bits, std::string_view body) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    stream_.avail_in = static_cast<uInt>(body.size());
    ready_ = inflateInit2(&stream_, window_bits) == Z_OK;
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Up to the end of one stream.
  const char* run(BoundedOutput& out) {
    if (!ready_) return kBadEncoding;
    std::array<char, kStep> buffer;
    while (true) {
      stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
      stream_.avail_out = kStep;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (const char* full = out.append({buffer.data(), kStep - stream_.avail_out})) return full;
      if (result == Z_STREAM_END) return nullptr;
      if (result == Z_BUF_ERROR || (result == Z_OK && stream_.avail_out > 0))
        return stream_.avail_in == 0 ? kCutEncoding : kBadEncoding;
      if (result != Z_OK) return kBadEncoding;
    }
  }

  std::string_view rest() const {
    return {reinterpret_cast<const char*>(stream_.next_in), stream_.avail_in};
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

bool too_large_for_zlib(std::string_view body) noexcept {
  return body.size() > std::numeric_limits<uInt>::max();
}

bool has_zlib_header(std::string_view body) noexcept {
  if (body.empty()) return true;
  const auto first = static_cast<unsigned char>(body[0]);
  if ((first & 0x0f) != Z_DEFLATED || first >> 4 > 7) return false;
  return body.size() < 2 || (first * 256u + static_cast<unsigned char>(body[1])) % 31 == 0;
}

std::optional<std::string> compress(std::string_view bytes, int window_bits) {
  if (too_large_for_zlib(bytes)) return std::nullopt;
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    return std::nullopt;
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool done = ::deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return done ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace

const char* decode_gzip(std::string_view body, BoundedOutput& out) {
  constexpr std::string_view kMagic = "\x1f\x8b";
  if (body.empty()) return kCutEncoding;
  if (too_large_for_zlib(body)) return kDecodedTooLarge;
  do {
    Inflater inflater(kGzip, body);
    if (const char* problem = inflater.run(out)) return problem;
    body = inflater.rest();
  } while (body.starts_with(kMagic));
  return nullptr;
}

const char* decode_deflate(std::string_view body, BoundedOutput& out) {
  if (body.empty()) return kCutEncoding;
  if (too_large_for_zlib(body)) return kDecodedTooLarge;
  if (has_zlib_header(body)) {
    const char* problem = Inflater(kZlib, body).run(out);
    if (problem != kBadEncoding || out.size() > 0) return problem;
  }
  return Inflater(kRaw, body).run(out);
}

std::optional<std::string> encode_gzip(std::string_view bytes) {
  return compress(bytes, kGzip);
}

std::optional<std::string> encode_deflate(std::string_view bytes) {
  return compress(bytes, kZlib);
}

}  // namespace gray
