#include "tools/grayxdp/line_order.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace gray {

void LineOrder::add(const Place& place, std::string line) {
  if (place.time_ns < given_ns_) ++late_;
  held_ += sizeof(Line) + line.size();
  lines_.push({place, numbers_++, std::move(line)});
  while (held_ > max_bytes_) pop();
}

void LineOrder::release(std::uint64_t time_ns) {
  while (!lines_.empty() && lines_.top().place.time_ns < time_ns) pop();
  out_.flush();
}

void LineOrder::finish() {
  while (!lines_.empty()) pop();
  out_.flush();
}

void LineOrder::pop() {
  const Line& line = lines_.top();
  out_ << line.text;
  given_ns_ = std::max(given_ns_, line.place.time_ns);
  held_ -= sizeof(Line) + line.text.size();
  lines_.pop();
}

}  // namespace gray
