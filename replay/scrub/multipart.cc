// multipart/form-data (RFC 7578, RFC 2046 section 5.1): the parts are taken apart at the boundary,
// each scrubbed by its name or its type, and put together again.

#include <algorithm>

#include "replay/scrub/body.h"
#include "replay/scrub/chars.h"
#include "replay/scrub/headers.h"

namespace gray {
namespace {

constexpr std::string_view kBad = "bad_multipart";
constexpr std::size_t kMaxParts = 10'000;
constexpr std::size_t kMaxBoundary = 70;  // RFC 2046 section 5.1.1

struct MultipartPart {
  Headers headers;
  std::string body;
};

/// Reads the lines up to the empty one; nothing when they are no headers.
bool read_part(std::string_view raw, MultipartPart& part) {
  while (true) {
    const std::size_t end = raw.find("\r\n");
    if (end == std::string_view::npos) return false;
    const std::string_view line = raw.substr(0, end);
    raw.remove_prefix(end + 2);
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    part.headers.push_back(
        {std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1)))});
  }
  part.body = raw;
  return true;
}

const char* scrub_part(const Policy& policy, MultipartPart& part, bool& dropped) {
  const std::string* disposition = find_header(part.headers, "content-disposition");
  const std::string* encoding = find_header(part.headers, "content-transfer-encoding");
  if (encoding && !same_name(*encoding, "8bit") && !same_name(*encoding, "7bit") &&
      !same_name(*encoding, "binary"))
    return "bad_encoding";
  const std::string name = disposition ? header_parameter(*disposition, "name") : "";
  const auto treatment = policy.form(name, part.body);
  if (treatment && treatment->action == Action::Keep) return nullptr;
  dropped = treatment && treatment->action == Action::Drop;
  if (dropped) return nullptr;
  if (treatment)
    part.body = policy.redactor().redact(*treatment, part.body);
  else if (const char* refused = scrub_body(policy, part.headers, part.body))
    return refused;
  return scrub_headers(policy, part.headers) ? nullptr : kBad.data();
}

std::string write_part(const MultipartPart& part) {
  std::string text;
  for (const Header& header : part.headers) text += header.name + ": " + header.value + "\r\n";
  return text + "\r\n" + part.body;
}

}  // namespace

const char* scrub_multipart(const Policy& policy, std::string_view content_type,
                            std::string& body) {
  const std::string boundary = header_parameter(content_type, "boundary");
  if (boundary.empty() || boundary.size() > kMaxBoundary) return kBad.data();
  const std::string delimiter = "\r\n--" + boundary;
  std::string_view rest = body;
  if (!rest.starts_with(std::string_view(delimiter).substr(2))) return kBad.data();
  rest.remove_prefix(delimiter.size() - 2);
  std::string result = delimiter.substr(2);
  for (std::size_t count = 0; !rest.starts_with("--"); ++count) {
    const std::size_t end = rest.find(delimiter);
    MultipartPart part;
    if (count == kMaxParts || !rest.starts_with("\r\n") || end == std::string_view::npos ||
        !read_part(rest.substr(2, end - std::min<std::size_t>(end, 2)), part))
      return kBad.data();
    bool dropped = false;
    if (const char* refused = scrub_part(policy, part, dropped)) return refused;
    if (!dropped) result += "\r\n" + write_part(part) + delimiter;
    rest.remove_prefix(end + delimiter.size());
  }
  // Whatever stands behind the last delimiter is for nobody (the epilogue).
  body = result + "--\r\n";
  return nullptr;
}

}  // namespace gray
