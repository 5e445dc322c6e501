// One decoder a coding, each over a whole body or a prefix of one. They return null, or why they
// stopped; what they decoded until then is in `out`.
#pragma once

#include <string_view>

#include "replay/content/bounded_output.h"

namespace gray {

const char* decode_gzip(std::string_view body, BoundedOutput& out);
const char* decode_deflate(std::string_view body, BoundedOutput& out);
const char* decode_brotli(std::string_view body, BoundedOutput& out);
const char* decode_zstd(std::string_view body, BoundedOutput& out);

}  // namespace gray
