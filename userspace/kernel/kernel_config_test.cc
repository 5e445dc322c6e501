#include "userspace/kernel/kernel_config.h"

#include <gtest/gtest.h>

namespace gray {
namespace {

TEST(KernelConfig, KeepsWhatIsSet) {
  const auto values = parse_kernel_config(
      "# Linux/x86 6.18 Kernel Configuration\n"
      "CONFIG_BPF=y\n"
      "# CONFIG_BPF_LSM is not set\n"
      "CONFIG_VETH=m\n"
      "CONFIG_LOCALVERSION=\"-a=b\"\n"
      "\n");
  EXPECT_EQ(values.size(), 3u);
  EXPECT_EQ(values.at("CONFIG_BPF"), "y");
  EXPECT_EQ(values.at("CONFIG_VETH"), "m");
  EXPECT_EQ(values.at("CONFIG_LOCALVERSION"), "\"-a=b\"");
  EXPECT_EQ(values.count("CONFIG_BPF_LSM"), 0u);
}

TEST(KernelConfig, NoiseIsNoConfig) {
  EXPECT_TRUE(parse_kernel_config("").empty());
  EXPECT_TRUE(parse_kernel_config("CONFIG_BPF\n=y\n\0\n").empty());
}

TEST(KernelConfig, WhatIsReadHasASource) {
  const KernelConfig config = read_kernel_config();
  EXPECT_EQ(config.source.empty(), config.values.empty());
}

}  // namespace
}  // namespace gray
