#include "eval/rubric.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/toml_fields.h"
#include "eval/placeholders.h"
#include "rubric_files.h"

namespace urial::eval {
namespace {

constexpr int kMostSteps = 100;

RubricAspect parse_aspect(const toml::table& table, std::string_view origin, const RubricKind& kind) {
    TomlFields fields(table, origin, "a rubric");
    RubricAspect aspect;
    aspect.name = fields.text("name", true);
    aspect.definition = fields.text("definition", false);
    aspect.labels = fields.texts("labels");
    aspect.several = fields.flag("several", false);
    aspect.may_not_apply = fields.flag("may_not_apply", false);
    fields.finish();
    if (const std::optional<std::string> fault = kind.fault_of(aspect)) fields.refuse(*fault, table);
    return aspect;
}

/// "score, pairwise or tags": the kinds for which `holds`.
std::string kind_names(bool (*holds)(const RubricKind&)) {
    std::vector<std::string_view> names;
    for (const RubricKind* kind : rubric_kinds()) {
        if (holds(*kind)) names.push_back(kind->name());
    }
    const std::string_view last = names.back();
    names.pop_back();
    return names.empty() ? std::string(last) : fmt::format("{} or {}", fmt::join(names, ", "), last);
}

void check_reply_form(const Rubric& rubric, const TomlFields& fields, const toml::table& table) {
    if (rubric.flat && (!rubric.kind->can_be_flat() || rubric.aspects.size() != 1)) {
        const std::string kinds = kind_names([](const RubricKind& kind) { return kind.can_be_flat(); });
        fields.refuse(fmt::format("\"flat\" is for a rubric with one aspect and the kind {}", kinds), table);
    }
    if (rubric.tie.empty() || rubric.tie == "A" || rubric.tie == "B") {
        fields.refuse("\"tie\" must be a word other than A and B", table);
    }
}

void check_template(const Rubric& rubric, std::string_view origin) {
    const auto& known = placeholder_names();
    for (const TemplatePart& part : split_template(rubric.text)) {
        if (part.is_placeholder && std::ranges::find(known, part.text) == known.end()) {
            throw error(ErrorKind::BadInput,
                        "{}: the text has a placeholder {{{{{}}}}} that is not known; there are {}{}", origin,
                        part.text, fmt::join(known, ", "), did_you_mean(part.text, known));
        }
    }
}

/// A multi-line TOML string whose bytes are exactly those of `text`.
std::string toml_text(std::string_view text) {
    std::string out = "\"\"\"\n";
    for (const char c : text) {
        if (c == '\\' || c == '"') {
            out += '\\';
            out += c;
        } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F) {
            out += fmt::format("\\u{:04X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        } else {
            out += c;
        }
    }
    return out + "\"\"\"";
}

std::string toml_list(const std::vector<std::string>& texts) {
    std::string out = "[";
    for (const std::string& text : texts) out += (out.size() > 1 ? ", " : "") + Json(text).dump();
    return out + "]";
}

}  // namespace

Rubric parse_rubric(std::string_view toml_text, std::string_view origin) {
    const toml::table table = parse_toml(toml_text, origin);
    TomlFields fields(table, origin, "a rubric");
    Rubric rubric;
    rubric.name = fields.text("name", true);
    rubric.version = fields.text("version", true);
    rubric.description = fields.text("description", false);
    const std::string kind = fields.text("kind", true);
    const auto kinds = rubric_kinds();
    const auto found = std::ranges::find(kinds, kind, &RubricKind::name);
    if (found == kinds.end()) {
        fields.refuse(fmt::format("\"kind\" must be {}", kind_names([](const RubricKind&) { return true; })), table);
    }
    rubric.kind = *found;
    rubric.lowest = fields.number("lowest", 1);
    rubric.highest = fields.number("highest", 5);
    if (rubric.highest <= rubric.lowest || rubric.highest - rubric.lowest > kMostSteps) {
        fields.refuse(
            fmt::format("the scale from {} to {} needs 2 to {} steps", rubric.lowest, rubric.highest, kMostSteps),
            table);
    }
    rubric.scale = fields.texts("scale");
    if (!rubric.scale.empty() && rubric.scale.size() != static_cast<std::size_t>(rubric.highest - rubric.lowest + 1)) {
        fields.refuse("\"scale\" needs one text per step, or none", table);
    }
    rubric.system = fields.text("system", false);
    rubric.text = fields.text("text", true);
    for (const toml::node& node : fields.tables("aspects")) {
        RubricAspect aspect = parse_aspect(*node.as_table(), origin, *rubric.kind);
        const auto same = [&](const RubricAspect& other) { return other.name == aspect.name; };
        if (std::ranges::any_of(rubric.aspects, same)) {
            fields.refuse(fmt::format("the aspect \"{}\" occurs twice", aspect.name), node);
        }
        rubric.aspects.push_back(std::move(aspect));
    }
    rubric.flat = fields.flag("flat", false);
    rubric.tie = fields.text("tie", false, rubric.tie);
    rubric.sends_schema = fields.flag("sends_schema", true);
    fields.finish();
    check_reply_form(rubric, fields, table);
    check_template(rubric, origin);
    return rubric;
}

std::string format_rubric(const Rubric& rubric) {
    std::string out =
        fmt::format("name = {}\nversion = {}\ndescription = {}\nkind = \"{}\"\n", Json(rubric.name).dump(),
                    Json(rubric.version).dump(), Json(rubric.description).dump(), rubric.kind->name());
    if (rubric.kind->has_scale()) {
        out += fmt::format("lowest = {}\nhighest = {}\n", rubric.lowest, rubric.highest);
        if (!rubric.scale.empty()) out += fmt::format("scale = {}\n", toml_list(rubric.scale));
    }
    if (rubric.flat) out += "flat = true\n";
    if (rubric.tie != Rubric{}.tie) out += fmt::format("tie = {}\n", Json(rubric.tie).dump());
    if (!rubric.sends_schema) out += "sends_schema = false\n";
    out += fmt::format("system = {}\ntext = {}\n", toml_text(rubric.system), toml_text(rubric.text));
    for (const RubricAspect& aspect : rubric.aspects) {
        out += fmt::format("\n[[aspects]]\nname = {}\ndefinition = {}\n", Json(aspect.name).dump(),
                           toml_text(aspect.definition));
        if (!aspect.labels.empty())
            out += fmt::format("labels = {}\nseveral = {}\n", toml_list(aspect.labels), aspect.several);
        if (aspect.may_not_apply) out += "may_not_apply = true\n";
    }
    return out;
}

std::vector<std::string> builtin_rubrics() {
    std::vector<std::string> names;
    for (const EmbeddedFile& file : rubric_files()) {
        names.emplace_back(file.name.substr(0, file.name.size() - std::string_view(".toml").size()));
    }
    std::ranges::sort(names);
    return names;
}

Rubric load_rubric(std::string_view name_or_path) {
    for (const EmbeddedFile& file : rubric_files()) {
        if (file.name == std::string(name_or_path) + ".toml") return parse_rubric(file.content, file.name);
    }
    if (name_or_path.ends_with(".toml")) return parse_rubric(read_text_file(name_or_path), name_or_path);
    const std::vector<std::string> names = builtin_rubrics();
    throw error(ErrorKind::NotFound, "no rubric \"{}\"; there are {} (or a .toml file){}", name_or_path,
                fmt::join(names, ", "), did_you_mean(name_or_path, names));
}

Json reply_schema(const Rubric& rubric) {
    Json entries = Json::object();
    for (const RubricAspect& aspect : rubric.aspects) entries[aspect.name] = rubric.kind->entry_schema(rubric, aspect);
    return rubric.flat ? entries.front() : rubric.kind->reply_schema(std::move(entries));
}

Json sent_schema(const Rubric& rubric) { return rubric.sends_schema ? reply_schema(rubric) : Json(); }

std::string reply_form(const Rubric& rubric) {
    Json entries = Json::object();
    for (const RubricAspect& aspect : rubric.aspects) entries[aspect.name] = rubric.kind->entry_form(rubric, aspect);
    return (rubric.flat ? entries.front() : rubric.kind->reply_form(std::move(entries))).dump(2);
}

}  // namespace urial::eval
