#include "replay/schema/types.h"

#include <algorithm>

namespace gray {

const FieldType* MessageType::field(std::uint32_t wanted) const noexcept {
  const auto found =
      std::lower_bound(fields.begin(), fields.end(), wanted,
                       [](const FieldType& field, std::uint32_t n) { return field.number < n; });
  return found != fields.end() && found->number == wanted ? &*found : nullptr;
}

const FieldType* MessageType::field(std::string_view wanted) const noexcept {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const FieldType& field) { return field.name == wanted; });
  return found != fields.end() ? &*found : nullptr;
}

const MessageType* Schema::message(std::string_view name) const {
  const auto found = messages.find(name);
  return found != messages.end() ? &found->second : nullptr;
}

const MethodType* Schema::method(std::string_view service, std::string_view method) const {
  const auto found = methods.find(std::string(service) + '/' + std::string(method));
  return found != methods.end() ? &found->second : nullptr;
}

}  // namespace gray
