#include "userspace/kernel/promiscuous.h"

#include <gtest/gtest.h>

#include "userspace/base/errors.h"
#include "userspace/kernel/interface.h"
#include "userspace/lab/lab.h"

namespace gray {
namespace {

TEST(Promiscuous, LastsAsLongAsTheObject) {
  Lab lab;
  Namespace& a = lab.ns("a");
  lab.link(a, "va", lab.ns("b"), "vb");
  const auto asked_for = [&](const std::string& times) {
    return a.must_run({"ip", "-d", "link", "show", "va"}).find("promiscuity " + times) !=
           std::string::npos;
  };
  EXPECT_TRUE(asked_for("0"));
  a.enter([&] {
    const unsigned index = read_interface("va").index;
    const Promiscuous first(index, "va");
    const Promiscuous second(index, "va");
    EXPECT_TRUE(asked_for("2"));
  });
  EXPECT_TRUE(asked_for("0"));
}

TEST(Promiscuous, AnInterfaceThatIsGoneIsAnError) {
  EXPECT_THROW(Promiscuous(0x7ffffff0, "gone"), std::system_error);
}

}  // namespace
}  // namespace gray
