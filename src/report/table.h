#pragma once

// A table of texts, counts and measured numbers, and the formats that it can be written in. Pure functions.

#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "eval/eval.h"

namespace urial::report {

/// A number with its 95 % interval. What has no value (NaN) and what is withheld is shown as such, never as a number.
struct Measure {
    double value = std::numeric_limits<double>::quiet_NaN();
    std::optional<eval::Interval> ci95 = std::nullopt;
    int decimals = 2;
    bool withheld = false;
};

using Cell = std::variant<std::string, std::size_t, Measure>;

struct Table {
    std::string title;
    std::vector<std::string> columns;
    std::vector<std::vector<Cell>> rows;  ///< each as long as `columns`
};

/// How much of a run is shown.
enum class Detail {
    Headline,  ///< what a person wants first
    Full,
};

struct Document {
    std::vector<Table> tables;
    std::vector<std::string> notes;     ///< sentences under the tables
    std::vector<std::string> left_out;  ///< titles of tables that Detail::Full adds
};

/// Columns in capitals, aligned; control characters spelt out. Where there are several tables their titles stand above
/// them.
std::string to_text(const Document& document);
/// GitHub's tables; texts are escaped, so that they add no markup.
std::string to_markdown(const Document& document);
/// One table environment (booktabs) a table; intervals in small type, notes as comments. Texts are escaped.
std::string to_latex(const Document& document);
/// RFC 4180 with a header line: numbers in full precision, empty where there is none. An interval is two columns of its
/// own in the tables that are meant for this: a Measure's interval is not written. A text that a spreadsheet would take
/// for a formula gets an apostrophe in front.
std::string to_csv(const Table& table);

std::string escape_latex(std::string_view text);

}  // namespace urial::report
