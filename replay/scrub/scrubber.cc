#include "replay/scrub/scrubber.h"

#include <fmt/format.h>

#include <algorithm>

#include "replay/protocol/grpc/call.h"
#include "replay/scrub/body.h"
#include "replay/scrub/chars.h"
#include "replay/scrub/encoded.h"
#include "replay/scrub/headers.h"
#include "replay/scrub/json.h"
#include "replay/scrub/policy.h"
#include "replay/scrub/proto.h"
#include "replay/scrub/proto_rules.h"
#include "replay/scrub/url.h"

namespace gray {
namespace {

std::shared_ptr<const Schemas> in_use(const CurrentSchemas* schemas) {
  return schemas ? schemas->get() : std::make_shared<const Schemas>();
}

const char* scrub_any_body(const Policy& policy, const CurrentSchemas* schemas, Request& request) {
  if (grpc::read_call(request, nullptr))
    return scrub_grpc_body(policy, *in_use(schemas), request.target, Side::Request, request);
  return scrub_body(policy, request.headers, request.body);
}

const char* scrub_request(const Policy& policy, const CurrentSchemas* schemas, Request& request) {
  // The body first: its type is in the target, or in a header that a rule may drop.
  if (request.target.empty()) return "bad_target";
  if (const char* refused = scrub_any_body(policy, schemas, request)) return refused;
  if (!scrub_url(policy, Part::Target, request.target)) return "bad_target";
  if (!scrub_headers(policy, request.headers) || !scrub_headers(policy, request.trailers))
    return "bad_header";
  policy.scrub_text(Part::HeaderField, request.authority);
  request.body_bytes = request.body.size();
  request.body_sha256.clear();  // of the secret body, and a short one could be guessed from it
  if (!request.chunked)
    for (Header& header : request.headers)
      if (same_name(header.name, "content-length"))
        header.value = std::to_string(request.body_bytes);
  return nullptr;
}

std::string scrub_json_value(const Policy& policy, std::string_view path, std::string_view value) {
  const std::vector<JsonStep> place = parse_place(path);
  std::string text(value);
  const std::string_view trimmed = trim(value);
  const bool is_json =
      !trimmed.empty() && std::string_view("{[\"").find(trimmed.front()) != std::string_view::npos;
  const bool is_number = !trimmed.empty() && (is_digit(trimmed.front()) || trimmed.front() == '-');
  if (is_json || is_number) {
    const JsonOptions options{.may_be_cut = is_json, .place = place};
    if (scrub_json(policy, text, options) != JsonResult::Bad) return text;
    text = value;
  }
  const auto treatment = policy.json(place, std::nullopt);
  if (treatment) return policy.redactor().redact(*treatment, text);
  scrub_value(policy, Part::Body, text);
  return text;
}

std::string scrub_body_value(const Policy& policy, std::string_view value) {
  std::string text(value);
  if (looks_like_json(text) &&
      scrub_json(policy, text, {.many = true, .may_be_cut = true}) != JsonResult::Bad)
    return text;
  if (scrub_untyped(policy, text) != nullptr)
    return fmt::format("({} bytes that are no text)", value.size());
  return text;
}

std::string redact_or_scrub(const Policy& policy, const std::optional<Treatment>& treatment,
                            Part part, std::string_view value) {
  if (treatment) return policy.redactor().redact(*treatment, value);
  std::string text(value);
  gray::scrub_value(policy, part, text);
  return text;
}

std::string scrub_field(const Policy& policy, std::string_view field, std::string_view value) {
  const std::size_t dot = std::min(field.find('.'), field.size());
  const std::string_view kind = field.substr(0, dot);
  const std::string_view name = field.substr(std::min(dot + 1, field.size()));
  std::string text(value);
  if (kind == "header") return scrub_header_value(policy, name, text) ? text : "";
  if (kind == "json") return scrub_json_value(policy, name, value);
  if (kind == "body") return scrub_body_value(policy, value);
  if (kind == "target" && scrub_url(policy, Part::Target, text)) return text;
  if (kind == "cookie")
    return redact_or_scrub(policy, policy.cookie(name), Part::HeaderField, value);
  if (kind == "query")
    return redact_or_scrub(policy, policy.query(name, value), Part::Target, value);
  if (kind == "form") return redact_or_scrub(policy, policy.form(name, value), Part::Body, value);
  gray::scrub_value(policy, kind == "target" ? Part::Target : Part::HeaderField, text);
  return text;
}

}  // namespace

Scrubber Scrubber::off() {
  return Scrubber(nullptr);
}

Scrubber Scrubber::builtin() {
  return Scrubber(std::make_shared<const Policy>(Rules{}));
}

Scrubber Scrubber::from_file(const std::string& path) {
  return Scrubber(std::make_shared<const Policy>(read_rules(path)));
}

Scrubber Scrubber::from_option(const std::string& text) {
  if (text == "off") return off();
  if (text == "builtin") return builtin();
  return from_file(text);
}

void Scrubber::use_schemas(std::shared_ptr<const CurrentSchemas> schemas) {
  if (on()) check_proto_rules(policy_->proto_rules(), *schemas->get());
  schemas_ = std::move(schemas);
}

const char* Scrubber::scrub(Request& request) const noexcept {
  if (!on()) return nullptr;
  try {
    return scrub_request(*policy_, schemas_.get(), request);
  } catch (...) {
    return "scrub_failed";
  }
}

const char* Scrubber::scrub_grpc(std::string_view target, Response& response) const noexcept {
  if (!on()) return nullptr;
  try {
    return scrub_grpc_body(*policy_, *in_use(schemas_.get()), target, Side::Response, response);
  } catch (...) {
    return "scrub_failed";
  }
}

std::string Scrubber::scrub_value(std::string_view field, std::string_view value) const {
  return on() ? scrub_field(*policy_, field, value) : std::string(value);
}

std::optional<std::string> Scrubber::scrub_json_at(std::span<const JsonStep> place,
                                                   std::string_view json) const {
  std::string text(json);
  if (!on()) return text;
  std::optional<Treatment> inherited, treatment;
  for (std::size_t steps = 1; steps <= place.size(); ++steps) {
    inherited = treatment;
    treatment = policy_->json(place.first(steps), inherited);
    if (!treatment || treatment->action != Action::Drop) continue;
    const bool element = steps == place.size() && place.back().is_index;
    return element ? std::optional<std::string>("null") : std::nullopt;
  }
  const JsonOptions options{
      .may_be_cut = true, .place = {place.begin(), place.end()}, .inherited = inherited};
  if (scrub_json(*policy_, text, options) == JsonResult::Bad) return "\"(scrubbed)\"";
  return text;
}

std::string Scrubber::scrub_key(std::string_view key) const {
  std::string text(key);
  if (on()) policy_->scrub_text(Part::Body, text);
  return text;
}

std::string Scrubber::scrub_text(std::string_view text) const {
  std::string result(text);
  if (on()) gray::scrub_value(*policy_, Part::HeaderField, result);
  return result;
}

}  // namespace gray
