#include "replay/protocol/http1/reader.h"

namespace gray {

ResponseReader::ResponseReader(const std::string& request_method, std::size_t max_body)
    : reader_(MessageKind::Response, ReaderLimits{.max_body = max_body}), method_(request_method) {
  reader_.answers(method_);
}

ReadStatus ResponseReader::feed(std::span<const std::uint8_t> bytes, std::uint64_t now_ns) {
  consumed_ = 0;
  while (true) {
    const ReadStatus status = reader_.feed(bytes.subspan(consumed_), now_ns);
    consumed_ += reader_.consumed();
    const bool interim = status == Status::Complete && reader_.status() / 100 == 1;
    if (!interim) return status;
    reader_.take_response();
    reader_.answers(method_);
  }
}

ReadStatus ResponseReader::eof(std::uint64_t) {
  const ReadStatus status = reader_.eof();
  return status == Status::NeedMore ? Status::Bad : status;
}

Response ResponseReader::take() {
  return reader_.take_response();
}

}  // namespace gray
