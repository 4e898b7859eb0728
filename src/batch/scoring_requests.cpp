#include "batch/scoring_requests.h"

#include <utility>
#include <variant>

#include "base/hash.h"
#include "batch/requests.h"
#include "remote/server_software.h"
#include "remote/token_wire.h"

namespace urial::batch {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kIdDigits = 16;

ordered_json line_of(ordered_json body) {
    const std::string id =
        sha256_hex(body.dump(-1, ' ', false, ordered_json::error_handler_t::replace)).substr(0, kIdDigits);
    return request_line(id, "/v1/chat/completions", std::move(body));
}

/// At least one token is always written.
void add_common(ordered_json& body) {
    body["max_tokens"] = 1;
    body["temperature"] = 0;
    body["return_token_ids"] = true;
}

}  // namespace

ordered_json scoring_line(const std::string& model, const generate::PromptSource& prompt, const ScoringQuery& query) {
    ordered_json body{{"model", model}};
    const generate::ServerPrompt given = prompt.for_server(query.conversation);
    if (const auto* text = std::get_if<std::string>(&given)) {
        add_text(body, *text + std::string(query.answer), /*begins=*/true);
    } else {
        body["messages"] = messages_of(std::get<std::vector<engine::ChatMessage>>(given));
        body["messages"].push_back({{"role", "assistant"}, {"content", query.answer}});
        body["add_generation_prompt"] = false;
        body["continue_final_message"] = true;
    }
    body["prompt_logprobs"] = remote::list_length(remote::Software::Vllm, query.top_k);
    add_common(body);
    return line_of(std::move(body));
}

ordered_json sample_line(const std::string& model, std::string_view text) {
    ordered_json body{{"model", model}};
    add_text(body, std::string(text), /*begins=*/false);
    add_common(body);
    return line_of(std::move(body));
}

std::string hash_of_tokens(const std::vector<engine::Token>& tokens) { return hash_of_ids(ordered_json(tokens)); }

}  // namespace urial::batch
