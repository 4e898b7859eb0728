#include "generate/prompt_source.h"

#include <utility>

#include <fmt/format.h>

#include "base/error.h"
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
    std::string text() const override { return prompt::render_prefix(spec_); }
    std::string outline() const override { return prompt::render(spec_, {{}, "{query}"}).text; }
    bool has_prefix() const override { return true; }
    prompt::AnswerForm answer_form() const override { return prompt::answer_form(spec_); }
    std::string render(const prompt::Conversation& conversation) const override {
        return prompt::render(spec_, conversation).text;
    }
    std::vector<Token> tokenize(const engine::Model& model, const prompt::Conversation& conversation,
                                std::string_view answer) const override {
        return model.tokenize(render(conversation) + std::string(answer), {.add_bos = true, .parse_special = false});
    }

private:
    prompt::PromptSpec spec_;
};

/// Two system messages as one; what is only white space says nothing.
std::string joined(const std::string& first, const std::string& second) {
    if (trim(second).empty()) return first;
    return first.empty() ? second : first + "\n\n" + second;
}

std::vector<engine::ChatMessage> messages_of(const prompt::Conversation& conversation,
                                             const std::string& first_system) {
    std::vector<engine::ChatMessage> messages;
    if (const std::string system = joined(first_system, conversation.system); !system.empty()) {
        messages.push_back({"system", system});
    }
    for (const prompt::Turn& turn : conversation.turns) {
        messages.push_back({"user", turn.query});
        messages.push_back({"assistant", turn.answer});
    }
    messages.push_back({"user", conversation.query});
    return messages;
}

class ChatPrompt final : public PromptSource {
public:
    ChatPrompt(const engine::Model& model, engine::ChatTemplate form, std::string_view system)
        : form_(std::move(form)),
          system_(trim(system)),
          options_(engine::render_options(model)),
          takes_system_(engine::takes_system_message(model, form_)),
          end_(engine::answer_end(model, form_)) {}

    std::string name() const override { return form_.name; }
    std::string label() const override { return form_.name; }
    std::string_view kind() const override { return "chat template"; }
    nlohmann::ordered_json identity() const override {
        nlohmann::ordered_json identity{{"name", form_.name}, {"sha256", sha256_hex(form_.source)}};
        if (!system_.empty()) identity["system"] = system_;
        return identity;
    }
    std::string text() const override { return form_.source; }
    std::string outline() const override { return form_.source; }
    bool has_prefix() const override { return !system_.empty(); }
    bool is_text() const override { return false; }
    prompt::AnswerForm answer_form() const override { return {}; }
    std::optional<Token> answer_end(const engine::Model& model) const override {
        return end_ ? end_ : PromptSource::answer_end(model);
    }
    std::string render(const prompt::Conversation& conversation) const override {
        std::string text;
        for (const engine::ChatPart& part : engine::render_chat(form_, messages(conversation), options_)) {
            text += part.text;
        }
        return text;
    }
    std::vector<Token> tokenize(const engine::Model& model, const prompt::Conversation& conversation,
                                std::string_view answer) const override {
        return engine::chat_tokens(model, form_, messages(conversation), answer);
    }

private:
    std::vector<engine::ChatMessage> messages(const prompt::Conversation& conversation) const {
        std::vector<engine::ChatMessage> messages = messages_of(conversation, system_);
        return takes_system_ ? messages : engine::system_in_front_of_user(std::move(messages));
    }

    engine::ChatTemplate form_;
    std::string system_;
    engine::ChatRenderOptions options_;
    bool takes_system_;
    std::optional<Token> end_;
};

class ServerChatPrompt final : public PromptSource {
public:
    explicit ServerChatPrompt(std::string_view system) : system_(trim(system)) {}

    std::string name() const override { return "chat"; }
    std::string label() const override { return "chat"; }
    std::string_view kind() const override { return "chat template of the server"; }
    nlohmann::ordered_json identity() const override {
        nlohmann::ordered_json identity{{"name", "chat"}, {"template", "of the server"}};
        if (!system_.empty()) identity["system"] = system_;
        return identity;
    }
    std::string text() const override { return "the chat template of the server"; }
    std::string outline() const override { return text(); }
    bool has_prefix() const override { return false; }
    bool is_text() const override { return false; }
    prompt::AnswerForm answer_form() const override { return {}; }
    std::string render(const prompt::Conversation& conversation) const override {
        std::string text;
        for (const engine::ChatMessage& message : checked_messages(conversation)) {
            text += fmt::format("{}: {}\n", message.role, message.content);
        }
        return text;
    }
    ServerPrompt for_server(const prompt::Conversation& conversation) const override {
        return checked_messages(conversation);
    }
    std::vector<Token> tokenize(const engine::Model& model, const prompt::Conversation&,
                                std::string_view) const override {
        throw error(ErrorKind::BadInput, "the chat template of a server is not known here: {} needs one of its own",
                    model.info().name);
    }

private:
    std::vector<engine::ChatMessage> checked_messages(const prompt::Conversation& conversation) const {
        if (trim(conversation.query).empty()) {
            throw Error(ErrorKind::BadInput, "the query is empty: there is nothing to answer");
        }
        std::vector<engine::ChatMessage> messages = messages_of(conversation, system_);
        for (const engine::ChatMessage& message : messages) {
            if (is_valid_utf8(message.content)) continue;
            throw error(ErrorKind::BadInput, "a message of the {} is not UTF-8; convert the text to UTF-8",
                        message.role);
        }
        return messages;
    }

    std::string system_;
};

}  // namespace

std::shared_ptr<const PromptSource> in_context_prompt(prompt::PromptSpec spec) {
    return std::make_shared<InContextPrompt>(std::move(spec));
}

std::shared_ptr<const PromptSource> chat_prompt(const engine::Model& model, engine::ChatTemplate form,
                                                std::string system) {
    return std::make_shared<ChatPrompt>(model, std::move(form), system);
}

std::shared_ptr<const PromptSource> server_chat_prompt(std::string system) {
    return std::make_shared<ServerChatPrompt>(system);
}

}  // namespace urial::generate
