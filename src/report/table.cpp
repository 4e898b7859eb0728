#include "report/table.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/text.h"

namespace urial::report {
namespace {

constexpr std::string_view kWithheld = "withheld";
constexpr std::string_view kNone = "-";

/// What stands around an interval in one format.
struct IntervalMarks {
    std::string_view open = " [";
    std::string_view close = "]";
};

std::string show(const Measure& measure, const IntervalMarks& marks) {
    if (measure.withheld) return std::string(kWithheld);
    if (std::isnan(measure.value)) return std::string(kNone);
    std::string text = fmt::format("{:.{}f}", measure.value, measure.decimals);
    if (measure.ci95) {
        text += fmt::format("{}{:.{}f}, {:.{}f}{}", marks.open, measure.ci95->low, measure.decimals, measure.ci95->high,
                            measure.decimals, marks.close);
    }
    return text;
}

template <typename Escape>
std::string show(const Cell& cell, const Escape& escape, const IntervalMarks& marks = {}) {
    if (const auto* text = std::get_if<std::string>(&cell)) return escape(*text);
    if (const auto* count = std::get_if<std::size_t>(&cell)) return std::to_string(*count);
    return show(std::get<Measure>(cell), marks);
}

/// Columns of texts stand on the left, columns with a number on the right.
std::vector<bool> columns_of_texts(const Table& table) {
    std::vector<bool> texts(table.columns.size(), true);
    for (const auto& row : table.rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (!std::holds_alternative<std::string>(row[i])) texts[i] = false;
        }
    }
    return texts;
}

/// Characters, which is what a terminal shows in one cell each, wide and combining ones aside.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string upper_ascii(std::string text) {
    for (char& c : text) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return text;
}

std::string text_table(const Table& table) {
    std::vector<std::vector<std::string>> lines(1);
    for (const std::string& column : table.columns) lines[0].push_back(upper_ascii(printable_line(column)));
    for (const auto& row : table.rows) {
        std::vector<std::string>& line = lines.emplace_back();
        for (const Cell& cell : row) line.push_back(show(cell, printable_line));
    }
    std::vector<std::size_t> widths(table.columns.size(), 0);
    for (const auto& line : lines) {
        for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width_of(line[i]));
    }
    const std::vector<bool> texts = columns_of_texts(table);
    std::string out;
    for (const auto& line : lines) {
        std::string shown;
        for (std::size_t i = 0; i < line.size(); ++i) {
            const std::string blank(widths[i] - width_of(line[i]), ' ');
            shown += "  " + (texts[i] ? line[i] + blank : blank + line[i]);
        }
        shown.erase(shown.find_last_not_of(' ') + 1);
        out += shown + '\n';
    }
    return out;
}

std::string markdown_table(const Table& table) {
    std::string out = "|";
    for (const std::string& column : table.columns) out += fmt::format(" {} |", escaped_markdown(column));
    out += "\n|";
    for (const bool text : columns_of_texts(table)) out += text ? " --- |" : " ---: |";
    for (const auto& row : table.rows) {
        out += "\n|";
        for (const Cell& cell : row) out += fmt::format(" {} |", show(cell, escaped_markdown));
    }
    return out + '\n';
}

std::string latex_row(const std::vector<std::string>& cells) {
    return fmt::format("    {} \\\\\n", fmt::join(cells, " & "));
}

std::string latex_table(const Table& table) {
    std::string alignment;
    for (const bool text : columns_of_texts(table)) alignment += text ? 'l' : 'r';
    std::string out = fmt::format(
        "\\begin{{table}}[t]\n  \\centering\n  \\small\n  \\caption{{{}. 95\\,\\% intervals in brackets.}}\n"
        "  \\begin{{tabular}}{{{}}}\n    \\toprule\n",
        escape_latex(table.title), alignment);
    std::vector<std::string> cells;
    for (const std::string& column : table.columns) cells.push_back(escape_latex(column));
    out += latex_row(cells) + "    \\midrule\n";
    for (const auto& row : table.rows) {
        cells.clear();
        for (const Cell& cell : row) cells.push_back(show(cell, escape_latex, {" {\\scriptsize [", "]}"}));
        out += latex_row(cells);
    }
    return out + "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n";
}

std::string csv_cell(const Cell& cell) {
    const auto* measure = std::get_if<Measure>(&cell);
    if (measure == nullptr) return show(cell, csv_field);
    return measure->withheld || std::isnan(measure->value) ? "" : fmt::format("{}", measure->value);
}

}  // namespace

std::string to_text(const Document& document) {
    std::string out;
    for (const Table& table : document.tables) {
        out += '\n';
        if (document.tables.size() > 1) out += "  " + printable_line(table.title) + '\n';
        out += text_table(table);
    }
    if (!document.notes.empty()) out += '\n';
    for (const std::string& note : document.notes) out += "  " + printable_line(note) + '\n';
    return out;
}

std::string to_markdown(const Document& document) {
    std::string out;
    for (const Table& table : document.tables) {
        out += fmt::format("{}### {}\n\n{}", out.empty() ? "" : "\n", escaped_markdown(table.title),
                           markdown_table(table));
    }
    for (const std::string& note : document.notes) out += fmt::format("\n{}\n", escaped_markdown(note));
    return out;
}

std::string to_latex(const Document& document) {
    std::string out = "% \\usepackage{booktabs}\n";
    for (const Table& table : document.tables) out += '\n' + latex_table(table);
    for (const std::string& note : document.notes) out += "% " + printable_line(note) + '\n';
    return out;
}

std::string to_csv(const Table& table) {
    std::vector<std::string> cells;
    for (const std::string& column : table.columns) cells.push_back(csv_field(column));
    std::string out = fmt::format("{}\n", fmt::join(cells, ","));
    for (const auto& row : table.rows) {
        cells.clear();
        for (const Cell& cell : row) cells.push_back(csv_cell(cell));
        out += fmt::format("{}\n", fmt::join(cells, ","));
    }
    return out;
}

std::string escape_latex(std::string_view text) {
    std::string out;
    char before = 0;
    for (const char c : printable_line(text)) {
        switch (c) {
            case '\\': out += "\\textbackslash{}"; break;
            case '~': out += "\\textasciitilde{}"; break;
            case '^': out += "\\textasciicircum{}"; break;
            case '<': out += "\\textless{}"; break;
            case '>': out += "\\textgreater{}"; break;
            case '|': out += "\\textbar{}"; break;
            // Behind a line's end a bracket or a star would be an argument of it.
            case '[': out += "{[}"; break;
            case ']': out += "{]}"; break;
            case '*': out += "{*}"; break;
            case '-': out += before == '-' ? "{-}" : "-"; break;  // two are one dash to TeX
            default:
                if (std::string_view("&%$#_{}").find(c) != std::string_view::npos) out += '\\';
                out += c;
        }
        before = c;
    }
    return out;
}

}  // namespace urial::report
