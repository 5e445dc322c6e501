// The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B). Pure function, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace gray::http2 {

/// Appends what `bytes` stand for to `out`. False, with a part of it appended, when they are no
/// Huffman string: EOS inside, or padding that is not the at most seven first bits of EOS.
bool huffman_decode(std::span<const std::uint8_t> bytes, std::string& out);

}  // namespace gray::http2
