// What is asked of a sender, checked against what cannot be and what the process may do. Pure but
// for the limit of open files, which it raises.
#pragma once

#include "replay/send/sender.h"

namespace gray {

/// The options, with no more connections than the process may open. Throws UsageError for what
/// cannot be, std::system_error.
SendOptions checked(SendOptions options);

}  // namespace gray
