// Scrubbing: no secret leaves in a request, a file or a line of text. Rules of the user and a
// built-in set say what a secret is (names.h and finding.h list the set), and what becomes of it.
//
// The built-in set tokenizes: each secret is replaced by another of its own form and length, so
// that the canary still takes the same way through its code. Authorization keeps its scheme,
// cookies their names, mobile numbers are mobile numbers, card numbers and identity cards have
// right check digits, e-mail addresses keep their top-level domain. The same secret becomes the
// same token wherever it stands: in a run, and in all runs with the same key_file. Without a
// key_file the key is random and of this run only.
//
// A rule with `keep` beats the built-in set, patterns included. Rules of fields beat patterns.
// Scrubbing is not idempotent: a token looks like a secret and would get a token of its own.
// Const; any thread may use one, and copies share their key.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "replay/protocol/exchange.h"
#include "replay/schema/schemas.h"
#include "replay/scrub/json_path.h"

namespace gray {

class Policy;

class Scrubber {
 public:
  static Scrubber off();
  static Scrubber builtin();
  /// Throws UsageError: "file:line:column: what".
  static Scrubber from_file(const std::string& path);
  /// "RULES.yaml", "builtin" or "off".
  static Scrubber from_option(const std::string& text);

  /// With which gRPC bodies are read from now on; without any, by field number. Throws UsageError
  /// for a rule of a protobuf field that none of them has.
  void use_schemas(std::shared_ptr<const CurrentSchemas> schemas);

  bool on() const noexcept { return policy_ != nullptr; }

  /// Scrubs a request in place. Null when done; else the drop's name, and the request must not
  /// leave: "bad_target", "bad_header", "bad_json", "bad_form", "bad_multipart", a name of
  /// replay/content/decode.h ("bad_encoding" also for a charset that hides digits), "opaque_body"
  /// (binary), of gRPC "bad_proto" (no fields), "untyped_proto" (there are rules for protobuf's
  /// fields, and no descriptors), "cut_grpc" and "bad_grpc" (grpc_messages.h), "scrub_failed" (out
  /// of memory). A coded body is coded again. Content-Length is that of the new body.
  const char* scrub(Request& request) const noexcept;

  /// The messages of a response to a gRPC request for `target`, in place, for showing them: bytes
  /// that cannot be read become a hash. Null when done; else why it must not be shown.
  const char* scrub_grpc(std::string_view target, Response& response) const noexcept;

  /// One value for a person or a file, by the field it stands in: "status", "header.location",
  /// "json.$.user.phone", "body", "target", also "cookie.NAME", "query.NAME", "form.NAME". Empty
  /// when a rule drops the field.
  std::string scrub_value(std::string_view field, std::string_view value) const;
  /// A value out of a JSON document, as JSON text, and what scrubbing the whole document would make
  /// of it at its place: what holds for what it is in holds for it, too. Absent when it is dropped.
  std::optional<std::string> scrub_json_at(std::span<const JsonStep> place,
                                           std::string_view json) const;
  /// A member's name, which can be a secret, too.
  std::string scrub_key(std::string_view key) const;
  /// By patterns only.
  std::string scrub_text(std::string_view text) const;

 private:
  explicit Scrubber(std::shared_ptr<const Policy> policy) : policy_(std::move(policy)) {}

  std::shared_ptr<const Policy> policy_;           ///< null: off
  std::shared_ptr<const CurrentSchemas> schemas_;  ///< null: none
};

}  // namespace gray
