// GET /v1/models, GET /v1/models/{id}, GET /v1/prompts, GET /v1/prompts/{name}

#include <fmt/format.h>

#include "base/text.h"
#include "serve/api.h"
#include "serve/request_error.h"

namespace urial::serve {
namespace {

Json model_json(const Target& target, const std::string& name) {
    const engine::ModelInfo& info = target.model->model().info();
    Json json{{"id", name}, {"object", "model"}, {"created", 0}, {"owned_by", "urial"}};
    json["max_model_len"] = target.model->context_tokens();
    json["prompt"] = target.prompt->name;
    json["description"] = replace_invalid_utf8(info.description);
    json["parameters"] = info.parameter_count;
    json["vocabulary"] = info.vocabulary_size;
    json["adapters"] = Json::array();
    for (const engine::AdapterInfo& adapter : info.adapters) {
        json["adapters"].push_back({{"file", adapter.file_name}, {"scale", adapter.scale}});
    }
    json["urial"] = {{"uses_adapters", target.model->uses_adapters()},
                     {"context", target.model->context_tokens()},
                     {"default_prompt", target.prompt->name},
                     {"wants_bos", info.adds_bos}};
    return json;
}

Json example_json(const prompt::Example& example) {
    Json turns = Json::array();
    for (const prompt::Turn& turn : example.turns) turns.push_back({{"query", turn.query}, {"answer", turn.answer}});
    return turns;
}

}  // namespace

void list_models(Api& api, HttpRequest&&, std::shared_ptr<Exchange> exchange) {
    Json data = Json::array();
    for (const std::string& name : api.catalog->names()) data.push_back(model_json(api.catalog->find(name), name));
    exchange->reply(json_reply({{"object", "list"}, {"data", std::move(data)}}));
}

void show_model(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const Target target = api.catalog->find(request.parts["id"]);
    exchange->reply(json_reply(model_json(target, target.name)));
}

void list_prompts(Api& api, HttpRequest&&, std::shared_ptr<Exchange> exchange) {
    Json data = Json::array();
    for (const OfferedPrompt& prompt : api.catalog->prompts()) {
        data.push_back({{"id", prompt.name}, {"object", "prompt"}, {"description", prompt.description}});
    }
    exchange->reply(json_reply({{"object", "list"}, {"data", std::move(data)}}));
}

void show_prompt(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const OfferedPrompt* offered = api.catalog->find_prompt(request.parts["name"]);
    if (offered == nullptr)
        throw RequestError(404, "not_found", "", "there is no such prompt; GET /v1/prompts lists them");
    const app::PromptForm form = offered->form(api.catalog->models().front()->model());
    const auto* spec = std::get_if<prompt::PromptSpec>(&form);
    if (spec == nullptr) {
        throw RequestError(404, "not_found", "",
                           fmt::format("{} is a chat template: it has no specification", printable(offered->name)));
    }
    Json json{{"name", offered->name}, {"object", "prompt"}, {"description", offered->description}};
    json["spec"] = prompt::format_spec(*spec);
    json["preamble"] = spec->preamble;
    json["examples"] = Json::array();
    for (const prompt::Example& example : spec->examples) json["examples"].push_back(example_json(example));
    json["suffix"] = spec->suffix;
    exchange->reply(json_reply(json));
}

}  // namespace urial::serve
