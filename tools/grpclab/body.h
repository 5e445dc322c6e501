// What a side of a call says on the wire: its messages in a row, each behind its five bytes of
// prefix, none of them compressed. That is what `grayxdp requests` lists the size and SHA-256 of.
// One thread.
#pragma once

#include <google/protobuf/message_lite.h>

#include <cstdint>
#include <string>

namespace gray::grpclab {

class Body {
 public:
  void add(const google::protobuf::MessageLite& message);

  std::uint64_t messages() const noexcept { return messages_; }
  std::uint64_t size() const noexcept { return bytes_.size(); }
  std::string sha256() const;  ///< hex

 private:
  std::uint64_t messages_ = 0;
  std::string bytes_;
};

}  // namespace gray::grpclab
