// The two kinds of error that set-up code throws, and the checks that turn C return values into
// them. The data path throws nothing: what is odd there is a counter in the ledger.
#pragma once

#include <stdexcept>
#include <string>
#include <system_error>

namespace gray {

/// The user asked for something that cannot be: main prints it and exits with 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws std::system_error for `error` (positive errno). `doing` is a verb phrase with its object:
/// "open AF_XDP socket on eth0 queue 3" gives "open AF_XDP socket on eth0 queue 3: Operation not
/// permitted".
[[noreturn]] void throw_errno(int error, const std::string& doing);

/// For libbpf and libxdp, which return a negative errno: gives `result` back, or throws.
int check(int result, const std::string& doing);

/// For system calls, which return -1 and set errno: gives `result` back, or throws.
int check_errno(int result, const std::string& doing);

/// One line for a person out of any exception. EPERM and EACCES get a hint towards root.
std::string describe(const std::exception& error);

}  // namespace gray
