// A directory for one test, gone with all that is in it when the object goes.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "userspace/base/errors.h"

namespace gray {

class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "grayxdp-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw_errno(errno, "make a directory " + name);
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const noexcept { return path_; }
  /// The path of a file in it.
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace gray
