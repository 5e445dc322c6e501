#include "replay/scrub/key.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "replay/scrub/scrubber_for_test.h"
#include "userspace/base/errors.h"

namespace gray {
namespace {

// RFC 4231, test cases 1, 2, 3, 6 and 7.
TEST(Hmac, GivesTheVectorsOfRfc4231) {
  const struct {
    std::string key, data, digest;
  } kVectors[] = {
      {std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {std::string(131, '\xaa'),
       "This is a test using a larger than block-size key and a larger than block-size data. The "
       "key needs to be hashed before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const auto& vector : kVectors) {
    const Hmac hmac(vector.key);
    for (int i = 0; i < 2; ++i) {  // the context is used again
      const auto digest = hmac.digest(vector.data);
      EXPECT_EQ(to_hex(digest.data(), digest.size()), vector.digest);
    }
  }
}

TEST(KeyFile, IsMadeOnceAndForItsOwnerOnly) {
  const TestFolder folder;
  const std::string path = folder.path() + "/key";
  write_key_file(path);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const std::string key = read_key_file(path);
  EXPECT_EQ(key.size(), kKeyBytes);
  EXPECT_NE(key, random_key());
  EXPECT_THROW(write_key_file(path), UsageError);
  EXPECT_EQ(read_key_file(path), key);
}

TEST(KeyFile, IsRefusedWhenWrongAndNeverShown) {
  const TestFolder folder;
  const std::string secret(32, 'S');
  const std::string wrong[] = {
      folder.path() + "/none",
      folder.path(),
      folder.write("short", secret.substr(1)),
      folder.write("long", secret + "S"),
      folder.write("empty", ""),
      folder.write("group", secret, 0640),
      folder.write("world", secret, 0604),
  };
  for (const std::string& path : wrong) {
    try {
      read_key_file(path);
      FAIL() << path;
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
      EXPECT_EQ(std::string(error.what()).find("SSSS"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace gray
