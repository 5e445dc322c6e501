// The descriptor files that the user named, and gRPC bodies read with them. Several files may hold
// several versions of one package: a message is read with the one that knows most of it.
//
// One thread reloads; any thread takes a snapshot, which is const and stays as it is.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "replay/protocol/exchange.h"
#include "replay/schema/proto_json.h"

namespace gray {

/// In the order of the command line; may be empty.
using Schemas = std::vector<std::shared_ptr<const Schema>>;

/// The sets in use, shared by those who read messages while another thread exchanges them. What
/// points into a set holds its snapshot.
class CurrentSchemas {
 public:
  explicit CurrentSchemas(Schemas schemas = {}) { set(std::move(schemas)); }

  std::shared_ptr<const Schemas> get() const {
    const std::lock_guard lock(mutex_);
    return schemas_;
  }
  void set(Schemas schemas) {
    auto fresh = std::make_shared<const Schemas>(std::move(schemas));
    const std::lock_guard lock(mutex_);
    schemas_.swap(fresh);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Schemas> schemas_;
};

class DescriptorFiles {
 public:
  /// Throws UsageError, the file's name first.
  explicit DescriptorFiles(const std::vector<std::string>& paths);

  const Schemas& schemas() const noexcept { return schemas_; }

  /// Looks at the files' sizes and times, and reads those that changed. One that is broken, or
  /// gone, leaves the old one in place; what is wrong with it is returned, once: a line each.
  std::vector<std::string> reload();

 private:
  struct File {
    std::string path;
    std::int64_t time_ns = 0;
    std::int64_t size = 0;
  };
  static bool look(File& file);

  std::vector<File> files_;
  Schemas schemas_;
};

enum class Side : std::uint8_t { Request, Response };

/// The schema and the type to read one side of a call with; both null when no set knows the method.
struct TypedSide {
  const Schema* schema = nullptr;
  const MessageType* type = nullptr;
  bool streams = false;  ///< also when nothing is known, and there is other than one message
};

/// `target` is "/shop.v1.Shop/GetItem". Of several sets the first with the fewest unknown fields.
TypedSide choose_type(const Schemas& schemas, std::string_view target, Side side,
                      const std::vector<std::string>& messages);

struct GrpcBodyJson {
  std::vector<std::string> messages;  ///< each as a JSON text of one line
  bool streams = false;               ///< the side may have other than one
  const char* problem = nullptr;      ///< why it is only the beginning: see grpc_messages.h

  std::string text() const;  ///< the message; of a side that streams the list of them
};

/// For people. Nothing when the first message is none.
std::optional<GrpcBodyJson> grpc_json(const Schemas& schemas, std::string_view target, Side side,
                                      const Message& message);

/// Two responses as trees of one shape, made for comparing: both read with the type that fits
/// production's, 64-bit integers as numbers. A field that this type does not know, and that only
/// the canary sent, is an addition that production's clients pass over: it is no part of the tree.
struct GrpcTrees {
  std::string production;
  std::string canary;
  /// Places of the additions, "$.items[0].note", or "$.items[0].9" when no set names them.
  std::vector<std::string> added;
  TypedSide typed;  ///< what both were read with; points into `schemas`
};

/// Nothing when one of them is no gRPC body from end to end: compare bytes then. Without a type
/// nothing can be told an addition, and fields are named by number.
std::optional<GrpcTrees> grpc_trees(const Schemas& schemas, std::string_view target,
                                    const Message& production, const Message& canary);

/// A response as such a tree, additions with it.
std::optional<std::string> grpc_tree(const TypedSide& typed, const Message& response);

}  // namespace gray
