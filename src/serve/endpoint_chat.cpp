// POST /v1/chat/completions

#include <utility>

#include "serve/api.h"
#include "serve/generation.h"
#include "serve/messages.h"
#include "serve/prompt_choice.h"
#include "serve/request_error.h"

namespace urial::serve {
namespace {

/// For requests that do not say how long an answer may be.
constexpr int kUsualChatTokens = 1024;

GenerationPrompt prompt_of(Fields& fields, Target& target) {
    const bool continues = read_continues(fields);
    fields.refuse_unless("add_special_tokens", {Json(false), Json(true)});
    const ChatMessages messages = read_messages(fields.value("messages"), continues);
    const auto prepared = read_prompt_choice(fields, target).prepared;
    GenerationPrompt prompt;
    prompt.shown.tokens = prepared->source().tokenize(target.model->model(), messages.conversation, messages.answer);
    prompt.constant = prepared->shared_length(prompt.shown.tokens);
    prompt.answer_form = prepared->source().answer_form();
    return prompt;
}

/// logprobs: true, top_logprobs: K.
std::optional<int> read_scores(Fields& fields) {
    const bool wanted = fields.boolean("logprobs").value_or(false);
    const auto top = fields.integer("top_logprobs", 0, kMostTop);
    if (top && *top > 0 && !wanted) throw bad_field("top_logprobs", "top_logprobs needs logprobs: true");
    return wanted ? std::optional(static_cast<int>(top.value_or(0))) : std::nullopt;
}

}  // namespace

void chat_completions(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const Json body = parse_body(request.body);
    Fields fields(body);
    GenerationPlan plan = read_plan(api, fields, request.id);
    plan.prompt_field = "messages";
    const auto most_tokens = static_cast<std::int64_t>(plan.target.model->context_tokens());
    const auto old_name = fields.integer("max_tokens", 0, most_tokens);
    const auto new_name = fields.integer("max_completion_tokens", 0, most_tokens);
    if (const auto most = new_name ? new_name : old_name) plan.fields.max_tokens = static_cast<int>(*most);
    plan.scores = read_scores(fields);
    plan.default_max_tokens = kUsualChatTokens;
    plan.prompt_logprobs_on_top = true;
    fields.refuse_unless("echo", {Json(false)});
    plan.prompts.push_back(prompt_of(fields, plan.target));
    refuse_unsupported(fields);
    note_unknown(api, fields, request.id);
    plan.shape = chat_shape(shape_options(plan));
    start_generation(std::move(plan), std::move(exchange), api.metrics);
}

}  // namespace urial::serve
