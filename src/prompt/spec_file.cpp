// Reads and writes prompt specifications in TOML (docs/prompts.md lists the keys). Strings are written by our own code:
// toml++ 3.3 writes texts with ''' and line breaks in a form that it cannot read back.

#include <algorithm>
#include <initializer_list>

#include "base/error.h"
#include "base/text.h"
#include "base/toml_reader.h"
#include "prompt/forms.h"
#include "prompt/prompt.h"

namespace urial::prompt {
namespace {

class SpecReader {
public:
    explicit SpecReader(std::string_view origin) : origin_(origin) {}
    PromptSpec read(const toml::table& file) const;

private:
    template <typename... Args>
    Error at(const toml::source_region& place, fmt::format_string<Args...> format, Args&&... args) const {
        return error(ErrorKind::BadInput, "{}:{}:{}: {}", origin_, place.begin.line, place.begin.column,
                     fmt::format(format, std::forward<Args>(args)...));
    }

    void allow_keys(const toml::table& table, std::initializer_list<std::string> known) const;
    const toml::node& required(const toml::table& table, std::string_view key, std::string_view where) const;
    template <typename T>
    T value_of(const toml::node& node, std::string_view key, std::string_view type) const;
    std::string text(const toml::table& table, std::string_view key) const;
    std::string required_text(const toml::table& table, std::string_view key, std::string_view where) const;
    bool flag(const toml::table& table, std::string_view key) const;
    std::vector<std::string> texts(const toml::table& table, std::string_view key) const;
    const toml::table& table_of(const toml::node& node, std::string_view key) const;
    std::vector<const toml::table*> tables(const toml::table& table, std::string_view key) const;

    void read_style(const toml::table& file, PromptSpec& spec) const;
    TurnForm read_form(const toml::table& table, bool whole_prompt) const;
    Example read_example(const toml::table& table, const PromptSpec& spec) const;
    void read_turn(const toml::table& table, const PromptSpec& spec, Example& example) const;

    std::string_view origin_;
};

void SpecReader::allow_keys(const toml::table& table, std::initializer_list<std::string> known) const {
    const std::vector<std::string> names(known);
    for (auto&& [key, value] : table) {
        if (std::find(names.begin(), names.end(), key.str()) != names.end()) continue;
        throw at(key.source(), "unknown key '{}'{} (known here: {})", key.str(), did_you_mean(key.str(), names),
                 fmt::join(names, ", "));
    }
}

const toml::node& SpecReader::required(const toml::table& table, std::string_view key, std::string_view where) const {
    if (const toml::node* node = table.get(key)) return *node;
    throw at(table.source(), "{} has no '{}'", where, key);
}

template <typename T>
T SpecReader::value_of(const toml::node& node, std::string_view key, std::string_view type) const {
    if (const auto* value = node.as<T>()) return value->get();
    throw at(node.source(), "'{}' must be {}", key, type);
}

std::string SpecReader::text(const toml::table& table, std::string_view key) const {
    const toml::node* node = table.get(key);
    return node == nullptr ? std::string() : value_of<std::string>(*node, key, "a string");
}

std::string SpecReader::required_text(const toml::table& table, std::string_view key, std::string_view where) const {
    const toml::node& node = required(table, key, where);
    std::string value = value_of<std::string>(node, key, "a string");
    if (trim(value).empty()) throw at(node.source(), "'{}' is empty", key);
    return value;
}

bool SpecReader::flag(const toml::table& table, std::string_view key) const {
    const toml::node* node = table.get(key);
    return node != nullptr && value_of<bool>(*node, key, "true or false");
}

std::vector<std::string> SpecReader::texts(const toml::table& table, std::string_view key) const {
    std::vector<std::string> values;
    const toml::node* node = table.get(key);
    if (node == nullptr) return values;
    const toml::array* array = node->as_array();
    if (array == nullptr) throw at(node->source(), "'{}' must be a list of strings", key);
    for (const toml::node& item : *array) {
        values.push_back(value_of<std::string>(item, key, "a list of strings"));
        if (values.back().empty()) throw at(item.source(), "'{}' holds an empty string", key);
    }
    return values;
}

const toml::table& SpecReader::table_of(const toml::node& node, std::string_view key) const {
    if (const toml::table* table = node.as_table()) return *table;
    throw at(node.source(), "'{}' must be a table", key);
}

std::vector<const toml::table*> SpecReader::tables(const toml::table& table, std::string_view key) const {
    std::vector<const toml::table*> found;
    const toml::node* node = table.get(key);
    if (node == nullptr) return found;
    const toml::array* array = node->as_array();
    if (array == nullptr) throw at(node->source(), "'{0}' must be a list of tables: write [[{0}]]", key);
    for (const toml::node& item : *array) found.push_back(&table_of(item, key));
    return found;
}

TurnForm SpecReader::read_form(const toml::table& table, bool whole_prompt) const {
    if (whole_prompt) {
        allow_keys(table,
                   {"query_open", "query_close", "answer_open", "answer_close", "strip_query_newlines", "fenced"});
    } else {
        allow_keys(table, {"query_open", "query_close", "answer_open", "answer_close"});
    }
    return {text(table, "query_open"), text(table, "query_close"), text(table, "answer_open"),
            text(table, "answer_close"), flag(table, "strip_query_newlines")};
}

void SpecReader::read_style(const toml::table& file, PromptSpec& spec) const {
    const toml::node* style = file.get("style");
    const toml::node* form = file.get("form");
    if ((style == nullptr) == (form == nullptr)) {
        const toml::source_region& place = style == nullptr ? file.source() : form->source();
        throw at(place, "a prompt has either [style] (its headers) or [form] (its literal texts), {}",
                 style == nullptr ? "and this one has neither" : "not both");
    }
    spec.headers = texts(file, "headers");
    if (form != nullptr) {
        const toml::table& table = table_of(*form, "form");
        spec.form = read_form(table, true);
        spec.fenced = flag(table, "fenced");
    } else {
        const toml::table& table = table_of(*style, "style");
        allow_keys(table, {"query", "answer", "fenced"});
        const std::string query = required_text(table, "query", "[style]");
        const std::string answer = required_text(table, "answer", "[style]");
        value_of<bool>(required(table, "fenced", "[style]"), "fenced", "true or false");
        spec.fenced = flag(table, "fenced");
        spec.form = styled_form(query, answer, spec.fenced);
        if (file.get("headers") == nullptr) spec.headers = {query, answer};
    }
    for (const std::string& header : spec.headers) {
        if (header.find('\n') == std::string::npos) continue;
        throw at((style != nullptr ? style : file.get("headers"))->source(), "a header must be one line");
    }
}

void SpecReader::read_turn(const toml::table& table, const PromptSpec& spec, Example& example) const {
    allow_keys(table, {"query", "answer", "form"});
    const toml::node* own = table.get("form");
    const TurnForm form = own == nullptr ? spec.form : read_form(table_of(*own, "form"), false);
    // Only a turn with its own literal texts may lack a side: the original files nest one pair in another.
    const bool needs_query = own == nullptr || !form.query_open.empty() || !form.query_close.empty();
    const bool needs_answer = own == nullptr || !form.answer_open.empty() || !form.answer_close.empty();
    example.turns.push_back({needs_query ? required_text(table, "query", "an example") : text(table, "query"),
                             needs_answer ? required_text(table, "answer", "an example") : text(table, "answer")});
    example.forms.push_back(form);
}

Example SpecReader::read_example(const toml::table& table, const PromptSpec& spec) const {
    Example example;
    if (table.get("turn") == nullptr) {
        read_turn(table, spec, example);
    } else {
        allow_keys(table, {"turn"});
        for (const toml::table* turn : tables(table, "turn")) read_turn(*turn, spec, example);
        if (example.turns.empty()) throw at(table.source(), "an example without a turn");
    }
    const auto is_own = [&spec](const TurnForm& form) { return same_texts(form, spec.form); };
    if (std::all_of(example.forms.begin(), example.forms.end(), is_own)) example.forms.clear();
    return example;
}

PromptSpec SpecReader::read(const toml::table& file) const {
    allow_keys(file,
               {"name", "version", "description", "preamble", "suffix", "style", "form", "headers", "stop", "example"});
    PromptSpec spec;
    spec.name = required_text(file, "name", "the prompt");
    spec.version = text(file, "version");
    spec.description = text(file, "description");
    spec.preamble = text(file, "preamble");
    spec.suffix = text(file, "suffix");
    spec.stop = texts(file, "stop");
    read_style(file, spec);
    for (const toml::table* example : tables(file, "example")) spec.examples.push_back(read_example(*example, spec));
    return spec;
}

std::string escaped(std::string_view text, bool several_lines) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto code = static_cast<unsigned char>(text[i]);
        // A single quote mark may stay in a text of several lines, unless it could become a part of the closing one.
        const bool in_run = i + 1 == text.size() || text[i + 1] == '"' || (i > 0 && text[i - 1] == '"');
        if (code == '\n') {
            out += several_lines ? "\n" : "\\n";
        } else if (code == '\\' || (code == '"' && (!several_lines || in_run))) {
            out += '\\';
            out += text[i];
        } else if ((code < 0x20 && code != '\t') || code == 0x7F) {
            out += fmt::format("\\u{:04X}", code);
        } else {
            out += text[i];
        }
    }
    return out;
}

/// On one line, whatever it holds: for the literal texts of a form.
std::string toml_line(std::string_view text) { return fmt::format("\"{}\"", escaped(text, false)); }

std::string toml_text(std::string_view text) {
    if (text.find('\n') == std::string_view::npos) return toml_line(text);
    return fmt::format("\"\"\"\n{}\"\"\"", escaped(text, true));
}

std::string toml_list(const std::vector<std::string>& texts) {
    std::vector<std::string> items;
    for (const std::string& text : texts) items.push_back(toml_line(text));
    return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string format_style(const PromptSpec& spec) {
    const auto& headers = spec.headers;
    const bool has_pair = headers.size() >= 2 && !spec.form.strip_query_newlines &&
                          same_texts(spec.form, styled_form(headers[0], headers[1], spec.fenced));
    std::string out;
    if (!has_pair || headers.size() > 2) out += fmt::format("headers = {}\n", toml_list(headers));
    if (!spec.stop.empty()) out += fmt::format("stop = {}\n", toml_list(spec.stop));
    if (has_pair) {
        return out + fmt::format("\n[style]\nquery = {}\nanswer = {}\nfenced = {}\n", toml_line(headers[0]),
                                 toml_line(headers[1]), spec.fenced);
    }
    const TurnForm& form = spec.form;
    return out + fmt::format(
                     "\n[form]\nquery_open = {}\nquery_close = {}\nanswer_open = {}\nanswer_close = {}\n"
                     "strip_query_newlines = {}\nfenced = {}\n",
                     toml_line(form.query_open), toml_line(form.query_close), toml_line(form.answer_open),
                     toml_line(form.answer_close), form.strip_query_newlines, spec.fenced);
}

std::string format_example(const Example& example) {
    const bool single = example.turns.size() == 1;
    std::string out = single ? "" : "\n[[example]]\n";
    for (std::size_t i = 0; i < example.turns.size(); ++i) {
        const Turn& turn = example.turns[i];
        out += single ? "\n[[example]]\n" : "\n[[example.turn]]\n";
        out += fmt::format("query = {}\nanswer = {}\n", toml_text(turn.query), toml_text(turn.answer));
        if (example.forms.empty()) continue;
        const TurnForm& form = example.forms[i];
        out += fmt::format("form = {{ query_open = {}, query_close = {}, answer_open = {}, answer_close = {} }}\n",
                           toml_line(form.query_open), toml_line(form.query_close), toml_line(form.answer_open),
                           toml_line(form.answer_close));
    }
    return out;
}

}  // namespace

PromptSpec parse_spec(std::string_view toml, std::string_view origin) {
    return SpecReader(origin).read(parse_toml(toml, origin));
}

std::string format_spec(const PromptSpec& spec) {
    std::string out = fmt::format("name = {}\n", toml_text(spec.name));
    if (!spec.version.empty()) out += fmt::format("version = {}\n", toml_text(spec.version));
    if (!spec.description.empty()) out += fmt::format("description = {}\n", toml_text(spec.description));
    if (!spec.preamble.empty()) out += fmt::format("preamble = {}\n", toml_text(spec.preamble));
    if (!spec.suffix.empty()) out += fmt::format("suffix = {}\n", toml_line(spec.suffix));
    out += format_style(spec);
    for (const Example& example : spec.examples) out += format_example(example);
    return out;
}

}  // namespace urial::prompt
