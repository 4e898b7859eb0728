#include "shift/side_prompt.h"

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"
#include "generate/record.h"

namespace urial::shift {

SidePrompt::SidePrompt(const Side& side) : model_(side.model), use_adapters_(side.use_adapters) {
    if (const auto* spec = std::get_if<prompt::PromptSpec>(&side.form)) {
        prompt_.emplace(model_, *spec);
        prefix_ = prompt_->prefix();
        answer_form_ = prompt::answer_form(*spec);
    } else {
        chat_ = std::get<engine::ChatTemplate>(side.form);
        takes_system_ = engine::takes_system_message(*model_, *chat_);
        end_ = engine::answer_end(*model_, *chat_);
    }
    if (!end_) end_ = model_->info().eos;
}

std::vector<engine::ChatMessage> SidePrompt::messages(const prompt::Conversation& conversation) const {
    std::vector<engine::ChatMessage> messages;
    if (!trim(conversation.system).empty()) messages.push_back({"system", conversation.system});
    for (const prompt::Turn& turn : conversation.turns) {
        messages.push_back({"user", turn.query});
        messages.push_back({"assistant", turn.answer});
    }
    messages.push_back({"user", conversation.query});
    return takes_system_ ? messages : engine::system_in_front_of_user(std::move(messages));
}

std::vector<Token> SidePrompt::tokenize(const prompt::Conversation& conversation) const {
    if (prompt_) return prompt_->tokenize(conversation);
    return engine::chat_tokens(*model_, *chat_, messages(conversation));
}

std::vector<Token> SidePrompt::answer_tokens(const prompt::Conversation& conversation, const std::vector<Token>& prompt,
                                             std::string_view answer, bool ended) const {
    std::vector<Token> whole;
    if (prompt_) {
        const std::string text = prompt::render(prompt_->spec(), conversation).text + std::string(answer);
        whole = model_->tokenize(text, {.add_bos = true});
    } else {
        const engine::ModelInfo& info = model_->info();
        const auto special = [&](const std::optional<Token>& token) {
            return token ? model_->piece(*token, true) : std::string();
        };
        const std::vector<engine::ChatMessage> before = messages(conversation);
        std::vector<engine::ChatPart> parts =
            engine::render_chat(*chat_, before, {.bos_token = special(info.bos), .eos_token = special(info.eos)});
        parts.push_back({std::string(answer), true});
        whole = engine::tokenize_chat(*model_, parts);
    }
    std::vector<Token> tokens;
    if (whole.size() > prompt.size() && std::equal(prompt.begin(), prompt.end(), whole.begin())) {
        tokens.assign(whole.begin() + static_cast<std::ptrdiff_t>(prompt.size()), whole.end());
    } else {
        tokens = model_->tokenize(answer, {});
    }
    if (ended && end_) tokens.push_back(*end_);
    return tokens;
}

std::string SidePrompt::generator() const {
    return generate::generator_name(model_->info(), use_adapters_,
                                    chat_ ? chat_->name : generate::prompt_label(prompt_->spec()));
}

nlohmann::ordered_json SidePrompt::describe() const {
    if (chat_) {
        return {{"kind", "chat template"},
                {"name", chat_->name},
                {"sha256", sha256_hex(chat_->source)},
                {"text", chat_->source}};
    }
    return {{"kind", "prompt"},
            {"name", prompt_->spec().name},
            {"version", prompt_->spec().version},
            {"sha256", sha256_hex(prompt::format_spec(prompt_->spec()))},
            {"prefix_tokens", prefix_.size()},
            {"text", prompt::render(prompt_->spec(), {{}, "{query}"}).text}};
}

}  // namespace urial::shift
