// `FILE… EXPRESSION…`: where the files end and a tcpdump expression begins.
#pragma once

#include <string>
#include <vector>

#include "userspace/kernel/filter/filter.h"

namespace gray {

struct FilesAndFilter {
  std::vector<std::string> files;
  Filter filter;
};

/// The first argument is a file. The expression begins at the first one behind it that neither is
/// there as a file nor looks like one ("-", a slash, .pcap, .pcapng, .cap, .zst), and has all that
/// follow; or `expression`, when it is not empty, is the whole of it, and all arguments are files.
/// Throws UsageError.
FilesAndFilter files_and_filter(const std::vector<std::string>& arguments,
                                const std::string& expression);

}  // namespace gray
