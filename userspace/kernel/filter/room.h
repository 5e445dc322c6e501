// Puts an expression into the room that bpf/expression.h leaves for it in a BPF object.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "userspace/kernel/filter/filter.h"
#include "userspace/kernel/filter/translate.h"

namespace gray {

/// A copy of the ELF file `object` (relocatable, for this machine's byte order), in which
/// gray_expression() is `filter`. Throws UsageError, with the expression and the reason, when it
/// cannot be translated or has no room.
std::vector<std::uint8_t> with_expression(std::span<const std::uint8_t> object,
                                          const Filter& filter, FrameKind kind);

}  // namespace gray
