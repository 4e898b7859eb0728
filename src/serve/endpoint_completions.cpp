// POST /v1/completions: a text is continued as it is.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "serve/api.h"
#include "serve/generation.h"
#include "serve/request_error.h"

namespace urial::serve {
namespace {

constexpr int kUsualTokens = 16;
constexpr std::size_t kMostAnswers = 128;  // prompts x n

ShownPrompt text_prompt(const engine::Model& model, const std::string& text, bool adds_bos, const std::string& path) {
    if (!is_valid_utf8(text)) throw bad_field(path, fmt::format("{} is not UTF-8", path));
    ClientTokens tokens = tokens_of_text(model, text, adds_bos);
    if (tokens.tokens.empty()) throw bad_field(path, fmt::format("{} is empty: there is nothing to continue", path));
    return {std::move(tokens.tokens), text, tokens.has_added_bos};
}

ShownPrompt token_prompt(const engine::Model& model, const Json& ids, const std::string& path) {
    ShownPrompt prompt;
    prompt.tokens = checked_tokens(ids, model, path);
    if (prompt.tokens.empty()) throw bad_field(path, fmt::format("{} is empty: there is nothing to continue", path));
    for (const engine::Token token : prompt.tokens) prompt.text += model.piece(token, /*special=*/true);
    prompt.text = replace_invalid_utf8(prompt.text);
    return prompt;
}

/// A text, a list of texts, token ids, or a list of lists of them.
std::vector<ShownPrompt> read_prompts(Fields& fields, const engine::Model& model) {
    const bool adds_bos = fields.boolean("add_special_tokens").value_or(true);
    const Json* prompt = fields.value("prompt");
    if (prompt == nullptr) throw bad_field("prompt", "prompt is missing: a text, texts, token ids, or lists of them");
    if (prompt->is_string()) return {text_prompt(model, prompt->get<std::string>(), adds_bos, "prompt")};
    if (!prompt->is_array() || prompt->empty()) {
        throw bad_field("prompt", "prompt must be a text, a list of texts, token ids, or a list of such lists");
    }
    if (prompt->front().is_number()) return {token_prompt(model, *prompt, "prompt")};
    if (prompt->size() > kMostAnswers) {
        throw bad_field("prompt",
                        fmt::format("prompt has {} entries: at most {} are taken", prompt->size(), kMostAnswers));
    }
    std::vector<ShownPrompt> prompts;
    for (std::size_t i = 0; i < prompt->size(); ++i) {
        const std::string path = fmt::format("prompt[{}]", i);
        const Json& item = (*prompt)[i];
        prompts.push_back(item.is_string() ? text_prompt(model, item.get<std::string>(), adds_bos, path)
                                           : token_prompt(model, item, path));
    }
    return prompts;
}

}  // namespace

void completions(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const Json body = parse_body(request.body);
    Fields fields(body);
    GenerationPlan plan = read_plan(api, fields, request.id);
    plan.prompt_field = "prompt";
    const engine::Model& model = plan.target.model->model();
    const auto most_tokens = static_cast<std::int64_t>(plan.target.model->context_tokens());
    if (const auto most = fields.integer("max_tokens", 0, most_tokens))
        plan.fields.max_tokens = static_cast<int>(*most);
    plan.default_max_tokens = kUsualTokens;
    const bool echoes = fields.boolean("echo").value_or(false);
    if (const auto top = fields.integer("logprobs", 0, kMostTop)) plan.scores = static_cast<int>(*top);
    if (echoes && plan.scores) plan.prompt_scores = std::max(plan.prompt_scores.value_or(0), *plan.scores);
    if (echoes && plan.scores && plan.fields.streams) {
        throw bad_field("echo", "echo with logprobs cannot be streamed: leave out stream");
    }
    fields.refuse_unless("best_of", {Json(1), Json(plan.fields.choices)});
    fields.refuse_unless("suffix", {Json("")});
    for (ShownPrompt& prompt : read_prompts(fields, model)) plan.prompts.push_back({.shown = std::move(prompt)});
    if (plan.prompts.size() * static_cast<std::size_t>(plan.fields.choices) > kMostAnswers) {
        throw bad_field("n", fmt::format("{} prompts with n {} are more than {} answers", plan.prompts.size(),
                                         plan.fields.choices, kMostAnswers));
    }
    refuse_unsupported(fields);
    note_unknown(api, fields, request.id);
    ShapeOptions shape = shape_options(plan);
    shape.echoes = echoes;
    plan.shape = legacy_shape(std::move(shape));
    start_generation(std::move(plan), std::move(exchange), api.metrics);
}

}  // namespace urial::serve
