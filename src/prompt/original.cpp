// The prompt files of the original authors are plain text without a grammar: a preamble, then sections under headers
// ("# Query:", "# Answer:" or one of two other pairs), fenced or not, with blank lines and trailing spaces that follow
// no rule. The constant part must come back byte for byte, so a section is cut into three literal pieces: everything up
// to its text, the text, and everything behind it. What separates two sections is a part of one of these pieces.

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "prompt/forms.h"
#include "prompt/prompt.h"

namespace urial::prompt {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

struct HeaderPair {
    std::string_view query;
    std::string_view answer;

    bool names(std::string_view line) const { return line == query || line == answer; }
};
constexpr std::array<HeaderPair, 3> kHeaderPairs{
    {{"# Query:", "# Answer:"}, {"# User:", "# Assistant:"}, {"User:", "Assistant:"}}};

struct Section {
    bool is_query = false;
    std::size_t line = 0;  // of the header, from 1
    std::string open;      // the blank lines before the header, the header, the opening fence
    std::string body;
    std::string close;
};

/// Where the pieces of a section end, counted from the line after its header.
struct Cuts {
    std::size_t body_begin = 0;
    std::size_t body_end = 0;
    std::size_t close_end = 0;
};

class OriginalParser {
public:
    OriginalParser(std::string_view text, std::string_view name) : text_(text), name_(name) {}

    /// Fills the preamble, the examples and the suffix.
    void parse(PromptSpec& spec);
    /// The pair that the file uses, if it has any example.
    const HeaderPair* headers() const { return headers_; }

private:
    void find_headers();
    void read_section(std::size_t index);
    Cuts cut_fenced(std::string_view content, std::size_t fence, std::size_t first_line) const;
    Cuts cut_plain(std::string_view content, bool is_last) const;
    void check_code_blocks(std::string_view body, std::size_t first_line) const;
    std::vector<Example> pair_sections() const;

    template <typename... Args>
    Error at(std::size_t line, fmt::format_string<Args...> format, Args&&... args) const {
        return error(ErrorKind::BadInput, "prompt {}, line {}: {}", name_, line,
                     fmt::format(format, std::forward<Args>(args)...));
    }

    struct Header {
        std::size_t line;
        std::size_t begin;
        std::size_t end;  // where the next line begins
        bool is_query;
    };

    std::string_view text_;
    std::string_view name_;
    const HeaderPair* headers_ = nullptr;
    std::vector<Header> found_;
    std::vector<Section> sections_;
    std::string separator_;  // text behind a section that belongs to the next one
};

void OriginalParser::find_headers() {
    std::size_t number = 0;
    for (std::size_t begin = 0; begin < text_.size();) {
        const std::size_t newline = text_.find('\n', begin);
        const std::size_t end = newline == std::string_view::npos ? text_.size() : newline + 1;
        std::string_view line = text_.substr(begin, end - begin);
        line = line.substr(0, line.find_last_not_of(kBlanks) + 1);
        ++number;
        if (headers_ == nullptr) {
            const auto* pair = std::find_if(kHeaderPairs.begin(), kHeaderPairs.end(),
                                            [&](const HeaderPair& candidate) { return candidate.names(line); });
            if (pair != kHeaderPairs.end()) headers_ = pair;
        }
        if (headers_ != nullptr && headers_->names(line))
            found_.push_back({number, begin, end, line == headers_->query});
        begin = end;
    }
}

void OriginalParser::read_section(std::size_t index) {
    const Header& header = found_[index];
    const bool is_last = index + 1 == found_.size();
    const std::size_t end = is_last ? text_.size() : found_[index + 1].begin;
    const std::string_view title = header.is_query ? headers_->query : headers_->answer;
    const std::string_view content = text_.substr(header.end, end - header.end);
    const std::size_t first = content.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) throw at(header.line, "nothing stands under '{}'", title);

    const bool fenced = content.substr(first).starts_with(kFence);
    const Cuts cuts = fenced ? cut_fenced(content, first, header.line + 1) : cut_plain(content, is_last);
    const std::string_view body = content.substr(cuts.body_begin, cuts.body_end - cuts.body_begin);
    if (trim(body).empty()) throw at(header.line, "nothing stands between the fences under '{}'", title);
    const auto newlines =
        std::count(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(cuts.body_begin), '\n');
    check_code_blocks(body, header.line + 1 + static_cast<std::size_t>(newlines));

    Section section;
    section.is_query = header.is_query;
    section.line = header.line;
    section.open = std::exchange(separator_, {});
    section.open += text_.substr(header.begin, header.end - header.begin);
    section.open += content.substr(0, cuts.body_begin);
    section.body = body;
    section.close = content.substr(cuts.body_end, cuts.close_end - cuts.body_end);
    separator_ = content.substr(cuts.close_end);
    sections_.push_back(std::move(section));
}

Cuts OriginalParser::cut_fenced(std::string_view content, std::size_t fence, std::size_t first_line) const {
    Cuts cuts{.body_begin = fence + kFence.size()};
    const std::size_t opened = content.find_first_not_of(" \t\r", cuts.body_begin);
    if (opened != std::string_view::npos && content[opened] == '\n') cuts.body_begin = opened + 1;
    const std::size_t text_end = content.find_last_not_of(kBlanks) + 1;
    if (!content.substr(0, text_end).ends_with(kFence) || text_end < cuts.body_begin + kFence.size()) {
        const auto newlines = std::count(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(fence), '\n');
        throw at(first_line + static_cast<std::size_t>(newlines),
                 "the fence that opens here is not closed before the next header or the end of the file");
    }
    cuts.body_end = text_end - kFence.size();
    if (cuts.body_end > cuts.body_begin && content[cuts.body_end - 1] == '\n') --cuts.body_end;
    const std::size_t newline = content.find('\n', text_end);
    cuts.close_end = newline == std::string_view::npos ? content.size() : newline + 1;
    return cuts;
}

Cuts OriginalParser::cut_plain(std::string_view content, bool is_last) const {
    const std::size_t line_end = content.rfind('\n', content.find_first_not_of(kBlanks));
    const std::size_t text_end = content.find('\n', content.find_last_not_of(kBlanks));
    Cuts cuts{.body_begin = line_end == std::string_view::npos ? 0 : line_end + 1,
              .body_end = std::min(text_end, content.size()),
              .close_end = content.size()};
    // As in the forms, the blank line before a header is a part of that header's text.
    if (!is_last && content.substr(cuts.body_end).ends_with("\n\n")) --cuts.close_end;
    return cuts;
}

void OriginalParser::check_code_blocks(std::string_view body, std::size_t first_line) const {
    std::size_t opened = 0;  // line of the fence that is open
    for (std::size_t number = first_line; const std::string_view line : split(body, '\n')) {
        if (read_fence(line).run > 0) opened = opened == 0 ? number : 0;
        ++number;
    }
    if (opened != 0) throw at(opened, "this fence has no other that closes it");
}

std::vector<Example> OriginalParser::pair_sections() const {
    std::vector<Example> examples;
    Example example;
    std::vector<std::size_t> waiting;  // lines of queries behind which another query came first
    const Section* query = nullptr;
    const auto add_turn = [&example](const Section* asked, const Section* answered) {
        Turn turn;
        TurnForm form;
        if (asked != nullptr) {
            turn.query = asked->body;
            form.query_open = asked->open;
            form.query_close = asked->close;
        }
        if (answered != nullptr) {
            turn.answer = answered->body;
            form.answer_open = answered->open;
            form.answer_close = answered->close;
        }
        example.turns.push_back(std::move(turn));
        example.forms.push_back(std::move(form));
    };
    for (const Section& section : sections_) {
        if (section.is_query) {
            if (query != nullptr) {
                add_turn(query, nullptr);
                waiting.push_back(query->line);
            }
            query = &section;
            continue;
        }
        if (query == nullptr) {
            if (waiting.empty()) throw at(section.line, "an answer without a query");
            waiting.pop_back();
        }
        add_turn(std::exchange(query, nullptr), &section);
        if (waiting.empty()) examples.push_back(std::exchange(example, {}));
    }
    if (query != nullptr) waiting.push_back(query->line);
    if (!waiting.empty()) throw at(waiting.back(), "a query without an answer");
    return examples;
}

void OriginalParser::parse(PromptSpec& spec) {
    find_headers();
    const std::size_t preamble_end = found_.empty() ? text_.size() : found_.front().begin;
    spec.preamble = text_.substr(0, preamble_end);
    if (!found_.empty() && spec.preamble.ends_with("\n\n")) {
        spec.preamble.pop_back();
        separator_.assign(1, '\n');
    }
    for (std::size_t i = 0; i < found_.size(); ++i) read_section(i);
    spec.examples = pair_sections();
    spec.suffix = separator_;
}

struct FormName {
    std::string_view name;
    OriginalForm form;
};
constexpr std::array<FormName, 6> kFormNames{{{"auto", OriginalForm::Auto},
                                              {"current", OriginalForm::Current},
                                              {"v5", OriginalForm::V5},
                                              {"v6", OriginalForm::V6},
                                              {"older", OriginalForm::Older},
                                              {"older-zero-shot", OriginalForm::OlderZeroShot}}};

/// The originals' runner chose by the file's name alone.
OriginalForm form_of_name(std::string_view name) {
    if (name.find("inst_help_v5") != std::string_view::npos) return OriginalForm::V5;
    if (name.find("inst_help_v6") != std::string_view::npos) return OriginalForm::V6;
    return OriginalForm::Current;
}

}  // namespace

OriginalForm parse_original_form(std::string_view name) {
    std::vector<std::string> names;
    for (const FormName& known : kFormNames) {
        if (known.name == name) return known.form;
        names.emplace_back(known.name);
    }
    throw error(ErrorKind::BadInput, "unknown form '{}': choose among {}{}", name, fmt::join(names, ", "),
                did_you_mean(name, names));
}

void continue_with(PromptSpec& spec, OriginalForm form) {
    HeaderPair headers = kHeaderPairs[0];
    spec.fenced = true;
    switch (form) {
        case OriginalForm::Auto:
        case OriginalForm::Current: spec.form = styled_form(headers.query, headers.answer, true); break;
        case OriginalForm::V5:
            headers = kHeaderPairs[1];
            spec.fenced = false;
            spec.form = styled_form(headers.query, headers.answer, false);
            break;
        case OriginalForm::V6:
            headers = kHeaderPairs[1];
            spec.fenced = false;
            spec.form = {"\n\n# User:\n", "\n", "\n\n# Assistant:\n", "\n", true};
            break;
        case OriginalForm::Older: spec.form = {"\n# Query:\n```", "```\n", "\n# Answer:\n```\n", "\n```\n"}; break;
        case OriginalForm::OlderZeroShot:
            spec.form = {"# Query: \n ```", "``` \n\n \n", "# Answer: \n ``` ", "\n```\n\n"};
            break;
    }
    spec.headers = {std::string(headers.query), std::string(headers.answer)};
}

PromptSpec parse_original(std::string_view text, std::string_view name, OriginalForm form) {
    const std::size_t valid = valid_utf8_length(text);
    if (valid != text.size()) {
        const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(valid), '\n');
        throw error(ErrorKind::BadInput, "prompt {}, line {}: not UTF-8 (byte {} of the file)", name, line, valid);
    }
    PromptSpec spec;
    spec.name = name;
    spec.description = "Imported from an original prompt file.";
    OriginalParser parser(text, name);
    parser.parse(spec);
    continue_with(spec, form == OriginalForm::Auto ? form_of_name(name) : form);
    for (Example& example : spec.examples) {
        const auto is_own = [&spec](const TurnForm& turn) { return same_texts(turn, spec.form); };
        if (std::all_of(example.forms.begin(), example.forms.end(), is_own)) example.forms.clear();
    }
    if (const HeaderPair* headers = parser.headers(); headers == nullptr) {
        const std::string_view first = trim(text.substr(0, text.find('\n')));
        if (first != "# Instruction" && first != "Instruction" && form != OriginalForm::OlderZeroShot) {
            throw error(ErrorKind::BadInput,
                        "prompt {}, line 1: neither an example (a line '# Query:', '# User:' or 'User:') nor the title "
                        "'# Instruction' was found; is this a prompt file?",
                        name);
        }
    } else if (headers->query != spec.headers.front()) {
        spec.headers.insert(spec.headers.end(), {std::string(headers->query), std::string(headers->answer)});
    }
    return spec;
}

}  // namespace urial::prompt
