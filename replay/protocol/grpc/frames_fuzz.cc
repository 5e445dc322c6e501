// Any bytes cut into gRPC messages: the messages stand one behind the other, inside of the body,
// and what is left is no whole message.
#include "replay/protocol/grpc/frames.h"
#include "userspace/base/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gray;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  std::size_t at = 0;
  for (const grpc::MessageFrame& frame : grpc::split_messages(body)) {
    require(frame.offset == at, "messages follow each other");
    require(frame.payload.data() == body.data() + at + 5, "a payload follows its prefix");
    require(frame.compressed == (data[at] == 1), "the flag is the first byte");
    at += 5 + frame.payload.size();
    require(at <= size, "a message is whole");
  }
  if (size - at < 5 || data[at] > 1) return 0;
  std::size_t length = 0;
  for (std::size_t i = 1; i < 5; ++i) length = length << 8 | data[at + i];
  require(length > size - at - 5, "no whole message is left");
  return 0;
}
