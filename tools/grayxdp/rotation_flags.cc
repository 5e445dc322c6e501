#include "tools/grayxdp/rotation_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <optional>

#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

constexpr std::uint64_t kMillion = 1'000'000;

std::optional<std::uint64_t> plain_number(const std::string& text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return number;
}

// As in tcpdump, a bare number is in millions of bytes.
std::uint64_t parse_file_size(const std::string& text) {
  const auto number = plain_number(text);
  if (number && *number > UINT64_MAX / kMillion)
    throw UsageError(fmt::format("-C {}: too large", text));
  const std::uint64_t bytes = number ? *number * kMillion : parse_size(text);
  if (bytes == 0) throw UsageError("-C 0: a file must be allowed some bytes");
  return bytes;
}

// As in tcpdump, a bare number is in seconds.
std::uint64_t parse_seconds(const std::string& text) {
  const auto number = plain_number(text);
  const std::uint64_t seconds = number ? *number : parse_duration(text) / kNsPerSecond;
  constexpr std::uint64_t kMost = 1'000'000'000;
  if (seconds == 0 || seconds > kMost)
    throw UsageError(fmt::format("-G {}: want whole seconds, 1 or more", text));
  return seconds;
}

}  // namespace

void RotationFlags::add_to(CLI::App& app) {
  app.add_option("-C", size, "a new file after so much; a bare number is in millions of bytes")
      ->type_name("SIZE");
  app.add_option("-G", seconds, "a new file every so many seconds, named by strftime's % in FILE")
      ->type_name("SECONDS");
  app.add_option("-W", files, "with -C: a ring of so many files; with -G: end after so many")
      ->check(CLI::Range(1U, 1'000'000U))
      ->type_name("FILES");
}

Rotation RotationFlags::rotation() const {
  return {.bytes = size.empty() ? 0 : parse_file_size(size),
          .seconds = seconds.empty() ? 0 : parse_seconds(seconds),
          .files = files};
}

void RotationFlags::check(const std::string& file) const {
  const bool rotates = rotation().active();
  if (files > 0 && !rotates) throw UsageError("-W needs -C or -G: when is a file full?");
  if (!rotates) return;
  if (file.empty() || file == "-")
    throw UsageError("-C and -G make files: give them a name with -w");
}

}  // namespace gray
