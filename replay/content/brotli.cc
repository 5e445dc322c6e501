#include <brotli/decode.h>
#include <brotli/encode.h>

#include <array>

#include "replay/content/decoders.h"
#include "replay/content/encode.h"
#include "userspace/base/owned.h"

namespace gray {
namespace {

constexpr int kQuality = 4;  // what servers use for answers made on the fly

const std::uint8_t* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

}  // namespace

const char* decode_brotli(std::string_view body, BoundedOutput& out) {
  const Owned<BrotliDecoderState, BrotliDecoderDestroyInstance> state(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr));
  if (!state) return kBadEncoding;
  std::array<std::uint8_t, 16 * 1024> buffer;
  const std::uint8_t* next_in = bytes_of(body);
  std::size_t in_left = body.size();
  while (true) {
    std::uint8_t* next_out = buffer.data();
    std::size_t out_left = buffer.size();
    const BrotliDecoderResult result = BrotliDecoderDecompressStream(
        state.get(), &in_left, &next_in, &out_left, &next_out, nullptr);
    const std::string_view decoded(reinterpret_cast<const char*>(buffer.data()),
                                   buffer.size() - out_left);
    if (const char* full = out.append(decoded)) return full;
    if (result == BROTLI_DECODER_RESULT_SUCCESS) return nullptr;
    if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT) return kCutEncoding;
    if (result == BROTLI_DECODER_RESULT_ERROR) return kBadEncoding;
  }
}

std::optional<std::string> encode_brotli(std::string_view bytes) {
  std::size_t size = BrotliEncoderMaxCompressedSize(bytes.size());
  if (size == 0) return std::nullopt;
  std::string out(size, '\0');
  if (!BrotliEncoderCompress(kQuality, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC, bytes.size(),
                             bytes_of(bytes), &size, reinterpret_cast<std::uint8_t*>(out.data())))
    return std::nullopt;
  out.resize(size);
  return out;
}

}  // namespace gray
