// A capture file of any bytes, pcapng or pcap, plain or compressed: ends by itself, and every frame
// is inside of what its interface promised.
#include <exception>

#include "userspace/base/fuzz.h"
#include "userspace/pcapng/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gray;
  const FuzzFile file(data, size);
  try {
    CaptureReader reader(file.path());
    Frame frame;
    std::uint64_t frames = 0;
    std::uint64_t sum = 0;
    while (reader.next(frame)) {
      ++frames;
      for (const std::uint8_t byte : frame.bytes) sum += byte;
      require(frame.wire_len >= frame.bytes.size(), "a frame is no longer than it was");
      require(frame.interface < reader.interfaces().size(), "a frame has an interface");
      reader.give_back(frame);
    }
    require(reader.ended(), "a file ends");
    require(reader.frames() == frames, "frames are counted");
    // Time that depends on what was read, or else the reading could be left out.
    if (sum == ~std::uint64_t{0}) std::abort();
  } catch (const std::exception&) {
    // No capture file: the way to say so.
  }
  return 0;
}
