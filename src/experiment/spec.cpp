#include "experiment/spec.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/sampling_settings.h"
#include "app/settings.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "base/toml_fields.h"

namespace urial::experiment {
namespace {

constexpr std::size_t kMostNameBytes = 64;

bool is_plain_name(std::string_view name) {
    const auto is_plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    };
    return !name.empty() && name.size() <= kMostNameBytes && name.front() != '.' && name.front() != '-' &&
           std::ranges::all_of(name, is_plain);
}

class SpecReader {
public:
    SpecReader(const fs::path& file, const toml::table& table)
        : file_(file), origin_(printable(file.string())), fields_(table, origin_, "an experiment") {}

    Spec read() {
        spec_.title = fields_.text("title", false, file_.stem().string());
        spec_.questions = file_at(fields_.text("questions", true));
        spec_.items.where = fields_.texts("where");
        spec_.items.ids = file_or_nothing(fields_.text("ids", false));
        spec_.items.subset = fields_.text("subset", false);
        spec_.items.limit = static_cast<std::size_t>(count(fields_, "limit", 0, 0));
        spec_.parallel = count(fields_, "parallel", spec_.parallel, 1);
        spec_.context = count(fields_, "context", spec_.context, 0);
        read_sampling();
        read_retrieval();
        for (const toml::node& entry : fields_.tables("models")) read_model(*entry.as_table());
        for (const toml::node& entry : fields_.tables("methods")) read_method(*entry.as_table());
        read_judging();
        if (fields_.has("shift")) {
            for (const toml::node& entry : fields_.tables("shift")) read_pair(*entry.as_table());
        }
        read_comparisons();
        fields_.finish();
        return std::move(spec_);
    }

private:
    /// Where the text of a file means: from the folder of the experiment's file.
    fs::path file_at(const std::string& text) const {
        if (text.starts_with("~/")) {
            if (const auto home = environment("HOME")) return fs::path(*home) / text.substr(2);
        }
        return (file_.parent_path() / text).lexically_normal();
    }
    std::string file_or_nothing(const std::string& text) const { return text.empty() ? text : file_at(text).string(); }
    /// A name that stands for something built in, unless such a file lies there.
    std::string file_or_name(const std::string& text) const {
        std::error_code none;
        const bool is_path = text.starts_with("./") || text.starts_with("../") || text.starts_with("~/");
        return !text.empty() && (is_path || fs::is_regular_file(file_at(text), none)) ? file_at(text).string() : text;
    }
    /// FILE[:SCALE]
    std::string adapter(const std::string& text) const {
        const std::size_t colon = text.rfind(':');
        if (colon == std::string::npos) return file_or_name(text);
        return file_or_name(text.substr(0, colon)) + text.substr(colon);
    }

    static int count(TomlFields& fields, std::string_view key, int fallback, int least) {
        const int value = fields.number(key, fallback);
        if (value < least)
            fields.refuse_field(key, fmt::format("\"{}\" is {}: it must be {} or more", key, value, least));
        return value;
    }

    std::string name_of(TomlFields& fields, std::set<std::string>& taken) const {
        std::string name = fields.text("name", true);
        if (!is_plain_name(name)) {
            fields.refuse_field("name", fmt::format("the name '{}' is to be of letters, digits, '.', '_' and '-', at "
                                                    "most {}: it names files (\"label\" is for tables)",
                                                    printable(name), kMostNameBytes));
        }
        if (!taken.insert(lower_ascii(name)).second) {
            fields.refuse_field("name", fmt::format("the name '{}' stands there twice", name));
        }
        return name;
    }

    template <typename Entry>
    static std::size_t find(TomlFields& fields, std::string_view key, const std::vector<Entry>& entries) {
        const std::string wanted = fields.text(key, true);
        std::vector<std::string> names;
        for (std::size_t i = 0; i < entries.size(); ++i) {
            if (entries[i].name == wanted) return i;
            names.push_back(entries[i].name);
        }
        fields.refuse_field(key, fmt::format("\"{}\" names '{}', which is none of {}{}", key, printable(wanted),
                                             fmt::join(names, ", "), did_you_mean(wanted, names)));
    }

    void read_sampling() {
        const toml::table* table = fields_.table("sampling");
        if (table == nullptr) return;
        TomlFields fields(*table, origin_, "[sampling]");
        for (const std::string& key : app::sampling_keys()) {
            const app::SettingInfo& info = app::setting_info(key);
            const auto value = fields.real(key);
            if (!value) continue;
            const bool is_whole = info.type == app::SettingType::Integer;
            if (is_whole && !table->get(key)->is_integer())
                fields.refuse_field(key, fmt::format("\"{}\" must be a whole number", key));
            const nlohmann::json typed =
                is_whole ? nlohmann::json(static_cast<std::int64_t>(*value)) : nlohmann::json(*value);
            app::set_sampling_value(spec_.sampling, key, app::check_setting(info, typed, origin_ + ": [sampling]"));
        }
        spec_.sampling.stop = fields.texts("stop");
        fields.finish();
        generate::check(spec_.sampling);
    }

    app::RetrievalChoice retrieval_of(TomlFields& fields, app::RetrievalChoice choice) const {
        if (fields.has("pool")) choice.pool = file_at(fields.text("pool", true)).string();
        choice.shots = count(fields, "shots", choice.shots, 1);
        choice.preamble = fields.flag("preamble", choice.preamble);
        choice.encoder.encoder = file_or_name(fields.text("encoder", false, choice.encoder.encoder));
        return choice;
    }

    void read_retrieval() {
        retrieval_.encoder.encoder = std::string(app::setting_info("encoder").default_text);
        const toml::table* table = fields_.table("retrieval");
        if (table == nullptr) return;
        TomlFields fields(*table, origin_, "[retrieval]");
        retrieval_ = retrieval_of(fields, retrieval_);
        fields.finish();
    }

    void read_model(const toml::table& table) {
        TomlFields fields(table, origin_, "a model");
        ModelEntry entry;
        entry.name = name_of(fields, model_names_);
        entry.model = file_or_name(fields.text("model", true));
        for (const std::string& text : fields.texts("lora")) entry.adapters.push_back(adapter(text));
        fields.finish();
        spec_.models.push_back(std::move(entry));
    }

    void read_method(const toml::table& table) {
        TomlFields fields(table, origin_, "a method");
        Method method;
        method.name = name_of(fields, method_names_);
        method.label = fields.text("label", false, method.name);
        method.model = find(fields, "model", spec_.models);
        app::PromptChoice& prompt = method.prompt;
        prompt.prompt = file_or_name(fields.text("prompt", true));
        prompt.form = fields.text("form", false);
        prompt.system = fields.text("system", false);
        prompt.chat_template = file_or_name(fields.text("chat_template", false));
        if (prompt.prompt == app::kRetrievalPrompt) prompt.retrieval = retrieval_of(fields, retrieval_);
        fields.finish();
        if (prompt.prompt == app::kRetrievalPrompt && prompt.retrieval.pool.empty()) {
            fields.refuse_field("prompt", "the prompt retrieval needs \"pool\", here or in [retrieval]");
        }
        for (const Method& other : spec_.methods) {
            if (other.label == method.label) {
                fields.refuse_field("label", fmt::format("'{}' is the label of two methods", printable(method.label)));
            }
        }
        spec_.methods.push_back(std::move(method));
    }

    void read_judging() {
        const toml::table* table = fields_.table("judging");
        if (table == nullptr) return;
        TomlFields fields(*table, origin_, "[judging]");
        JudgingChoice judging;
        for (const std::string& judge : fields.texts("judges")) judging.judges.push_back(file_or_name(judge));
        if (judging.judges.empty()) fields.refuse_field("judges", "\"judges\" names no judge");
        judging.rubric = file_or_name(fields.text("rubric", false));
        judging.prices = file_or_nothing(fields.text("prices", false));
        judging.max_cost = fields.real("max_cost");
        if (judging.max_cost && *judging.max_cost < 0) fields.refuse_field("max_cost", "\"max_cost\" is below 0");
        judging.concurrency = count(fields, "concurrency", judging.concurrency, 1);
        judging.max_tokens = count(fields, "max_tokens", judging.max_tokens, 1);
        fields.finish();
        spec_.judging = std::move(judging);
    }

    void read_pair(const toml::table& table) {
        TomlFields fields(table, origin_, "a pair of [[shift]]");
        ShiftPair pair;
        pair.base = find(fields, "base", spec_.methods);
        pair.aligned = find(fields, "aligned", spec_.methods);
        pair.name = spec_.methods[pair.base].name + "-" + spec_.methods[pair.aligned].name;
        fields.finish();
        if (pair.base == pair.aligned) fields.refuse_field("aligned", "a method is not compared with itself");
        for (const std::size_t side : {pair.base, pair.aligned}) {
            if (spec_.methods[side].prompt.system.empty()) continue;
            fields.refuse_field("base",
                                fmt::format("the method '{}' has a system message, which a pair cannot have yet",
                                            spec_.methods[side].name));
        }
        const auto is_same = [&](const ShiftPair& other) { return other.name == pair.name; };
        if (std::ranges::any_of(spec_.pairs, is_same)) fields.refuse_field("base", "this pair stands there twice");
        spec_.pairs.push_back(std::move(pair));
    }

    void read_comparisons() {
        const std::string reference = fields_.text("reference", false);
        if (!reference.empty()) {
            const std::size_t against = find(fields_, "reference", spec_.methods);
            for (std::size_t i = 0; i < spec_.methods.size(); ++i) {
                if (i != against) spec_.comparisons.push_back({i, against});
            }
        }
        if (!fields_.has("comparisons")) return;
        for (const toml::node& entry : fields_.tables("comparisons")) {
            TomlFields fields(*entry.as_table(), origin_, "a comparison");
            const Comparison comparison{find(fields, "method", spec_.methods), find(fields, "against", spec_.methods)};
            fields.finish();
            const auto is_same = [&](const Comparison& other) {
                return other.method == comparison.method && other.against == comparison.against;
            };
            if (comparison.method == comparison.against)
                fields.refuse_field("against", "a method is not compared with itself");
            if (std::ranges::any_of(spec_.comparisons, is_same)) {
                fields.refuse_field("method", "this comparison stands there twice");
            }
            spec_.comparisons.push_back(comparison);
        }
    }

    const fs::path& file_;
    std::string origin_;
    TomlFields fields_;
    Spec spec_;
    app::RetrievalChoice retrieval_;  // of methods that do not say otherwise
    std::set<std::string> model_names_;
    std::set<std::string> method_names_;
};

}  // namespace

Spec read_spec(const fs::path& file) {
    std::string text = read_text_file(file);
    const toml::table table = parse_toml(text, file.string());
    Spec spec = SpecReader(file, table).read();
    spec.text = std::move(text);
    return spec;
}

}  // namespace urial::experiment
