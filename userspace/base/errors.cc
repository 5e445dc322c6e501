#include "userspace/base/errors.h"

#include <unistd.h>

#include <cerrno>

namespace gray {

void throw_errno(int error, const std::string& doing) {
  throw std::system_error(error, std::generic_category(), doing);
}

int check(int result, const std::string& doing) {
  if (result < 0) throw_errno(-result, doing);
  return result;
}

int check_errno(int result, const std::string& doing) {
  if (result == -1) throw_errno(errno, doing);
  return result;
}

std::string describe(const std::exception& error) {
  std::string text = error.what();
  const auto* system = dynamic_cast<const std::system_error*>(&error);
  const bool denied = system && system->code().category() == std::generic_category() &&
                      (system->code().value() == EPERM || system->code().value() == EACCES);
  if (denied && geteuid() != 0) text += " (not root: try sudo, or see `grayxdp doctor`)";
  return text;
}

}  // namespace gray
