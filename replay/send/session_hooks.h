// How the sender asks whoever pairs sessions (replay/session): a request may need what the canary
// itself handed out in an earlier answer.
#pragma once

#include "replay/protocol/exchange.h"

namespace gray {

class SessionHooks {
 public:
  virtual ~SessionHooks() = default;
  /// Everything that this request needs has been answered, or never will be.
  virtual bool ready(const Exchange& exchange) = 0;
  /// Just before it is sent: the canary's values take their places; what it did not hand out stays
  /// as recorded.
  virtual void fill(Exchange& exchange) = 0;
  /// The end of an exchange, before anybody is told: `canary` is null when it did not answer. Puts
  /// the request back into the words that may be shown. True when another may be ready() now.
  virtual bool answered(Exchange& exchange, const Response* canary) = 0;
};

}  // namespace gray
