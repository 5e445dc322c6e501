// A rules file of any bytes: read, or refused as a user's mistake; never anything else.
#include "replay/scrub/rules.h"
#include "userspace/base/errors.h"
#include "userspace/base/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gray;
  const FuzzFile file(data, size);
  try {
    read_rules(file.path());
  } catch (const UsageError& error) {
    require(*error.what() != '\0', "a refusal says why");
  }
  return 0;
}
