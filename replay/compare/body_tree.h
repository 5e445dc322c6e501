// A body as a tree, by its media type: the seam where kinds of bodies plug in. JSON, forms and text
// are here; another kind is one more BodyMaker (protobuf: proto_body.h). Pure functions.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "replay/compare/tree.h"
#include "replay/protocol/exchange.h"
#include "replay/scrub/json_path.h"
#include "replay/scrub/scrubber.h"

namespace gray {

/// One answer's body, its content coding undone. Views, valid during the call.
struct BodySource {
  const Exchange* exchange = nullptr;  ///< for what the body alone does not tell: a gRPC method
  const Response* response = nullptr;
  std::string_view body;
};

/// Both answers' bodies, as they may be shown. A value stands at its own place there.
struct ShownTrees {
  std::optional<Tree> production;  ///< absent: nothing of it may be shown
  std::optional<Tree> canary;
};

/// Two bodies that are read with what one tells of the other.
struct TreePair {
  Tree production;
  Tree canary;
  /// Places that only the canary's has, "$.items[0].9", and that are in neither tree: who reads
  /// production's answers passes over them.
  std::vector<std::string> added = {};
  /// Called at most once, when something is to be shown; empty: value by value (BodyMaker::scrub).
  std::function<ShownTrees()> shown = {};
};

struct BodyMaker {
  /// What its fields begin with: "json", "form", "proto". Places are written "json.$.a[0]" when
  /// `rooted`, "form.a" when not.
  std::string part;
  bool rooted = true;
  /// Whether the body is said to be, or looks to be, of this kind.
  std::function<bool(const BodySource&)> takes;
  /// Absent: it is not of this kind after all. The tree may look into the body.
  std::function<std::optional<Tree>(const BodySource&)> make;
  /// A value as it may be shown; empty: as a value of a JSON document at its place (see
  /// Scrubber::scrub_json_at).
  std::function<std::optional<std::string>(std::span<const JsonStep>, const TreeNode&)> scrub;
  /// In place of `make`, of kinds whose bodies are read side by side.
  std::function<std::optional<TreePair>(const BodySource& production, const BodySource& canary)>
      make_both = {};
};

/// Both bodies by a maker that takes both; absent: one is not of its kind after all.
std::optional<TreePair> both_trees(const BodyMaker& maker, const BodySource& production,
                                   const BodySource& canary);

/// A value as JSON text: a string in its quotes, everything else as it was written.
std::string json_text(const TreeNode& node);

/// "application/problem+json" of "Application/problem+JSON; charset=utf-8"; empty without one.
std::string media_type(const Headers& headers);

/// Whether two values of Content-Type mean the same (RFC 9110 section 8.3.1): names in any case,
/// parameters in any order, quoted or not, the value of charset in any case.
bool same_media(std::string_view a, std::string_view b);

/// application/json, text/json, +json, or a body that begins with { or [. A bare value that may be
/// cut is none.
BodyMaker json_maker();
/// Several JSON values one behind the other, as application/x-ndjson: an array of them. Of a body
/// that says nothing of the kind, when it is no one value; to be asked after json_maker().
/// `scrubber` must outlive the maker.
BodyMaker json_sequence_maker(const Scrubber& scrubber);
/// application/x-www-form-urlencoded: an object of strings.
BodyMaker form_maker();

/// Whether the bytes are not the content itself but a coding of it that was not undone.
bool coded(const BodySource& source);

/// text/… but JSON, XML, JavaScript: what has lines.
bool is_text(const BodySource& source);

}  // namespace gray
