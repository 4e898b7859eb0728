// GET /v1/models, GET /v1/models/{id}, GET /v1/prompts

#include "base/text.h"
#include "serve/api.h"

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
    return json;
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

}  // namespace urial::serve
