#include "generate/prompt_source.h"

#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "generate/record.h"

namespace urial::generate {
namespace {

using engine::Token;

class InContextPrompt final : public PromptSource {
public:
    explicit InContextPrompt(prompt::PromptSpec spec) : spec_(std::move(spec)) {}

    std::string name() const override { return spec_.name; }
    std::string label() const override { return prompt_label(spec_); }
    std::string_view kind() const override { return "prompt"; }
    nlohmann::ordered_json identity() const override {
        return {{"name", spec_.name}, {"version", spec_.version}, {"sha256", sha256_hex(prompt::format_spec(spec_))}};
    }
    std::string outline() const override { return prompt::render(spec_, {{}, "{query}"}).text; }
    std::optional<std::string> constant_text() const override { return prompt::render_prefix(spec_); }
    prompt::AnswerForm answer_form() const override { return prompt::answer_form(spec_); }
    std::vector<Token> tokenize(const engine::Model& model, const prompt::Conversation& conversation,
                                std::string_view answer) const override {
        const std::string text = prompt::render(spec_, conversation).text + std::string(answer);
        return model.tokenize(text, {.add_bos = true, .parse_special = false});
    }

private:
    prompt::PromptSpec spec_;
};

class ChatPrompt final : public PromptSource {
public:
    ChatPrompt(const engine::Model& model, engine::ChatTemplate form)
        : form_(std::move(form)),
          takes_system_(engine::takes_system_message(model, form_)),
          end_(engine::answer_end(model, form_)) {}

    std::string name() const override { return form_.name; }
    std::string label() const override { return form_.name; }
    std::string_view kind() const override { return "chat template"; }
    nlohmann::ordered_json identity() const override {
        return {{"name", form_.name}, {"sha256", sha256_hex(form_.source)}};
    }
    std::string outline() const override { return form_.source; }
    std::optional<std::string> constant_text() const override { return std::nullopt; }
    prompt::AnswerForm answer_form() const override { return {}; }
    std::optional<Token> answer_end(const engine::Model& model) const override {
        return end_ ? end_ : PromptSource::answer_end(model);
    }
    std::vector<Token> tokenize(const engine::Model& model, const prompt::Conversation& conversation,
                                std::string_view answer) const override {
        return engine::chat_tokens(model, form_, messages(conversation), answer);
    }

private:
    std::vector<engine::ChatMessage> messages(const prompt::Conversation& conversation) const {
        std::vector<engine::ChatMessage> messages;
        if (!trim(conversation.system).empty()) messages.push_back({"system", conversation.system});
        for (const prompt::Turn& turn : conversation.turns) {
            messages.push_back({"user", turn.query});
            messages.push_back({"assistant", turn.answer});
        }
        messages.push_back({"user", conversation.query});
        return takes_system_ ? messages : engine::system_in_front_of_user(std::move(messages));
    }

    engine::ChatTemplate form_;
    bool takes_system_;
    std::optional<Token> end_;
};

}  // namespace

std::shared_ptr<const PromptSource> in_context_prompt(prompt::PromptSpec spec) {
    return std::make_shared<InContextPrompt>(std::move(spec));
}

std::shared_ptr<const PromptSource> chat_prompt(const engine::Model& model, engine::ChatTemplate form) {
    return std::make_shared<ChatPrompt>(model, std::move(form));
}

}  // namespace urial::generate
