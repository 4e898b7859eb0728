#include "app/saved_chat.h"

#include <nlohmann/json.hpp>

#include "app/chat_session.h"
#include "app/sampling_settings.h"
#include "app/settings.h"
#include "base/error.h"
#include "base/text.h"
#include "generate/run_identity.h"

namespace urial::app {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kFormat = "urial-chat";
constexpr int kFormatVersion = 1;

/// Reads fields of one object and says which one is wrong.
class Fields {
public:
    Fields(const json& object, std::string where) : object_(object), where_(std::move(where)) {
        if (!object_.is_object()) throw error(ErrorKind::BadInput, "{}: a JSON object is needed", where_);
    }

    const json& at(const char* key) const {
        const auto found = object_.find(key);
        if (found == object_.end()) throw error(ErrorKind::BadInput, "{}: '{}' is missing", where_, key);
        return *found;
    }

    bool contains(const char* key) const { return object_.contains(key); }

    std::string text(const char* key) const {
        const json& value = at(key);
        if (!value.is_string()) throw error(ErrorKind::BadInput, "{}: '{}' must be text", where_, key);
        return value.get<std::string>();
    }

    const json& array(const char* key) const {
        const json& value = at(key);
        if (!value.is_array()) throw error(ErrorKind::BadInput, "{}: '{}' must be a list", where_, key);
        return value;
    }

    std::vector<std::string> texts(const char* key) const {
        std::vector<std::string> all;
        for (const json& value : array(key)) {
            if (!value.is_string()) throw error(ErrorKind::BadInput, "{}: '{}' must be a list of texts", where_, key);
            all.push_back(value.get<std::string>());
        }
        return all;
    }

    Fields object(const char* key) const { return {at(key), fmt::format("{}: '{}'", where_, key)}; }
    const std::string& where() const { return where_; }

private:
    const json& object_;
    std::string where_;
};

PromptForm read_prompt(const Fields& fields, std::string_view origin) {
    if (!fields.contains("chat_template")) {
        return prompt::parse_spec(fields.text("prompt"), fmt::format("{}: 'prompt'", origin));
    }
    const Fields form = fields.object("chat_template");
    return engine::ChatTemplate{form.text("name"), form.text("source")};
}

}  // namespace

ordered_json write_saved_chat(const SavedChat& chat) {
    ordered_json turns = ordered_json::array();
    for (const prompt::Turn& turn : chat.turns) turns.push_back({{"query", turn.query}, {"answer", turn.answer}});
    ordered_json model{{"name", chat.model_name}, {"sha256", chat.model_hash}};
    if (!chat.model_spec.empty()) {
        model["spec"] = chat.model_spec;
        model["adapters"] = chat.adapters;
    }
    ordered_json saved{
        {"format", kFormat}, {"version", kFormatVersion}, {"urial", URIAL_VERSION}, {"model", std::move(model)}};
    if (const auto* chat_template = std::get_if<engine::ChatTemplate>(&chat.prompt)) {
        saved["chat_template"] = {{"name", chat_template->name}, {"source", chat_template->source}};
    } else {
        saved["prompt"] = prompt::format_spec(std::get<prompt::PromptSpec>(chat.prompt));
    }
    if (!chat.system.empty()) saved["system"] = chat.system;
    saved["sampling"] = generate::describe_sampling(chat.sampling);
    saved["overflow"] = name(chat.overflow);
    saved["turns"] = std::move(turns);
    return saved;
}

SavedChat read_saved_chat(const json& saved, std::string_view origin) {
    const Fields fields(saved, std::string(origin));
    if (fields.text("format") != kFormat) {
        throw error(ErrorKind::BadInput, "{}: not a saved conversation ('format' is not {})", origin, kFormat);
    }
    if (fields.at("version") != kFormatVersion) {
        throw error(ErrorKind::BadInput, "{}: 'version' is {}, this urial reads {}", origin,
                    fields.at("version").dump(), kFormatVersion);
    }
    SavedChat chat;
    const Fields model = fields.object("model");
    chat.model_name = model.text("name");
    chat.model_hash = model.text("sha256");
    if (model.contains("spec")) {
        chat.model_spec = model.text("spec");
        chat.adapters = model.texts("adapters");
    }
    chat.prompt = read_prompt(fields, origin);
    if (fields.contains("system")) chat.system = fields.text("system");
    chat.sampling = read_sampling(fields.at("sampling"), fmt::format("{}: 'sampling'", origin));
    chat.overflow = parse_overflow(fields.text("overflow"));
    const json& turns = fields.array("turns");
    for (std::size_t i = 0; i < turns.size(); ++i) {
        const Fields turn(turns[i], fmt::format("{}: turn {}", origin, i + 1));
        chat.turns.push_back({turn.text("query"), turn.text("answer")});
    }
    return chat;
}

}  // namespace urial::app
