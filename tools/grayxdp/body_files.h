// The files of `requests --bodies`: DIR/ID.request and DIR/ID.response with the bytes, and of gRPC
// calls the same with .json behind it, with the messages. For its owner only, one thread.
#pragma once

#include <string>
#include <string_view>

#include "replay/protocol/exchange.h"
#include "replay/schema/schemas.h"

namespace gray {

class BodyFiles {
 public:
  /// An empty `folder`: nothing is written.
  explicit BodyFiles(std::string folder) : folder_(std::move(folder)) {}

  void write(const Exchange& exchange, const Schemas& schemas);
  /// Of the first file that could not be written, after which none is; empty when all were.
  const std::string& failure() const noexcept { return failure_; }

 private:
  void write_message(const std::string& path, const Exchange& exchange, const Message& message,
                     Side side, const Schemas& schemas);
  void write_file(const std::string& path, std::string_view bytes);

  std::string folder_;
  std::string failure_;
};

}  // namespace gray
