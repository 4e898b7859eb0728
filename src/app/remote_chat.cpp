#include <utility>

#include <fmt/format.h>

#include "app/answerers.h"
#include "app/chat_backend.h"
#include "base/error.h"
#include "base/hash.h"
#include "remote/served_model.h"

namespace urial::app {
namespace {

/// The chat template of a server, of which nothing is known here.
engine::ChatTemplate servers_template() { return {std::string(kChatPrompt), ""}; }

class RemoteChat final : public ChatBackend {
public:
    explicit RemoteChat(std::shared_ptr<remote::ModelServers> servers) : servers_(std::move(servers)) {}

    ChatModel model() const override {
        return {remote::short_name(servers_->model()), fmt::format("{} on a server", servers_->model()),
                sha256_hex(servers_->model() + servers_->model_facts().dump())};
    }
    std::size_t context_tokens() const override { return servers_->context_tokens(); }
    void check(const generate::SamplingOptions& sampling) const override { servers_->check_sampling(sampling); }
    PromptForm form_of(const PromptChoice& choice, const Callbacks&) const override {
        if (choice.prompt != kChatPrompt) return open_in_context_prompt(choice);
        (void)open_server_prompt(choice);  // throws for what does not go with it
        return servers_template();
    }
    void set_prompt(const PromptForm& form, const std::string& system) override {
        if (const auto* spec = std::get_if<prompt::PromptSpec>(&form)) {
            prompt_ = generate::in_context_prompt(prompt::with_system(*spec, system));
        } else if (std::get<engine::ChatTemplate>(form).source.empty()) {
            prompt_ = generate::server_chat_prompt(system);
        } else {
            throw error(ErrorKind::BadInput,
                        "the conversation was held under the chat template {}, and a server has one of its own; give "
                        "--prompt {} to go on under that",
                        std::get<engine::ChatTemplate>(form).name, kChatPrompt);
        }
    }
    Answer answer(ChatQuestion question, const AnswerSink& sink) override {
        remote::Ask ask{.id = question.id,
                        .conversation = std::move(question.conversation),
                        .sampling = std::move(question.sampling),
                        .overflow = question.overflow,
                        .on_text = sink.text ? sink.text : [](std::string_view) {},
                        .on_piece = {},
                        .cancelled = sink.cancelled};
        generate::Answer given = servers_->answer(*prompt_, std::move(ask));
        if (given.result.failure) throw Error(*given.result.failure);
        return {.result = std::move(given.result),
                .dropped_turns = given.dropped_turns,
                .context_full = false,
                .is_counted = given.is_counted};
    }
    ShownPrompt show(const std::optional<ChatQuestion>& question) const override {
        return {.text = question ? prompt_->render(question->conversation) : prompt_->text(),
                .tokens = {},
                .prefix_tokens = 0};
    }

private:
    std::shared_ptr<remote::ModelServers> servers_;
    std::shared_ptr<const generate::PromptSource> prompt_;
};

}  // namespace

std::unique_ptr<ChatBackend> remote_chat(std::shared_ptr<remote::ModelServers> servers) {
    return std::make_unique<RemoteChat>(std::move(servers));
}

}  // namespace urial::app
