#include <zstd.h>

#include <array>

#include "replay/content/decoders.h"
#include "replay/content/encode.h"
#include "userspace/base/owned.h"

namespace gray {
namespace {

constexpr int kMaxWindowLog = 23;  // 8 MiB, the most that RFC 9659 lets a coder ask for
constexpr int kLevel = 3;

}  // namespace

const char* decode_zstd(std::string_view body, BoundedOutput& out) {
  const Owned<ZSTD_DCtx, ZSTD_freeDCtx> context(ZSTD_createDCtx());
  if (!context ||
      ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kMaxWindowLog)))
    return kBadEncoding;
  std::array<char, 16 * 1024> buffer;
  ZSTD_inBuffer in{body.data(), body.size(), 0};
  std::size_t wanted = 1;  // 0 at the end of a frame
  while (true) {
    ZSTD_outBuffer step{buffer.data(), buffer.size(), 0};
    wanted = ZSTD_decompressStream(context.get(), &step, &in);
    if (const char* full = out.append({buffer.data(), step.pos})) return full;
    if (ZSTD_isError(wanted)) return kBadEncoding;
    if (in.pos == in.size && step.pos < step.size) return wanted == 0 ? nullptr : kCutEncoding;
  }
}

std::optional<std::string> encode_zstd(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), kLevel);
  if (ZSTD_isError(size)) return std::nullopt;
  out.resize(size);
  return out;
}

}  // namespace gray
