#include "replay/send/trial.h"

namespace gray {

const char* to_string(SendOutcome outcome) noexcept {
  switch (outcome) {
    case SendOutcome::Answered:
      return "answered";
    case SendOutcome::ConnectFailed:
      return "connect";
    case SendOutcome::Timeout:
      return "timeout";
    case SendOutcome::Reset:
      return "reset";
    case SendOutcome::Garbage:
      return "garbage";
    case SendOutcome::Aborted:
      return "aborted";
    case SendOutcome::Unsendable:
      return "unsendable";
    case SendOutcome::Refused:
      return "refused";
  }
  return "unknown";
}

}  // namespace gray
