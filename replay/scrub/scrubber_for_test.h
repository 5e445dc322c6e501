// What the tests of scrubbing share: a file that goes away, and a scrubber with a fixed key.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "replay/scrub/scrubber.h"

namespace gray {

class TestFolder {
 public:
  TestFolder() {
    std::string name = std::filesystem::temp_directory_path() / "gray-scrub-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::string write(const std::string& name, const std::string& text, ::mode_t mode = 0600) const {
    const std::string file = path_ + "/" + name;
    std::ofstream(file, std::ios::binary) << text;
    ::chmod(file.c_str(), mode);
    return file;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// `rules` are lines of the list, "- {…}".
inline Scrubber scrubber_with(const std::string& rules, const std::string& builtin = "true",
                              char key = 'k') {
  const TestFolder folder;
  folder.write("key", std::string(32, key));
  std::string text = "scrub:\n  key_file: key\n  builtin: " + builtin + "\n";
  if (!rules.empty()) text += "  rules:\n" + rules;
  return Scrubber::from_file(folder.write("rules.yaml", text));
}

inline Request post(const std::string& type, const std::string& body) {
  Request request;
  request.method = "POST";
  request.target = "/";
  request.body = body;
  request.headers = {{"Host", "p"}, {"Content-Type", type}};
  request.headers.push_back({"Content-Length", std::to_string(body.size())});
  return request;
}

}  // namespace gray
