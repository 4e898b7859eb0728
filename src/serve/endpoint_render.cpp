// POST /v1/render: what a model would get, and what is to be said of its prompt.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "serve/api.h"
#include "serve/messages.h"
#include "serve/prompt_choice.h"
#include "serve/request_error.h"

namespace urial::serve {
namespace {

Json findings_json(const ChosenPrompt& chosen, std::size_t prefix_tokens, std::size_t context) {
    Json list = Json::array();
    if (!chosen.spec) return list;
    for (const prompt::Finding& finding : prompt::check(*chosen.spec, prefix_tokens, context)) {
        const bool is_warning = finding.level == prompt::Finding::Level::Warning;
        list.push_back({{"level", is_warning ? "warning" : "note"}, {"text", finding.text}});
    }
    return list;
}

}  // namespace

void render(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const Json body = parse_body(request.body);
    Fields fields(body);
    Target target = api.catalog->find(fields.text("model").value_or(""));
    const ChosenPrompt chosen = read_prompt_choice(fields, target);
    const generate::PromptSource& source = chosen.prepared->source();
    const bool continues = read_continues(fields);
    const Json* messages = fields.value("messages");
    note_unknown(api, fields, request.id);

    const engine::Model& model = target.model->model();
    std::string text = source.text();  // without messages: the part that is the same for all
    std::vector<engine::Token> tokens = chosen.prepared->prefix();
    if (messages != nullptr && !(messages->is_array() && messages->empty())) {
        const ChatMessages chat = read_messages(messages, continues);
        text = source.render(chat.conversation) + chat.answer;
        tokens = source.tokenize(model, chat.conversation, chat.answer);
    }
    const std::size_t context = target.model->context_tokens();
    const std::size_t prefix = chosen.prepared->prefix().size();
    exchange->reply(json_reply({{"model", target.name},
                                {"text", text},
                                {"tokens", tokens.size()},
                                {"prefix_tokens", prefix},
                                {"context", context},
                                {"findings", findings_json(chosen, prefix, context)}}));
}

}  // namespace urial::serve
