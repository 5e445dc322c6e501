#include "userspace/pcapng/zstd_frames.h"

#include <new>

namespace gray {
namespace {

// A capture has to keep up: the fastest of the levels that are not made for speed alone.
constexpr int kLevel = 1;
// What `zstd` itself unpacks without being asked for more: at most 128 MiB of history.
constexpr int kMaxWindowLog = 27;

template <class Context>
Context* or_throw(Context* context) {
  if (context == nullptr) throw std::bad_alloc();
  return context;
}

}  // namespace

ZstdFrames::ZstdFrames(std::size_t most)
    : context_(or_throw(ZSTD_createCCtx())), out_(ZSTD_compressBound(most)) {
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
}

std::span<const std::uint8_t> ZstdFrames::compress(std::span<const std::uint8_t> bytes) noexcept {
  const std::size_t size =
      ZSTD_compress2(context_.get(), out_.data(), out_.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size)) return {};
  return std::span(out_).first(size);
}

bool ZstdStream::is_magic(std::uint32_t magic) noexcept {
  return magic == ZSTD_MAGICNUMBER ||
         (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

ZstdStream::ZstdStream() : context_(or_throw(ZSTD_createDCtx())) {
  ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
}

ZstdStream::Progress ZstdStream::unpack(std::span<const std::uint8_t> in,
                                        std::span<std::uint8_t> out) noexcept {
  ZSTD_inBuffer from{in.data(), in.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  const std::size_t left = ZSTD_decompressStream(context_.get(), &to, &from);
  if (ZSTD_isError(left))
    complaint_ = ZSTD_getErrorName(left);
  else if (from.pos > 0 || to.pos > 0)
    between_ = left == 0;
  return {.taken = from.pos, .made = to.pos};
}

}  // namespace gray
