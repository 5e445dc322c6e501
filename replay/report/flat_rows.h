// Headers and lines of text side by side, as sections of rows: scrubbed, printable, bounded. Made
// on the Judge's thread, of the few exchanges that are kept to look at.
#pragma once

#include <string_view>

#include "replay/compare/body_tree.h"
#include "replay/compare/rules.h"
#include "replay/report/row_list.h"
#include "replay/scrub/scrubber.h"

namespace gray {

/// What sections are made with.
struct RowsOf {
  const ToldFields& told;
  const CompareRules& rules;
  const Scrubber& scrubber;
};

/// Adds both sides' headers by name, `part` being "header" or "trailer", unless nothing in them
/// differs that is told.
void add_header_rows(std::string_view part, const Headers& production, const Headers& canary,
                     const RowsOf& with, RowList& rows);

/// Adds two texts by line. Returns false when they are above a cap.
bool add_text_rows(const BodySource& production, const BodySource& canary, const RowsOf& with,
                   RowList& rows);

}  // namespace gray
