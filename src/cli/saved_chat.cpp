#include "cli/saved_chat.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/chat_session.h"
#include "cli/commands.h"
#include "cli/settings.h"

namespace urial::cli {
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

    Fields object(const char* key) const { return {at(key), fmt::format("{}: '{}'", where_, key)}; }
    const std::string& where() const { return where_; }

    template <typename T>
    void setting(const char* key, T& target) const {
        check_setting(setting_info(key), at(key), where_).get_to(target);
    }

private:
    const json& object_;
    std::string where_;
};

generate::SamplingOptions read_sampling(const Fields& fields) {
    generate::SamplingOptions sampling;
    fields.setting("temperature", sampling.temperature);
    fields.setting("top_p", sampling.top_p);
    fields.setting("top_k", sampling.top_k);
    fields.setting("min_p", sampling.min_p);
    fields.setting("repetition_penalty", sampling.repetition_penalty);
    fields.setting("seed", sampling.seed);
    fields.setting("max_tokens", sampling.max_tokens);
    for (const json& stop : fields.array("stop")) {
        if (!stop.is_string()) throw error(ErrorKind::BadInput, "{}: 'stop' must be a list of texts", fields.where());
        sampling.stop.push_back(stop.get<std::string>());
    }
    generate::check(sampling);
    return sampling;
}

ordered_json write_sampling(const generate::SamplingOptions& sampling) {
    return {{"temperature", sampling.temperature},
            {"top_p", sampling.top_p},
            {"top_k", sampling.top_k},
            {"min_p", sampling.min_p},
            {"repetition_penalty", sampling.repetition_penalty},
            {"seed", sampling.seed},
            {"max_tokens", sampling.max_tokens},
            {"stop", sampling.stop}};
}

}  // namespace

ordered_json write_saved_chat(const SavedChat& chat) {
    ordered_json turns = ordered_json::array();
    for (const prompt::Turn& turn : chat.turns) turns.push_back({{"query", turn.query}, {"answer", turn.answer}});
    return {{"format", kFormat},
            {"version", kFormatVersion},
            {"urial", version()},
            {"model", {{"name", chat.model_name}, {"sha256", chat.model_hash}}},
            {"prompt", prompt::format_spec(chat.prompt)},
            {"sampling", write_sampling(chat.sampling)},
            {"overflow", name(chat.overflow)},
            {"turns", std::move(turns)}};
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
    chat.prompt = prompt::parse_spec(fields.text("prompt"), fmt::format("{}: 'prompt'", origin));
    chat.sampling = read_sampling(fields.object("sampling"));
    chat.overflow = parse_overflow(fields.text("overflow"));
    const json& turns = fields.array("turns");
    for (std::size_t i = 0; i < turns.size(); ++i) {
        const Fields turn(turns[i], fmt::format("{}: turn {}", origin, i + 1));
        chat.turns.push_back({turn.text("query"), turn.text("answer")});
    }
    return chat;
}

}  // namespace urial::cli
