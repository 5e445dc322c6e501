#include "userspace/pcapng/rotation.h"

#include <fmt/format.h>

namespace gray {

std::string SavefileNames::first(std::time_t now) {
  expand(now);
  return numbered();
}

std::string SavefileNames::after_size() {
  ++number_;
  if (rotation_.files > 0 && number_ >= rotation_.files) number_ = 0;
  return numbered();
}

std::optional<std::string> SavefileNames::after_time(std::time_t now) {
  // With -C, -W only says how many numbers there are in a period.
  const bool ends = rotation_.files > 0 && rotation_.bytes == 0;
  if (++periods_ >= rotation_.files && ends) return std::nullopt;
  expand(now);
  number_ = 0;
  return numbered();
}

/// strftime(3) says 0 for "too long" and for "nothing": what it cannot expand stays as it is.
void SavefileNames::expand(std::time_t now) {
  base_ = pattern_;
  if (rotation_.seconds == 0 || pattern_.empty()) return;
  std::tm local{};
  localtime_r(&now, &local);
  std::string text(pattern_.size() + 4096, '\0');
  text.resize(std::strftime(text.data(), text.size(), pattern_.c_str(), &local));
  if (!text.empty()) base_ = text;
}

std::string SavefileNames::numbered() const {
  if (rotation_.bytes == 0) return base_;
  int digits = 0;
  for (std::uint64_t last = rotation_.files > 0 ? rotation_.files - 1 : 0; last > 0; last /= 10)
    ++digits;
  if (number_ == 0 && digits == 0) return base_;
  return fmt::format("{}{:0{}}", base_, number_, digits);
}

}  // namespace gray
