// Header blocks of any bytes. The first byte chooses whether the decoder has seen all before: then
// it says what nghttp2's says of every valid block; or was joined in the middle: then it may say
// less. Blocks are cut off by two-byte lengths; one without bytes stands for blocks that were
// missed.
#include "replay/protocol/http2/hpack.h"

#include <nghttp2/nghttp2.h>

#include <memory>

#include "userspace/base/fuzz.h"
#include "userspace/base/owned.h"

namespace gray::http2 {
namespace {

using Inflater = Owned<nghttp2_hd_inflater, nghttp2_hd_inflate_del>;

Inflater make_inflater() {
  nghttp2_hd_inflater* made = nullptr;
  nghttp2_hd_inflate_new(&made);
  return Inflater(made);
}

bool same(const HeaderList& list, std::size_t at, const nghttp2_nv& field) {
  if (at >= list.fields.size()) return false;
  const Header& header = list.fields[at];
  return header.name ==
             std::string_view(reinterpret_cast<const char*>(field.name), field.namelen) &&
         header.value ==
             std::string_view(reinterpret_cast<const char*>(field.value), field.valuelen);
}

// Whether nghttp2 takes the block; then it says the same.
bool agrees(nghttp2_hd_inflater* inflater, std::span<const std::uint8_t> block,
            const HeaderList& list) {
  std::size_t fields = 0;
  while (true) {
    nghttp2_nv field;
    int flags = 0;
    const ssize_t used =
        nghttp2_hd_inflate_hd2(inflater, &field, &flags, block.data(), block.size(), 1);
    if (used < 0) return false;
    block = block.subspan(static_cast<std::size_t>(used));
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
      require(list.truncated || same(list, fields++, field), "a field is as nghttp2 reads it");
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && block.empty()) return false;
  }
  nghttp2_hd_inflate_end_headers(inflater);
  require(!list.bad, "a block that nghttp2 takes is none that is bad");
  require(list.truncated || fields == list.fields.size(), "there are no more fields");
  require(list.unknown == 0, "all is known");
  return true;
}

}  // namespace
}  // namespace gray::http2

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gray;
  FuzzInput input(data, size);
  bool whole = (input.byte() & 1) != 0;
  MemoryBudget budget{100'000, 0};
  {
    http2::HpackDecoder decoder(&budget);
    const auto inflater = http2::make_inflater();
    if (!whole) decoder.lost();
    while (!input.empty()) {
      const auto block = input.bytes(input.word() % 4096U);
      if (block.empty()) {
        whole = false;
        decoder.lost();
        continue;
      }
      http2::looks_like_block(block);
      const http2::HeaderList list = decoder.decode(block);
      std::size_t bytes = 0;
      for (const Header& header : list.fields)
        bytes += header.name.size() + header.value.size() + sizeof(Header);
      require(bytes <= http2::kMaxHeaderList, "a list is bounded");
      require(budget.used <= 100'000, "the table is bounded");
      // What is not valid leaves the two in states of their own.
      whole = whole && http2::agrees(inflater.get(), block, list);
    }
  }
  require(budget.used == 0, "memory is given back");
  return 0;
}
