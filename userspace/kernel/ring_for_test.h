// Records for the tests of the rings' readers: numbered frames, by test runs of the host program.
#pragma once

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <array>
#include <cstring>

#include "userspace/base/errors.h"
#include "userspace/kernel/programs.h"
#include "userspace/kernel/ring_buffer.h"

namespace gray {

/// Keeps the calling thread on one CPU, whose ring the host program then fills.
class OnCpu {
 public:
  explicit OnCpu(unsigned cpu) {
    check_errno(sched_getaffinity(0, sizeof(before_), &before_), "ask for the CPUs");
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    check_errno(sched_setaffinity(0, sizeof(one), &one), "go to a CPU");
  }
  OnCpu(const OnCpu&) = delete;
  OnCpu& operator=(const OnCpu&) = delete;
  ~OnCpu() { sched_setaffinity(0, sizeof(before_), &before_); }

 private:
  cpu_set_t before_{};
};

/// A frame of 100 bytes, marked with `number`, into the ring of this CPU.
inline void produce_record(const HostProgram& program, std::uint32_t number) {
  std::array<std::uint8_t, 100> frame{};
  frame[12] = 0x88;  // an experimental EtherType
  frame[13] = 0xb5;
  std::memcpy(frame.data() + 14, &number, sizeof(number));
  bpf_test_run_opts run{};
  run.sz = sizeof(run);
  run.data_in = frame.data();
  run.data_size_in = frame.size();
  ASSERT_EQ(bpf_prog_test_run_opts(program.ingress_fd(), &run), 0);
}

inline std::uint32_t number_of(const RingRecord& record) {
  std::uint32_t number = 0;
  std::memcpy(&number, record.bytes.data() + sizeof(gray_frame_meta) + 14, sizeof(number));
  return number;
}

}  // namespace gray
