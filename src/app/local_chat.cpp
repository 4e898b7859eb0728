#include <algorithm>
#include <utility>

#include "app/chat_backend.h"
#include "base/error.h"

namespace urial::app {
namespace {

/// A cell more than prompt and answer, so that an answer of the wanted length is not taken for a full context.
constexpr std::size_t kAnswerEnd = 1;

int context_of(const engine::Model& model, int wanted) {
    if (wanted > 0) return wanted;
    const int trained = model.info().training_context;
    return trained > 0 ? std::min(trained, kDefaultContext) : kDefaultContext;
}

class LocalChat final : public ChatBackend {
public:
    LocalChat(std::shared_ptr<const engine::Model> model, LocalChatOptions options)
        : model_(std::move(model)), options_(std::move(options)) {}

    ChatModel model() const override {
        return {model_->info().name, model_->info().description, model_->info().content_hash};
    }
    std::size_t context_tokens() const override { return static_cast<std::size_t>(options_.session.context_tokens); }
    void check(const generate::SamplingOptions&) const override {}
    PromptForm form_of(const PromptChoice& choice, const Callbacks& callbacks) const override {
        return open_prompt(choice, callbacks)(*model_);
    }
    void set_prompt(const PromptForm& form, const std::string& system) override;
    Answer answer(ChatQuestion question, const AnswerSink& sink) override;
    ShownPrompt show(const std::optional<ChatQuestion>& question) const override;

private:
    void open_session(const generate::PreparedPrompt& first_prompt);
    void pin(const generate::PreparedPrompt& prompt);
    generate::FittedConversation fitted(const ChatQuestion& question) const;
    int answer_room(const std::vector<engine::Token>& prompt) const;
    generate::Result run(generate::Request request, const AnswerSink& sink);

    std::shared_ptr<const engine::Model> model_;
    LocalChatOptions options_;
    std::unique_ptr<engine::Session> session_;
    std::unique_ptr<generate::PreparedPrompt> prompt_;
    bool is_pinned_ = false;  // the session has the prompt's prefix
};

void LocalChat::open_session(const generate::PreparedPrompt& first_prompt) {
    if (options_.only_query) options_.keep_turns = false;
    options_.session.sequences = 1;
    options_.session.prefixes = options_.keep_turns ? 2 : 1;  // the prompt's, and the conversation so far
    options_.session.context_tokens = context_of(*model_, options_.context_tokens);
    if (options_.only_query) {
        // Clearing cells that no one will use would be a tenth of the time to the first token.
        const std::size_t needed = first_prompt.tokenize({{}, *options_.only_query}).size() + kAnswerEnd +
                                   static_cast<std::size_t>(options_.most_tokens);
        options_.session.context_tokens =
            static_cast<int>(std::min(needed, static_cast<std::size_t>(options_.session.context_tokens)));
    }
    session_ = model_->new_session(options_.session);
}

void LocalChat::set_prompt(const PromptForm& form, const std::string& system) {
    if (const auto* chat = std::get_if<engine::ChatTemplate>(&form); chat != nullptr && chat->source.empty()) {
        throw error(ErrorKind::BadInput,
                    "the conversation was held under the chat template of a server, which is not known here; go on "
                    "with -m http://HOST/v1#MODEL, or give a prompt with --prompt");
    }
    auto prepared = std::make_unique<generate::PreparedPrompt>(model_, source_of(form, *model_, system));
    if (!session_) open_session(*prepared);
    // The two need not fit into the context together.
    if (std::exchange(is_pinned_, false)) session_->unpin(prompt_->prefix());
    try {
        pin(*prepared);
    } catch (const engine::Cancelled&) {
        throw;  // the next answer reads the prefix of the prompt that stays
    } catch (...) {
        if (prompt_) pin(*prompt_);
        throw;
    }
    prompt_ = std::move(prepared);
}

void LocalChat::pin(const generate::PreparedPrompt& prompt) {
    session_->pin(prompt.prefix());
    is_pinned_ = true;
}

Answer LocalChat::answer(ChatQuestion question, const AnswerSink& sink) {
    generate::FittedConversation fit = fitted(question);
    if (!is_pinned_) pin(*prompt_);
    Answer answer;
    answer.dropped_turns = fit.dropped_turns;
    generate::Request request;
    request.id = question.id;
    request.keep = options_.keep_turns;
    const int wanted = question.sampling.max_tokens;
    const int room = answer_room(fit.tokens);
    request.sampling = std::move(question.sampling);
    request.sampling.max_tokens = std::min(wanted, room);
    request.tokens = std::move(fit.tokens);
    request.answer_form = prompt_->source().answer_form();
    answer.result = run(std::move(request), sink);
    answer.context_full = answer.result.finish == generate::FinishReason::Length && room < wanted;
    return answer;
}

ShownPrompt LocalChat::show(const std::optional<ChatQuestion>& question) const {
    ShownPrompt shown;
    shown.prefix_tokens = prompt_->prefix().size();
    if (!question) {
        shown.text = prompt_->source().text();
        shown.tokens = prompt_->prefix();
        return shown;
    }
    generate::FittedConversation fit = fitted(*question);
    shown.tokens = std::move(fit.tokens);
    prompt::Conversation conversation = question->conversation;
    conversation.turns.erase(conversation.turns.begin(),
                             conversation.turns.begin() + static_cast<std::ptrdiff_t>(fit.dropped_turns));
    shown.text = prompt_->source().render(conversation);
    return shown;
}

generate::FittedConversation LocalChat::fitted(const ChatQuestion& question) const {
    const auto wanted = static_cast<std::size_t>(question.sampling.max_tokens);
    return generate::fit(*prompt_, question.conversation, context_tokens(), std::min(wanted, kLeastAnswerTokens),
                         question.overflow);
}

/// New tokens for which the context has cells; at least 1, so that the scheduler is the one to refuse.
int LocalChat::answer_room(const std::vector<engine::Token>& prompt) const {
    const std::size_t taken = prompt_->prefix().size() + prompt.size() - session_->shareable(prompt).pinned;
    return taken < context_tokens() ? static_cast<int>(context_tokens() - taken) : 1;
}

generate::Result LocalChat::run(generate::Request request, const AnswerSink& sink) {
    generate::Result result;
    request.on_piece = [&](const generate::Piece& piece) {
        if (sink.text && !piece.text.empty()) sink.text(piece.text);
        return true;
    };
    request.on_done = [&](generate::Result&& done) { result = std::move(done); };
    generate::Scheduler scheduler(*model_, *session_);
    const generate::Ticket ticket = scheduler.submit(std::move(request));
    do {
        if (sink.cancelled && sink.cancelled()) scheduler.cancel(ticket);
    } while (scheduler.step());
    if (result.failure) throw Error(*result.failure);
    return result;
}

}  // namespace

std::unique_ptr<ChatBackend> local_chat(std::shared_ptr<const engine::Model> model, LocalChatOptions options) {
    return std::make_unique<LocalChat>(std::move(model), std::move(options));
}

}  // namespace urial::app
