#include "generate/record.h"

#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/hash.h"

namespace urial::generate {
namespace {

using nlohmann::ordered_json;

bool has(const ordered_json& object, std::string_view name) {
    const auto found = object.find(name);
    return found != object.end() && !found->is_null();
}

constexpr std::size_t kLabelDigits = 8;

}  // namespace

std::string generator_name(const engine::ModelInfo& model, const prompt::PromptSpec& prompt) {
    return generator_name(model, /*use_adapters=*/true, prompt_label(prompt));
}

std::string generator_name(const engine::ModelInfo& model, bool use_adapters, std::string_view form) {
    std::string name = model.name;
    for (const engine::AdapterInfo& adapter : model.adapters) {
        if (!use_adapters) break;
        name += "+" + std::filesystem::path(adapter.file_name).stem().string();
        if (adapter.scale != 1.0F) name += fmt::format(":{:g}", adapter.scale);
    }
    return name + "+" + std::string(form);
}

std::string prompt_label(const prompt::PromptSpec& prompt) {
    if (prompt::origin_of(prompt) == prompt::Origin::Builtin) return prompt.name;
    return prompt.name + "@" + sha256_hex(prompt::format_spec(prompt)).substr(0, kLabelDigits);
}

void carry_over(ordered_json& record, const ordered_json& fields, const FieldNames& reserved) {
    for (const auto& [name, value] : fields.items()) {
        if (!record.contains(name) && !reserved.contains(name)) record[name] = value;
    }
}

std::vector<std::string> reserved_fields(const ordered_json& fields, const FieldNames& reserved) {
    std::vector<std::string> names;
    for (const std::string& name : reserved) {
        if (fields.is_object() && fields.contains(name)) names.push_back(name);
    }
    return names;
}

bool has_id(const ordered_json& fields) { return fields.is_object() && has(fields, "id"); }

bool is_failure(const ordered_json& record) {
    return record.is_object() && has(record, "error") && !has(record, "output") && !has(record, "outputs") &&
           !has(record, "answer") && !has(record, "answer_ids");
}

bool EarlierRecords::add(const ordered_json& record) {
    if (is_failure(record)) return false;
    if (!seen_.add(record_key(record))) return true;
    auto key = record.at("key").get<std::string>();
    if (const auto generator = record.find("generator"); generator != record.end() && generator->is_string()) {
        generators_.insert(generator->get<std::string>());
    }
    if (wanted_.contains(key)) {
        done_.insert(std::move(key));
        return true;
    }
    const ordered_json id = record.value("id", ordered_json());
    const std::string text = id.is_string() ? id.get<std::string>() : id.dump();
    if (positions_.contains(text)) {
        throw error(
            ErrorKind::BadInput,
            "{}: a record that is there has the id {} and is of something else than the input has at this position "
            "(from 0); give the items an \"id\" each, name another output, or --overwrite to start anew",
            file_, text);
    }
    ++others_;
    return true;
}

std::vector<std::string> EarlierRecords::notices(const std::string& generator) const {
    std::vector<std::string> notices;
    if (seen_.repeated() > 0) {
        notices.push_back(fmt::format("{} records stand there more than once; each counts once", seen_.repeated()));
    }
    std::set<std::string> generators = generators_;
    generators.erase(generator);
    if (!generator.empty() && !generators.empty()) {
        notices.push_back(fmt::format("records of the generator {} are there; new ones are of {}",
                                      fmt::join(generators, ", "), generator));
    }
    return notices;
}

std::optional<std::string> record_key(const ordered_json& record) {
    if (!record.is_object()) return std::nullopt;
    const auto key = record.find("key");
    if (key == record.end() || !key->is_string()) return std::nullopt;
    return key->get<std::string>();
}

bool SeenRecords::add(const std::optional<std::string>& key) {
    if (!key || keys_.insert(*key).second) return true;
    ++repeated_;
    return false;
}

}  // namespace urial::generate
