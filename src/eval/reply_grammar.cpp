#include "eval/reply_grammar.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace urial::eval {
namespace {

constexpr std::size_t kLongestText = 1000;

/// A GBNF literal of exactly these bytes. JSON text in, so nothing but quotes and backslashes needs an escape.
std::string literal(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

/// The grammar's rules, written while the schema is walked; an expression of a part is the walk's result.
class Grammar {
public:
    explicit Grammar(const ReplyGrammarOptions& options) : options_(options) {
        if (options.text_characters < 1 || options.text_characters > kLongestText || options.list_labels < 1) {
            throw error(ErrorKind::BadInput, "texts of {} characters and lists of {} labels: 1 to {} and at least 1",
                        options.text_characters, options.list_labels, kLongestText);
        }
    }

    std::string write(const Json& schema) {
        const std::string root = expression(schema, "the reply");
        std::string out = "root ::= " + root + "\n";
        for (const std::string& rule : rules_) out += rule;
        if (has_text_) {
            // Without \uXXXX: half of a surrogate pair would not be JSON that anybody reads.
            out += fmt::format("text ::= \"\\\"\" character{{1,{}}} \"\\\"\"\n", options_.text_characters);
            out += "character ::= [^\"\\\\\\x00-\\x1F\\x7F-\\x9F] | \"\\\\\" [\"\\\\/bfnrt]\n";
        }
        return out;
    }

private:
    [[noreturn]] static void refuse(std::string_view where, std::string_view what) {
        throw error(ErrorKind::BadInput, "the schema of {}: {}", where, what);
    }

    std::string expression(const Json& schema, const std::string& where) {
        if (!schema.is_object()) refuse(where, "an object is needed");
        if (schema.contains("enum")) return enumeration(schema["enum"], where);
        const std::string type = schema.value("type", "");
        if (type == "object") return object(schema, where);
        if (type == "array") return list(schema, where);
        if (type != "string") refuse(where, fmt::format("the type \"{}\" is not one that replies have", type));
        has_text_ = true;
        return "text";
    }

    std::string object(const Json& schema, const std::string& where) {
        const auto properties = schema.find("properties");
        if (properties == schema.end() || properties->empty()) refuse(where, "it has no properties");
        std::string out;
        for (const auto& [key, value] : properties->items()) {
            const std::string_view before = out.empty() ? "{" : ", ";
            out += literal(fmt::format("{}{}: ", before, Json(key).dump())) + ' ' + expression(value, key) + ' ';
        }
        return out + literal("}");
    }

    static std::string enumeration(const Json& values, const std::string& where) {
        if (!values.is_array() || values.empty()) refuse(where, "\"enum\" must list values");
        std::string out;
        for (const Json& value : values) out += (out.empty() ? "(" : " | ") + literal(value.dump());
        return out + ")";
    }

    /// One to list_labels different labels in any order: one rule for every set of labels that can have been said.
    std::string list(const Json& schema, const std::string& where) {
        const auto items = schema.find("items");
        if (items == schema.end() || !items->is_object() || !items->contains("enum")) {
            refuse(where, "a list needs \"items\" with an \"enum\"");
        }
        const Json& labels = (*items)["enum"];
        std::vector<std::size_t> said;
        return literal("[") + ' ' + more_labels(labels, said) + ' ' + literal("]");
    }

    /// The name of the rule for one more label, and perhaps others, after those in `said` (ascending).
    std::string more_labels(const Json& labels, const std::vector<std::size_t>& said) {
        std::string name = fmt::format("labels-{}", lists_);
        for (const std::size_t label : said) name += fmt::format("-{}", label);
        if (said.empty()) name = fmt::format("labels-{}", ++lists_);
        if (std::ranges::any_of(rules_, [&](const std::string& rule) { return rule.starts_with(name + " "); })) {
            return name;
        }
        std::string rule;
        for (std::size_t label = 0; label < labels.size(); ++label) {
            if (std::ranges::binary_search(said, label)) continue;
            std::vector<std::size_t> now = said;
            now.insert(std::ranges::upper_bound(now, label), label);
            rule += (rule.empty() ? "" : " | ") + literal(labels[label].dump());
            const bool may_go_on = now.size() < std::min(options_.list_labels, labels.size());
            if (may_go_on) rule += fmt::format(" ({} {})?", literal(", "), more_labels(labels, now));
        }
        rules_.push_back(fmt::format("{} ::= {}\n", name, rule));
        return name;
    }

    const ReplyGrammarOptions options_;
    std::vector<std::string> rules_;
    std::size_t lists_ = 0;
    bool has_text_ = false;
};

}  // namespace

std::string reply_grammar(const Json& schema, const ReplyGrammarOptions& options) {
    return Grammar(options).write(schema);
}

}  // namespace urial::eval
